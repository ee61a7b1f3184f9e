//! Writes a classifier for other programs: ONNX, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::DeviceName;
use common::help::uses;
use common::progress::working;
use common::signed::SignatureOptions;
use mobilenet::Precision;
use transfer::export::{Export, PixelInput, WeightsFormat};

/// Write a classifier for other programs; the exported model gives the same probabilities.
///
/// onnx: one file, opset 17, for ONNX Runtime, tract, OpenVINO.
/// tfjs: a folder for `tf.loadLayersModel` in a browser.
/// timm-safetensors: weights for PyTorch; the `create_model` call that fits them is printed and in their metadata.
/// frozen-graph: a folder with retrained_graph.pb and retrained_labels.txt, as retrain.py writes them.
#[derive(Parser)]
#[command(
    verbatim_doc_comment,
    after_help = uses(&[
        (
            "For ONNX Runtime, with a program that prepares pictures for it",
            "export --classifier classifier.safetensors --format onnx --output net.onnx --snippet preprocess.py",
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
    #[arg(long)]
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
    /// Write also a program in Python (Pillow, NumPy) that makes the input of the network of a picture, such as preprocess.py
    #[arg(long, value_name = "FILE")]
    snippet: Option<PathBuf>,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    signature: SignatureOptions,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_outputs(&[("--snippet", options.snippet.as_deref())])?;
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
