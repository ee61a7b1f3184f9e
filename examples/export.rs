//! Writes a classifier for other programs (ONNX, TensorFlow Lite, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph), or as a page.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use common::exporting::NetOptions;
use common::help::uses;
use common::progress::working;
use common::signed::SignatureOptions;
use common::{DeviceName, page};
use transfer::Classifier;
use transfer::export::WeightsFormat;

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
    #[command(flatten)]
    net: NetOptions,
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
    options.net.check_page(options.snippet.is_some())?;
    common::check_outputs(&[("--output", Some(&options.output))])?;
    let mut classifier = options.open()?;
    if let Some(precision) = options.net.precision {
        let folder = options.net.calibration_dir.as_deref();
        classifier = page::in_precision(classifier, precision, folder)?;
    }
    let title = options.net.title.as_deref();
    page::write(&classifier, title, &options.output)
}

fn write_net(options: &Options, format: WeightsFormat) -> Result<(), Box<dyn Error>> {
    options.net.check(format)?;
    let classifier = options.net.prepared(options.open()?, format)?;
    let export = options.net.export(&classifier, format)?;
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
    options.net.say_input(&classifier, format, &options.output);
    if format == WeightsFormat::TimmSafetensors {
        common::say!(
            "model: {}\nthen: model.load_state_dict(safetensors.torch.load_file(\"{}\"))",
            export.timm_call()?,
            files::shown_path(&options.output)
        );
    }
    Ok(())
}
