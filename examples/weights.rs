//! Published weights by name and weights from any file: lists, fetches, inspects and converts them.

mod common;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use common::finish;
use mobilenet::weights::Export;
use mobilenet::{Cache, Fetch, FloatType, Weights, WeightsFormat};

/// Find, fetch, inspect and convert weights of MobileNetV1.
///
/// The format of a file is found from its content: TensorFlow.js, frozen graph, TensorFlow Lite, safetensors, PyTorch
/// state dict, Keras .h5, ONNX, or a .tgz that holds one of them.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  weights list\n  weights fetch mobilenet_v1_0.25_224\n  weights inspect model.json\n  \
                  weights convert retrained_graph.pb net.safetensors --dtype f16\n  weights convert bundled net.onnx --format onnx"
)]
struct Args {
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
        /// Type of the numbers; only safetensors have f16
        #[arg(long, value_enum, default_value = "f32")]
        dtype: Dtype,
    },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Dtype {
    F16,
    F32,
}

fn main() -> ExitCode {
    finish(run(Args::parse().command))
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::List => list(),
        Command::Fetch {
            name,
            offline,
            cache,
        } => {
            let cache = cache.map_or_else(Cache::user, |folder| Ok(Cache::at(folder)))?;
            let path = Fetch::new(cache)
                .with_offline(offline)
                .on_event(common::show_fetch())
                .fetch(&name)?;
            common::say!("{}", path.display());
        }
        Command::Inspect { weights, tensors } => inspect(&Weights::open(&weights)?, tensors),
        Command::Convert {
            input,
            output,
            format,
            dtype,
        } => convert(&Weights::open(&input)?, &output, format, dtype)?,
    }
    Ok(())
}

fn list() {
    common::say!(
        "{:<40} {:>5} {:>5} {:>7} {:>6}  format",
        "name",
        "alpha",
        "size",
        "classes",
        "top-1"
    );
    for row in Weights::all() {
        let top1 = row.top1.map_or("-".into(), |t| format!("{t:.1}"));
        let (name, config, format) = (row.name, &row.config, row.format.title());
        let (alpha, size, classes) = (config.alpha, config.input_size, config.classes);
        common::say!("{name:<40} {alpha:>5} {size:>5} {classes:>7} {top1:>6}  {format}");
    }
}

fn inspect(weights: &Weights, tensors: bool) {
    let (config, view) = (weights.config(), weights.preprocessing());
    common::say!("{}: {}", weights.source(), weights.format().title());
    common::say!(
        "alpha {}, {} classes, epsilon {}",
        config.alpha,
        config.classes,
        config.epsilon
    );
    common::say!(
        "stride 2 padded {:?}, input {} px",
        config.padding,
        view.input_size
    );
    common::say!(
        "(pixel - {}) / {}, crop {}, {:?}",
        view.mean,
        view.std,
        view.crop,
        view.filter
    );
    common::say!("digest {}", weights.digest());
    let variances = weights
        .tensors()
        .filter(|(name, ..)| name.ends_with("running_var"));
    let dead: usize = variances
        .map(|(.., v)| v.iter().filter(|v| **v < 1e-20).count())
        .sum();
    common::say!(
        "{} tensors; {dead} channels with a variance below 1e-20",
        weights.tensors().count()
    );
    if let Some(head) = weights.head() {
        common::say!(
            "and a new last layer of {} inputs, {} classes",
            head.inputs(),
            head.outputs()
        );
    }
    for (name, shape, _) in weights.tensors().filter(|_| tensors) {
        common::say!("  {name} {shape:?}");
    }
}

fn convert(
    weights: &Weights,
    output: &Path,
    format: WeightsFormat,
    dtype: Dtype,
) -> Result<(), Box<dyn Error>> {
    let float_type = match dtype {
        Dtype::F16 => FloatType::F16,
        Dtype::F32 => FloatType::F32,
    };
    let export = Export::new(weights).with_float_type(float_type);
    for path in export.write(format, output)? {
        common::say!("{}", path.display());
    }
    if let Some(head) = weights.head() {
        common::say!(
            "without the new last layer of {} classes: retrain makes one again, in a classifier file",
            head.outputs()
        );
    }
    Ok(())
}
