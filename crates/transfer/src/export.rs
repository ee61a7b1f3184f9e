//! Writes a classifier for other programs: ONNX, TensorFlow Lite, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph.
//!
//! [`mobilenet::weights`] writes the formats; this module turns a classifier into the network that it writes.

use std::path::{Path, PathBuf};

use mobilenet::weights::DenseLayer;
pub use mobilenet::weights::{ExportedFile, PixelInput, WeightsFormat};
use mobilenet::{FloatType, Precision};

use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::preprocess::{describe, python};

/// A classifier that can be written in any [`WeightsFormat`] that has a place for a head. The exported network computes
/// the same probabilities. The names of the classes, how a picture becomes pixels, and the
/// [thresholds](Classifier::thresholds) are written as metadata, and [`Classifier::from_network`] reads them again. The
/// [open-set test](Classifier::open_set) is not exported.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use transfer::export::{Export, PixelInput, WeightsFormat};
/// let classifier = transfer::Classifier::load("boats.safetensors")?;
/// Export::new(&classifier)?
///     .with_input(PixelInput::Byte)
///     .write(WeightsFormat::Onnx, "boats.onnx")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Export<'a> {
    classifier: &'a Classifier,
    input: PixelInput,
    net: mobilenet::weights::Export<'a>,
}

impl<'a> Export<'a> {
    /// Prepares the export. The head may have been trained on the embedding or, as by `retrain.py`, on the backbone's
    /// own logits.
    ///
    /// # Errors
    /// If a weight of the backbone is missing, or the head was trained on the joined outputs of several blocks
    /// ([`Layer::Joined`](mobilenet::Layer::Joined)), which no format can express.
    pub fn new(classifier: &'a Classifier) -> Result<Self> {
        let backbone = classifier.backbone();
        let side = backbone.size() as usize;
        let layers = classifier.head().layers().iter().map(|layer| {
            DenseLayer::new(
                layer.inputs(),
                layer.weights().to_vec(),
                layer.bias().to_vec(),
            )
        });
        let net = mobilenet::weights::Export::new(backbone.weights())
            .with_head(backbone.layer(), layers.collect::<Result<_, _>>()?)
            .with_classes(classifier.classes())
            .with_size(side)
            .with_preprocessing(describe(backbone, PixelInput::default()))
            .with_thresholds(classifier.thresholds().unwrap_or_default().to_vec())
            .with_description(in_words(classifier))
            .with_producer(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        net.check()?;
        Ok(Self {
            classifier,
            input: PixelInput::default(),
            net,
        })
    }

    /// Sets which input the exported network takes, and so whether it includes the normalization. Default:
    /// [`PixelInput::Normalized`].
    pub fn with_input(mut self, input: PixelInput) -> Self {
        let preprocessing = describe(self.classifier.backbone(), input);
        self.net = self.net.with_input(input).with_preprocessing(preprocessing);
        self.input = input;
        self
    }

    /// Sets the numbers of the exported network. With [`Precision::Int8`] it computes with the integers of a quantized
    /// classifier ([`quantize`](crate::quantize)), and its head with floats; only ONNX and TensorFlow Lite can express that.
    /// With [`Precision::F32`], the default, it has the floats that the integers stand for.
    ///
    /// # Errors
    /// [`Error::Setting`] if the classifier is not quantized, or the precision is another one.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        let setting = |expected: &str| Error::Setting {
            setting: "precision of the export",
            value: precision.to_string(),
            expected: expected.into(),
        };
        match (precision, self.classifier.backbone().integers()) {
            (Precision::F32, _) => Ok(self),
            (Precision::Int8, Some(integers)) => {
                self.net = self.net.with_integers(integers);
                Ok(self)
            }
            (Precision::Int8, None) => Err(setting(
                "f32, since this classifier computes with floats: quantize it first",
            )),
            _ => Err(setting("f32 or int8")),
        }
    }

    /// Stores the weights in half precision, in half of the bytes; only TensorFlow Lite can express that. Programs compute with
    /// them in single precision.
    pub fn with_half_weights(mut self) -> Self {
        self.net = self.net.with_float_type(FloatType::F16);
        self
    }

    /// Sets the license of the weights, such as `Apache-2.0`, which TensorFlow Lite models store. Default: nothing.
    pub fn with_license(mut self, license: impl Into<String>) -> Self {
        self.net = self.net.with_license(license);
        self
    }

    /// The Python expression that makes the timm network for the file of [`WeightsFormat::TimmSafetensors`].
    ///
    /// # Errors
    /// The errors of [`Export::new`].
    pub fn timm_call(&self) -> Result<String> {
        Ok(self.net.timm_call()?)
    }

    /// A Python program, with Pillow and NumPy, whose function `load(path)` turns a picture into the input of a network
    /// in this format: upright, transparency over white, the resize policy and its filter, and the normalization if it
    /// is not part of the network. For ONNX and TensorFlow Lite it also runs the network, with ONNX Runtime and LiteRT:
    /// `python snippet.py net.onnx photo.jpg` prints the classes with their probabilities.
    ///
    /// Its pixels are those of [`Backbone::loader`](crate::Backbone::loader) to within one level, except for JPEGs. Most
    /// store colors at half the resolution. Where libjpeg computes the colors between them in one step, zune-jpeg rounds
    /// twice, and always up: on photographs 0.2 levels on average and at most 4, a little towards red and blue. It has no
    /// setting for this. Probabilities of photographs moved by up to 0.016.
    pub fn snippet(&self, format: WeightsFormat) -> String {
        python(self.classifier.backbone(), self.input, format)
    }

    /// The files of the export in memory.
    ///
    /// # Errors
    /// If the format can only be read, or cannot express this classifier.
    pub fn to_files(&self, format: WeightsFormat) -> Result<Vec<ExportedFile>> {
        Ok(self.net.to_files(format)?)
    }

    /// The paths that [`write`](Self::write) writes to, in its order.
    ///
    /// # Errors
    /// The errors of [`to_files`](Self::to_files).
    pub fn paths(&self, format: WeightsFormat, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        Ok(self.net.paths(format, output)?)
    }

    /// Writes `output`, a folder or a file ([`WeightsFormat::is_folder`]); beside an ONNX or a TensorFlow Lite model, `labels.txt`. Each file
    /// appears under its name only when it is complete. The same classifier gives the same bytes. Returns the paths of the
    /// files.
    ///
    /// # Errors
    /// The errors of [`to_files`](Self::to_files); if a file cannot be written; if a `labels.txt` with other names is there
    /// already.
    pub fn write(&self, format: WeightsFormat, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        Ok(self.net.write(format, output)?)
    }
}

/// What the classifier knows of itself, for people who have only the exported file.
fn in_words(classifier: &Classifier) -> String {
    let known = classifier.provenance();
    let backbone = classifier.backbone();
    let config = backbone.weights().config();
    let mut lines = vec![format!(
        "A MobileNetV1 of width {} with a head on its {}, for {}.",
        config.alpha,
        backbone.layer(),
        match classifier.classes() {
            few if few.len() <= 20 => few.join(", "),
            many => format!("{} classes", many.len()),
        }
    )];
    let count = |part: &str| known.images.get(part).map(|images| images.count);
    if let Some(count) = count("training") {
        lines.push(format!("Trained on {count} images."));
    }
    if let Some(accuracy) = known.metrics.get("test accuracy") {
        let count = count("test").map(|count| format!(" on {count} images"));
        let count = count.unwrap_or_default();
        lines.push(format!(
            "Test accuracy {accuracy:.4}{count}, before the export."
        ));
    }
    lines.extend(known.date.as_ref().map(|date| format!("Date: {date}.")));
    lines.extend(
        known
            .quantization
            .as_ref()
            .map(|record| format!("Integers: {record}.")),
    );
    lines.push(format!("SHA-256 of the weights: {}.", backbone.digest()));
    lines.join("\n")
}
