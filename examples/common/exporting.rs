//! What an exported network takes and computes with, as options.

use std::error::Error;
use std::path::{Path, PathBuf};

use mobilenet::Precision;
use transfer::Classifier;
use transfer::export::{Export, PixelInput, WeightsFormat};
use transfer::quantize::quantize_without_images;

use crate::page::{self, PagePrecision};

/// What an exported network takes and computes with.
#[derive(clap::Args)]
pub struct NetOptions {
    /// Numbers of the network's weights. Only tflite and pages have float16. Only onnx, tflite and pages have int8: onnx of a
    /// classifier whose network is one of integers (tensors are dequantized where they are read: QDQ), tflite and a page of any
    /// classifier [default: float32, and for a page as in the classifier's file]
    #[arg(long, value_enum)]
    pub precision: Option<PagePrecision>,
    /// With --format page or tflite and --precision int8, the folder that the classifier was trained on: some hundred of its
    /// training images correct what rounding changes. A page needs it; tflite works without, and answers worse
    #[arg(long, value_name = "DIR")]
    pub calibration_dir: Option<PathBuf>,
    /// With --format tflite --precision int8, what the network takes: levels as bytes (uint8), levels less 128 (int8, for
    /// microcontrollers), or normalized floats (float32). MediaPipe takes no int8 [default: uint8]
    #[arg(long, value_enum)]
    pub io: Option<Io>,
    /// With --format tflite, the license of the weights for its metadata, such as Apache-2.0
    #[arg(long, value_name = "NAME")]
    pub license: Option<String>,
    /// With --format page, its heading [default: the name of the output]
    #[arg(long)]
    pub title: Option<String>,
    /// Put the normalization into the model. It then takes pixel levels 0 to 255, [n, side, side, 3]: bytes (onnx) or
    /// floats (tfjs, frozen-graph). The caller still resizes
    #[arg(long)]
    pub with_preprocessing: bool,
}

/// The input of a network of integers.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Io {
    /// Levels 0 to 255.
    Uint8,
    /// Levels less 128.
    Int8,
    /// Normalized floats.
    Float32,
}

impl NetOptions {
    /// Refuses options that are not for a page. `snippet`: whether a program is to be written.
    ///
    /// # Errors
    /// Where there is one.
    pub fn check_page(&self, snippet: bool) -> Result<(), Box<dyn Error>> {
        let integers = self.precision == Some(PagePrecision::Int8);
        first_of([
            (
                self.io.is_some() || self.license.is_some(),
                "--io and --license are for --format tflite",
            ),
            (
                self.with_preprocessing || snippet,
                "--with-preprocessing and --snippet are not for --format page, which prepares pictures itself",
            ),
            (
                self.calibration_dir.is_some() && !integers,
                "--calibration-dir is for --precision int8",
            ),
        ])
    }

    /// Refuses options that are not for this format.
    ///
    /// # Errors
    /// Where there is one.
    pub fn check(&self, format: WeightsFormat) -> Result<(), Box<dyn Error>> {
        let tflite = format == WeightsFormat::Tflite;
        let integers = self.precision == Some(PagePrecision::Int8);
        let half = self.precision == Some(PagePrecision::Float16);
        first_of([
            (self.title.is_some(), "--title is for --format page"),
            (
                self.calibration_dir.is_some() && !(tflite && integers),
                "--calibration-dir is for --format page or tflite with --precision int8",
            ),
            (
                half && !tflite,
                "--precision float16 is for --format page and tflite",
            ),
            (
                self.io.is_some() && !(tflite && integers),
                "--io is for --format tflite with --precision int8: floats take normalized floats",
            ),
            (
                self.license.is_some() && !tflite,
                "--license is for --format tflite",
            ),
            (
                self.with_preprocessing && tflite,
                "--with-preprocessing is not for --format tflite, whose metadata tell programs the normalization: with \
                 --precision int8 the input can be bytes",
            ),
        ])
    }

    /// The classifier as it is exported: with a network of integers where a TensorFlow Lite model of them is wanted.
    ///
    /// # Errors
    /// As [`page::in_precision`] and [`quantize_without_images`].
    pub fn prepared(
        &self,
        classifier: Classifier,
        format: WeightsFormat,
    ) -> Result<Classifier, Box<dyn Error>> {
        if format != WeightsFormat::Tflite || self.precision != Some(PagePrecision::Int8) {
            return Ok(classifier);
        }
        let folder = self.calibration_dir.as_deref();
        if folder.is_some() || classifier.backbone().integers().is_some() {
            return page::in_precision(classifier, PagePrecision::Int8, folder);
        }
        crate::say!(
            "without --calibration-dir nothing corrects what rounding to integers changes: more answers differ from the \
             classifier's"
        );
        Ok(quantize_without_images(&classifier)?)
    }

    /// The export of a classifier that is [`prepared`](Self::prepared).
    ///
    /// # Errors
    /// What [`Export`] finds.
    pub fn export<'a>(
        &self,
        classifier: &'a Classifier,
        format: WeightsFormat,
    ) -> Result<Export<'a>, Box<dyn Error>> {
        let precision = match self.precision {
            Some(PagePrecision::Int8) => Precision::Int8,
            _ => Precision::F32,
        };
        let export = Export::new(classifier)?
            .with_input(self.input(format))
            .with_precision(precision)?
            .with_license(self.license.clone().unwrap_or_default());
        Ok(match self.precision {
            Some(PagePrecision::Float16) => export.with_half_weights(),
            _ => export,
        })
    }

    /// Says what the input of the exported network is.
    pub fn say_input(&self, classifier: &Classifier, format: WeightsFormat, output: &Path) {
        if format == WeightsFormat::Tflite {
            crate::tflite::say(classifier, self.input(format), output);
        } else {
            crate::model::say_input(classifier, self.with_preprocessing);
        }
    }

    fn input(&self, format: WeightsFormat) -> PixelInput {
        let integers = self.precision == Some(PagePrecision::Int8);
        match (self.with_preprocessing, format) {
            (_, WeightsFormat::Tflite) if integers => match self.io.unwrap_or(Io::Uint8) {
                Io::Uint8 => PixelInput::Byte,
                Io::Int8 => PixelInput::SignedByte,
                Io::Float32 => PixelInput::Normalized,
            },
            (false, _) => PixelInput::Normalized,
            (true, WeightsFormat::Onnx) => PixelInput::Byte,
            (true, _) => PixelInput::Float,
        }
    }
}

/// An error with the words of the first that is true.
fn first_of<const N: usize>(wrong: [(bool, &str); N]) -> Result<(), Box<dyn Error>> {
    match wrong.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, reason)) => Err(reason.into()),
        None => Ok(()),
    }
}
