//! Names images: with a classifier of one's own, or with ImageNet's classes.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{ArgGroup, Parser};
use common::help::uses;
use common::labels::{Labeling, Layout};
use common::network::LimitOptions;
use common::ranges;
use common::signed::SignatureOptions;
use common::{DeviceName, inputs};
use dataset::ResizePolicy;

/// Classify images: print the classes with their probabilities, the most probable first.
///
/// A folder stands for all images in it and in its sub-folders, and `-` for a list of files on standard input. Images that
/// cannot be read are named with the reason, and the exit code is then 1.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("net").required(true).args(["classifier", "weights"])),
    group(ArgGroup::new("layout").args(["json", "csv"])),
    after_help = uses(&[
        ("Ask your classifier", "label_image --classifier classifier.safetensors photo.jpg"),
        (
            "Ask about ImageNet's 1000 classes, without any training",
            "label_image --weights bundled photo.jpg",
        ),
        (
            "Make a table of a whole folder",
            "label_image --classifier classifier.safetensors --csv --output labels.csv photos",
        ),
    ])
)]
pub(crate) struct Options {
    /// A file that `retrain` wrote, or a network that another program retrained
    #[arg(long)]
    classifier: Option<PathBuf>,
    /// The classes of a network: ImageNet's of `bundled` and published names, or those of a file or folder with the weights of
    /// a MobileNetV1, such as retrain.py's retrained_graph.pb beside its retrained_labels.txt
    #[arg(long)]
    weights: Option<String>,
    /// How many classes to name
    #[arg(long, default_value_t = 5, value_parser = ranges::whole(1..=1_000_000))]
    top: usize,
    /// With --weights, how images become squares: squash, center-crop, letterbox or tf1 [default: center-crop; tf1 for a
    /// network that retrain.py retrained]
    #[arg(long, conflicts_with = "classifier")]
    resize: Option<ResizePolicy>,
    /// Print one JSON object for each image, each on a line of its own
    #[arg(long)]
    json: bool,
    /// Print a table: one line for each image
    #[arg(long)]
    csv: bool,
    /// Write the answers to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Batch size: images per call of the network
    #[arg(long, help_heading = "Network", default_value_t = 32, value_parser = ranges::batch())]
    batch: usize,
    /// Print the total time at the end
    #[arg(long)]
    timings: bool,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    signature: SignatureOptions,
    #[command(flatten)]
    limits: LimitOptions,
    /// Images, folders of images, or - for a list of files on standard input
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    common::check_outputs(&[("--output", options.output.as_deref())])?;
    let classifier = match (&options.classifier, &options.weights) {
        (Some(path), _) => options.signature.classifier(path, options.device)?,
        (None, name) => {
            let network = name.as_deref().unwrap_or("bundled");
            let signature = &options.signature;
            signature.network(network, options.resize, options.device)?
        }
    };
    let classifier = classifier.with_max_pixels(options.limits.max_pixels);
    let images = inputs::expand(&options.images)?;
    let layout = Layout::new(&classifier, options.top, options.json, options.csv);
    let labeling = Labeling::new(layout, options.batch, options.output.as_deref());
    let start = Instant::now();
    let failed = labeling.label(&images)?;
    if options.timings {
        let seconds = start.elapsed().as_secs_f64();
        let rate = images.len() as f64 / seconds;
        common::warn!(
            "{} in {seconds:.2} s, {rate:.1} images/s",
            common::counted(images.len(), "image", "images")
        );
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}
