//! Writes a classifier for other programs: ONNX, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use common::DeviceName;
use common::help::uses;
use common::progress::working;
use common::signed::SignatureOptions;
use mobilenet::Precision;
use transfer::export::{Export, PixelInput, WeightsFormat};

/// Write a classifier for other programs; the exported model gives the same probabilities.
///
/// onnx: one file, opset 17, for ONNX Runtime, tract, OpenVINO; its first output are the probabilities. Beside it, labels.txt
/// has the names of the classes.
/// tfjs: a folder for `tf.loadLayersModel` in a browser.
/// timm-safetensors: weights for PyTorch; the `create_model` call that fits them is printed and in their metadata.
/// frozen-graph: a folder with retrained_graph.pb and retrained_labels.txt, as retrain.py writes them.
#[derive(Parser)]
#[command(
    verbatim_doc_comment,
    after_help = uses(&[
        (
            "For ONNX Runtime, with a program in Python that asks it about pictures",
            "export --classifier classifier.safetensors --format onnx --output net.onnx --snippet ask.py",
        ),
        ("For a browser", "export --classifier classifier.safetensors --format tfjs --output web"),
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
    /// onnx, tfjs, timm-safetensors or frozen-graph
    #[arg(long, value_parser = formats())]
    format: WeightsFormat,
    /// File (onnx, timm-safetensors) or folder (tfjs, frozen-graph)
    #[arg(long)]
    output: PathBuf,
    /// Numbers of the exported network: f32, or int8 for a classifier that `quantize` wrote or that was retrained with
    /// --precision int8. Only onnx has int8 (tensors that are dequantized where they are read: QDQ)
    #[arg(long, default_value_t = Precision::F32, value_parser = str::parse::<Precision>)]
    precision: Precision,
    /// Put the normalization into the model. It then takes pixel levels 0 to 255, [n, side, side, 3]: bytes (onnx) or
    /// floats (tfjs, frozen-graph). The caller still resizes
    #[arg(long)]
    with_preprocessing: bool,
    /// Write also a program in Python (Pillow, NumPy) that makes the input of the network of a picture, such as preprocess.py.
    /// For onnx it runs the network, too, with ONNX Runtime: python preprocess.py net.onnx photo.jpg
    #[arg(long, value_name = "FILE")]
    snippet: Option<PathBuf>,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    signature: SignatureOptions,
}

/// The formats that hold a classifier, as values of the option.
fn formats() -> impl TypedValueParser<Value = WeightsFormat> {
    let holds =
        |format: &WeightsFormat| format.is_written() && *format != WeightsFormat::Safetensors;
    let names = WeightsFormat::all().filter(holds).map(WeightsFormat::name);
    PossibleValuesParser::new(names.collect::<Vec<_>>()).try_map(|name| name.parse())
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (file, device) = (&options.classifier, options.device);
    let classifier = working("checking the file", || {
        options.signature.classifier(file, device)
    })?;
    let input = match (options.with_preprocessing, options.format) {
        (false, _) => PixelInput::Normalized,
        (true, WeightsFormat::Onnx) => PixelInput::Byte,
        (true, _) => PixelInput::Float,
    };
    let export = Export::new(&classifier)?
        .with_input(input)
        .with_precision(options.precision)?;
    let paths = export.paths(options.format, &options.output)?;
    let beside = paths.iter().map(PathBuf::as_path);
    // What is not there is no input, and its folder may be made only now.
    let beside = beside.filter(|path| *path != options.output && path.exists());
    let beside = beside.map(|path| ("a file of the export", Some(path)));
    let snippet = ("--snippet", options.snippet.as_deref());
    common::check_outputs(&beside.chain([snippet]).collect::<Vec<_>>())?;
    let written = working("exporting", || {
        export.write(options.format, &options.output)
    })?;
    for path in written {
        common::say!("wrote {}", files::shown_path(&path));
    }
    if let Some(path) = &options.snippet {
        common::answers::write(path, export.snippet(options.format))?;
    }
    let backbone = classifier.backbone();
    let config = backbone.weights().config();
    common::say!(
        "images: {} to {size} x {size} pixels",
        backbone.resize(),
        size = backbone.size()
    );
    if options.with_preprocessing {
        common::say!("input: levels 0 to 255, red green blue");
    } else {
        let (mean, std) = (config.mean, config.std);
        common::say!("input: (level - {mean}) / {std}, red green blue");
    }
    if options.format == WeightsFormat::TimmSafetensors {
        common::say!(
            "model: {}\nthen: model.load_state_dict(safetensors.torch.load_file(\"{}\"))",
            export.timm_call()?,
            files::shown_path(&options.output)
        );
    }
    Ok(())
}
