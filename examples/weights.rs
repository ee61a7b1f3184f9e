//! Weights by name and from any file: lists, fetches, looks into, converts.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use common::finish;
use mobilenet::{Cache, Fetch, FloatType, Weights};

/// Find, fetch, inspect and convert weights of MobileNetV1.
///
/// Formats are told from the content: tfjs, frozen graphs, tflite, safetensors, state dicts of torch, Keras .h5,
/// or a .tgz that holds one.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  weights list\n  weights fetch mobilenet_v1_0.25_224\n  weights inspect model.json\n  \
                  weights convert retrained_graph.pb net.safetensors --dtype f16"
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
        /// A name of the list
        name: String,
        /// Open no socket: only check what is in the cache
        #[arg(long)]
        offline: bool,
        /// Where files are kept [default: the user's cache]
        #[arg(long, value_name = "FOLDER")]
        cache: Option<PathBuf>,
    },
    /// Say what a file is
    Inspect {
        /// A file, `bundled`, or a name of the list
        weights: PathBuf,
        /// List the tensors too
        #[arg(long)]
        tensors: bool,
    },
    /// Write any file as safetensors
    Convert {
        /// A file, `bundled`, or a name of the list
        input: PathBuf,
        /// The safetensors file to write
        output: PathBuf,
        /// Width of the numbers
        #[arg(long, value_enum, default_value = "f32")]
        dtype: Dtype,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Dtype {
    F16,
    F32,
}

fn main() -> ExitCode {
    finish(run(Args::parse().command))
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::List => {
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
                let (size, format) = (row.preprocessing.input_size, row.format);
                common::say!(
                    "{:<40} {:>5} {size:>5} {:>7} {top1:>6}  {format}",
                    row.name,
                    row.alpha,
                    row.classes
                );
            }
        }
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
        Command::Inspect { weights, tensors } => {
            let weights = Weights::open(&weights)?;
            let (config, view) = (weights.config(), weights.preprocessing());
            common::say!("{}: {}", weights.source(), weights.format());
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
            let dead = weights
                .tensors()
                .filter(|(name, ..)| name.ends_with("running_var"));
            let dead: usize = dead
                .map(|(.., v)| v.iter().filter(|v| **v < 1e-20).count())
                .sum();
            common::say!(
                "{} tensors; {dead} channels with a variance below 1e-20",
                weights.tensors().count()
            );
            if let Some(head) = weights.head() {
                common::say!(
                    "and a new last layer of {} inputs, {} classes",
                    head.inputs,
                    head.bias.len()
                );
            }
            for (name, shape, _) in weights.tensors().filter(|_| tensors) {
                common::say!("  {name} {shape:?}");
            }
        }
        Command::Convert {
            input,
            output,
            dtype,
        } => {
            let precision = match dtype {
                Dtype::F16 => FloatType::F16,
                Dtype::F32 => FloatType::F32,
            };
            let weights = Weights::open(&input)?;
            weights.save(&output, precision)?;
            common::say!("{}", output.display());
            if let Some(head) = weights.head() {
                common::say!(
                    "without the new last layer of {} classes: retrain makes one again, in a classifier file",
                    head.bias.len()
                );
            }
        }
    }
    Ok(())
}
