//! A classifier file in words, or a MobileNet layer by layer: shape of the output, parameters, multiply-adds, time.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::DeviceName;
use common::help::uses;
use common::ranges;
use common::signed::SignatureOptions;
use mobilenet::Summary;
use transfer::FileKind;
use transfer::classifier::FileSummary;

/// Show what is in a classifier file, or a network layer by layer.
///
/// For a classifier file: classes, training, accuracy, preprocessing, thresholds, network, and the size of each part. It is
/// loaded, so its seal is checked and its self-test is run. For another file of these programs: what it is, and which program
/// takes it.
///
/// For a network: shape of the output, parameters, multiply-adds, and time on this machine. The parameters are those of the
/// kernels, the batch normalizations (scale, offset, mean, variance) and the classifier. The multiply-adds are those of the
/// convolutions and the classifier, for one image. The time is that of the compiled network on all cores, the shortest of
/// --repeat runs; the time of a layer is the time up to this layer minus the time up to the layer before it.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("See what is in a classifier file", "inspect classifier.safetensors"),
        (
            "Take only files that are signed with your key",
            "inspect classifier.safetensors --require-signature minisign.pub",
        ),
        ("See a network layer by layer, with times", "inspect --weights bundled"),
    ])
)]
pub(crate) struct Options {
    /// A file that one of these programs wrote
    #[arg(conflicts_with = "weights")]
    file: Option<PathBuf>,
    #[command(flatten)]
    signature: SignatureOptions,
    /// `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, default_value = "bundled")]
    weights: String,
    /// Side of the images in pixels [default: the size that the weights were trained on]
    #[arg(long, value_parser = ranges::side())]
    size: Option<usize>,
    /// Images per run
    #[arg(long, help_heading = "Network", default_value_t = 1, value_parser = ranges::batch())]
    batch: usize,
    /// Number of runs, of which the fastest counts; 0 leaves the times out
    #[arg(long, default_value_t = 20, value_parser = ranges::whole(0..=100_000))]
    repeat: usize,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut weights = options.weights.clone();
    if let Some(file) = &options.file {
        match FileKind::of(file) {
            Some(FileKind::Classifier) => return classifier(file, options),
            // Weights of other programs have no kind.
            Some(FileKind::Weights) | None => weights = files::shown_path(file).to_string(),
            Some(kind) => {
                common::say!("{}: {kind}; {}", files::shown_path(file), kind.taken_by());
                return Ok(());
            }
        }
    }
    let weights = common::weights(&weights)?;
    let config = weights.config().clone();
    let size = options.size.unwrap_or(config.input_size);
    ranges::check_pixels(options.batch, size)?;
    let source = weights.source().to_string();
    if let Some(head) = weights.head() {
        let count = common::counted(head.outputs(), "class", "classes");
        common::say!(
            "{source}: a layer of {count} was trained behind the net; with its labels it is a classifier"
        );
    }
    let net = weights.compile()?;
    let (alpha, batch, set) = (config.alpha, options.batch, net.instruction_set());
    common::say!("{source}: alpha {alpha}, {batch} images of {size} x {size}, {set}");
    let summary = Summary::measure(&net, batch, size, options.repeat)?;
    common::say!("{}", summary.to_string().trim_end());
    Ok(())
}

fn classifier(file: &Path, options: &Options) -> Result<(), Box<dyn Error>> {
    if options.signature.require_signature.is_some() {
        options.signature.classifier(file, DeviceName::Cpu)?;
        common::say!("{:<18}by the required key", "signed");
    }
    common::say!("{}", FileSummary::open(file)?);
    Ok(())
}
