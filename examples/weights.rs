//! Published weights by name and weights from any file: lists, fetches, inspects and converts them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::help::uses;
use mobilenet::weights::Export;
use mobilenet::{FloatType, Weights, WeightsFormat};

/// Find, fetch, inspect and convert weights of MobileNetV1.
///
/// The format of a file is found from its content: TensorFlow.js, frozen graph, TensorFlow Lite, safetensors, PyTorch
/// state dict, Keras .h5, ONNX, or a .tgz that holds one of them.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("See which published weights there are", "weights list"),
        ("See what is in a file", "weights inspect model.json"),
        ("Write weights in another format", "weights convert bundled net.onnx --format onnx"),
    ])
)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the published files that are known by name
    List,
    /// Fetch a published file into the cache
    Fetch {
        /// A name from the list
        name: String,
        /// Open no socket: only check what is in the cache
        #[arg(long)]
        offline: bool,
        /// Folder of the cache [default: the user's cache]
        #[arg(long, value_name = "FOLDER")]
        cache: Option<PathBuf>,
    },
    /// Print what a file contains
    Inspect {
        /// A file, `bundled`, or a name from the list
        weights: PathBuf,
        /// List the tensors too
        #[arg(long)]
        tensors: bool,
        /// Of a quantized file: the floats that its integers stand for
        #[arg(long)]
        dequantize: bool,
    },
    /// Write the net of any file in another format
    Convert {
        /// A file, `bundled`, or a name from the list
        input: PathBuf,
        /// The file to write, or the folder (tfjs, frozen-graph)
        output: PathBuf,
        /// safetensors, timm-safetensors, tfjs, frozen-graph or onnx
        #[arg(long, default_value = "safetensors")]
        format: WeightsFormat,
        /// Type of the numbers, f16 or f32; only safetensors can have f16
        #[arg(long, default_value = "f32")]
        dtype: FloatType,
        /// Of a quantized file: write the floats that its integers stand for
        #[arg(long)]
        dequantize: bool,
    },
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match &options.command {
        Command::List => {
            for published in Weights::all() {
                common::say!("{published}");
            }
        }
        Command::Fetch {
            name,
            offline,
            cache,
        } => {
            common::say!(
                "{}",
                common::fetch(name, cache.clone(), *offline)?.display()
            );
        }
        Command::Inspect {
            weights,
            tensors,
            dequantize,
        } => inspect(&open(weights, *dequantize)?, *tensors),
        Command::Convert {
            input,
            output,
            format,
            dtype,
            dequantize,
        } => {
            let weights = open(input, *dequantize)?;
            let export = Export::new(&weights).with_float_type(*dtype);
            for path in export.write(*format, output)? {
                common::say!("{}", files::shown_path(&path));
            }
            if let Some(head) = weights.head() {
                common::say!(
                    "the trained last layer of {} classes is left out; retrain makes a new one, in a classifier file",
                    head.outputs()
                );
            }
        }
    }
    Ok(())
}

fn open(path: &Path, dequantize: bool) -> mobilenet::Result<Weights> {
    if dequantize {
        Weights::open_dequantized(path)
    } else {
        Weights::open(path)
    }
}

fn inspect(weights: &Weights, tensors: bool) {
    common::say!("{weights}");
    for (name, shape, _) in weights.tensors().filter(|_| tensors) {
        common::say!("  {name} {shape:?}");
    }
}
