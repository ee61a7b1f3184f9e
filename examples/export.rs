//! Writes a classifier for other programs (ONNX, TensorFlow Lite, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph), or as a page.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use common::DeviceName;
use common::help::uses;
use common::model::say_input;
use common::page::{self, PagePrecision};
use common::progress::working;
use common::signed::SignatureOptions;
use mobilenet::Precision;
use transfer::Classifier;
use transfer::export::{Export, PixelInput, WeightsFormat};
use transfer::quantize::quantize_without_images;

/// Write a classifier for other programs; the exported model gives the same probabilities.
///
/// onnx: one file, opset 17, for ONNX Runtime, tract, OpenVINO; its first output are the probabilities. Beside it, labels.txt
/// has the names of the classes.
/// tflite: one file for LiteRT, MediaPipe and Android's Task Library, with normalization and names of the classes inside; beside
/// it, labels.txt. Printed: how Python, Kotlin, Swift and JavaScript ask it.
/// tfjs: a folder for `tf.loadLayersModel` in a browser.
/// timm-safetensors: weights for PyTorch; the `create_model` call that fits them is printed and in their metadata.
/// frozen-graph: a folder with retrained_graph.pb and retrained_labels.txt, as retrain.py writes them.
/// page: one HTML file that classifies what a camera sees, and pictures; with everything inside, it sends nothing anywhere.
#[derive(Parser)]
#[command(
    verbatim_doc_comment,
    after_help = uses(&[
        (
            "For ONNX Runtime, with a program in Python that asks it about pictures",
            "export --classifier classifier.safetensors --format onnx --output net.onnx --snippet ask.py",
        ),
        (
            "For phones, in a quarter of the bytes",
            "export --classifier classifier.safetensors --format tflite --precision int8 --calibration-dir photos --output net.tflite",
        ),
        ("For a browser", "export --classifier classifier.safetensors --format tfjs --output web"),
        (
            "As a page, to open from disk or to put on any web server",
            "export --classifier classifier.safetensors --format page --output boats.html",
        ),
        (
            "For PyTorch",
            "export --classifier classifier.safetensors --format timm-safetensors --output net.safetensors",
        ),
    ])
)]
pub(crate) struct Options {
    /// A file that `retrain` wrote
    #[arg(long)]
    classifier: PathBuf,
    /// onnx, tflite, tfjs, timm-safetensors, frozen-graph or page
    #[arg(long, value_parser = formats())]
    format: Format,
    /// File (onnx, tflite, timm-safetensors, page) or folder (tfjs, frozen-graph)
    #[arg(long)]
    output: PathBuf,
    /// Numbers of the network's weights. Only tflite and pages have float16. Only onnx, tflite and pages have int8: onnx of a
    /// classifier whose network is one of integers (tensors are dequantized where they are read: QDQ), tflite and a page of any
    /// classifier [default: float32, and for a page as in the classifier's file]
    #[arg(long, value_enum)]
    precision: Option<PagePrecision>,
    /// With --format page or tflite and --precision int8, the folder that the classifier was trained on: some hundred of its
    /// training images correct what rounding changes. A page needs it; tflite works without, and answers worse
    #[arg(long, value_name = "DIR")]
    calibration_dir: Option<PathBuf>,
    /// With --format tflite --precision int8, what the network takes: levels as bytes (uint8), levels less 128 (int8, for
    /// microcontrollers), or normalized floats (float32). MediaPipe takes no int8 [default: uint8]
    #[arg(long, value_enum)]
    io: Option<Io>,
    /// With --format tflite, the license of the weights for its metadata, such as Apache-2.0
    #[arg(long, value_name = "NAME")]
    license: Option<String>,
    /// With --format page, its heading [default: the name of the output]
    #[arg(long)]
    title: Option<String>,
    /// Put the normalization into the model. It then takes pixel levels 0 to 255, [n, side, side, 3]: bytes (onnx) or
    /// floats (tfjs, frozen-graph). The caller still resizes
    #[arg(long)]
    with_preprocessing: bool,
    /// Write also a program in Python (Pillow, NumPy) that makes the input of the network of a picture, such as preprocess.py.
    /// For onnx and tflite it runs the network, too, with ONNX Runtime or LiteRT: python preprocess.py net.onnx photo.jpg
    #[arg(long, value_name = "FILE")]
    snippet: Option<PathBuf>,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    signature: SignatureOptions,
}

/// The input of a network of integers.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Io {
    Uint8,
    Int8,
    Float32,
}

/// What is written.
#[derive(Clone, Copy)]
enum Format {
    Page,
    Net(WeightsFormat),
}

/// The formats that hold a classifier, as values of the option.
fn formats() -> impl TypedValueParser<Value = Format> {
    let holds =
        |format: &WeightsFormat| format.is_written() && *format != WeightsFormat::Safetensors;
    let nets = WeightsFormat::all().filter(holds).map(WeightsFormat::name);
    let names: Vec<_> = nets.chain(["page"]).collect();
    PossibleValuesParser::new(names).try_map(|name| match &name[..] {
        "page" => Ok(Format::Page),
        _ => name.parse().map(Format::Net),
    })
}

impl Options {
    fn open(&self) -> Result<Classifier, Box<dyn Error>> {
        let (file, device) = (&self.classifier, self.device);
        working("checking the file", || {
            self.signature.classifier(file, device)
        })
    }
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match options.format {
        Format::Page => write_page(options),
        Format::Net(format) => write_net(options, format),
    }
}

fn write_page(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.io.is_some() || options.license.is_some() {
        return Err("--io and --license are for --format tflite".into());
    }
    if options.with_preprocessing || options.snippet.is_some() {
        return Err("--with-preprocessing and --snippet are not for --format page, which prepares pictures itself".into());
    }
    if options.calibration_dir.is_some() && options.precision != Some(PagePrecision::Int8) {
        return Err("--calibration-dir is for --precision int8".into());
    }
    common::check_outputs(&[("--output", Some(&options.output))])?;
    let mut classifier = options.open()?;
    if let Some(precision) = options.precision {
        let folder = options.calibration_dir.as_deref();
        classifier = page::in_precision(classifier, precision, folder)?;
    }
    page::write(&classifier, options.title.as_deref(), &options.output)
}

/// Refuses options of other formats.
fn check_net_options(options: &Options, format: WeightsFormat) -> Result<(), Box<dyn Error>> {
    let tflite = format == WeightsFormat::Tflite;
    let integers = options.precision == Some(PagePrecision::Int8);
    let half = options.precision == Some(PagePrecision::Float16);
    let refused = [
        (options.title.is_some(), "--title is for --format page"),
        (
            options.calibration_dir.is_some() && !(tflite && integers),
            "--calibration-dir is for --format page or tflite with --precision int8",
        ),
        (
            half && !tflite,
            "--precision float16 is for --format page and tflite",
        ),
        (
            options.io.is_some() && !(tflite && integers),
            "--io is for --format tflite with --precision int8: floats take normalized floats",
        ),
        (
            options.license.is_some() && !tflite,
            "--license is for --format tflite",
        ),
        (
            options.with_preprocessing && tflite,
            "--with-preprocessing is not for --format tflite, whose metadata tell programs the normalization: with \
             --precision int8 the input can be bytes",
        ),
    ];
    match refused.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, reason)) => Err(reason.into()),
        None => Ok(()),
    }
}

/// The classifier with a network of integers, for a TensorFlow Lite model.
fn in_integers(
    classifier: Classifier,
    calibration_dir: Option<&Path>,
) -> Result<Classifier, Box<dyn Error>> {
    if calibration_dir.is_some() || classifier.backbone().integers().is_some() {
        return page::in_precision(classifier, PagePrecision::Int8, calibration_dir);
    }
    common::say!(
        "without --calibration-dir nothing corrects what rounding to integers changes: more answers differ from the classifier's"
    );
    Ok(quantize_without_images(&classifier)?)
}

fn write_net(options: &Options, format: WeightsFormat) -> Result<(), Box<dyn Error>> {
    check_net_options(options, format)?;
    let mut classifier = options.open()?;
    let integers = options.precision == Some(PagePrecision::Int8);
    if integers && format == WeightsFormat::Tflite {
        classifier = in_integers(classifier, options.calibration_dir.as_deref())?;
    }
    let input = match (options.with_preprocessing, format, options.io) {
        (_, WeightsFormat::Tflite, io) if integers => match io.unwrap_or(Io::Uint8) {
            Io::Uint8 => PixelInput::Byte,
            Io::Int8 => PixelInput::SignedByte,
            Io::Float32 => PixelInput::Normalized,
        },
        (false, ..) => PixelInput::Normalized,
        (true, WeightsFormat::Onnx, _) => PixelInput::Byte,
        (true, ..) => PixelInput::Float,
    };
    let precision = if integers {
        Precision::Int8
    } else {
        Precision::F32
    };
    let mut export = Export::new(&classifier)?
        .with_input(input)
        .with_precision(precision)?
        .with_license(options.license.clone().unwrap_or_default());
    if options.precision == Some(PagePrecision::Float16) {
        export = export.with_half_weights();
    }
    let paths = export.paths(format, &options.output)?;
    let beside = paths.iter().map(PathBuf::as_path);
    // What is not there is no input, and its folder may be made only now.
    let beside = beside.filter(|path| *path != options.output && path.exists());
    let beside = beside.map(|path| ("a file of the export", Some(path)));
    let snippet = ("--snippet", options.snippet.as_deref());
    common::check_outputs(&beside.chain([snippet]).collect::<Vec<_>>())?;
    let written = working("exporting", || export.write(format, &options.output))?;
    for path in written {
        common::say!("wrote {}", files::shown_path(&path));
    }
    if let Some(path) = &options.snippet {
        common::answers::write(path, export.snippet(format))?;
    }
    if format == WeightsFormat::Tflite {
        common::tflite::say(&classifier, input, &options.output);
    } else {
        say_input(&classifier, options.with_preprocessing);
    }
    if format == WeightsFormat::TimmSafetensors {
        common::say!(
            "model: {}\nthen: model.load_state_dict(safetensors.torch.load_file(\"{}\"))",
            export.timm_call()?,
            files::shown_path(&options.output)
        );
    }
    Ok(())
}
