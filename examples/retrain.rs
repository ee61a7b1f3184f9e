//! Retrains MobileNet on a folder of images: one sub-folder for each class in, one classifier file out.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::held_out::HeldOutOptions;
use common::help::uses;
use common::images::ImageOptions;
use common::network::{NetworkOptions, PublishedOptions};
use common::outcome::{say_next, say_outcome};
use common::recipe::RecipeOptions;
use common::signed::SignatureOptions;
use common::training::Progress;
use mobilenet::Precision;
use transfer::classifier::RejectOption;
use transfer::insight::SampleSize;
use transfer::retrain::Retrain;

/// Retrain MobileNet on a folder of images, one sub-folder for each class.
///
/// Without --image-dir it draws a sample set of boats and clouds and retrains on that. Without --test-dir a tenth of
/// the images is kept for validation and a tenth for the test, chosen by a hash of their file names. Embeddings are kept
/// in --cache, so that a second run computes only what is new. Ctrl-C ends the training with the best head so far.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Retrain on your own images", "retrain --image-dir photos"),
        (
            "Write a page with all numbers and mistakes, too",
            "retrain --image-dir photos --report report.html",
        ),
        ("Find out whether more images would help", "retrain --image-dir photos --learning-curve"),
    ])
)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of the command line.
pub(crate) struct Options {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    published: PublishedOptions,
    /// Numbers that the network computes with: f32, or int8, which is several times as fast where the processor has
    /// instructions for it. The network is then quantized on a hundred training images before anything else is done
    #[arg(long, default_value_t = Precision::F32, value_parser = str::parse::<Precision>)]
    precision: Precision,
    /// Continue from a classifier: its network and its preparation of images and, with the parity recipe, its head. The
    /// folder may have classes that the classifier does not know
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["weights", "layer", "resize", "bands", "architecture", "blocks"]
    )]
    from: Option<PathBuf>,
    #[command(flatten)]
    signature: SignatureOptions,
    /// Date of the training for the classifier file; by default it has none, so that the same input gives the same bytes
    #[arg(long)]
    date: Option<String>,
    /// Always answer with a class, never "none of the classes"
    #[arg(long)]
    no_reject: bool,
    /// The classifier file to write
    #[arg(long, default_value = "classifier.safetensors")]
    output: PathBuf,
    #[command(flatten)]
    held_out: HeldOutOptions,
    /// Write event files for TensorBoard into this folder
    #[arg(long, value_name = "DIR")]
    summaries_dir: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeOptions,
    /// List the misclassified test images
    #[arg(long)]
    print_misclassified_test_images: bool,
    /// Measure whether more images would help: heads are fitted on parts of the images, and what twice as many would bring is
    /// extrapolated. It takes about as long as the cross-validation; with the parity recipe, minutes
    #[arg(long)]
    learning_curve: bool,
    /// Print every setting that cross-validation tries, and precision and recall of each class
    #[arg(long, short)]
    verbose: bool,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let checkpoint = options.output.with_extension("training");
    common::check_outputs(&[
        ("--output", Some(&options.output)),
        ("the checkpoint", Some(&checkpoint)),
        ("--metrics", options.held_out.metrics.as_deref()),
        ("--report", options.held_out.report.as_deref()),
        ("--answers", options.held_out.answers.as_deref()),
    ])?;
    let mut progress = Progress::new(&options.network.cache, options.verbose);
    let head = options.recipe.config()?;
    let mut job = Retrain::new(options.images.source(options.recipe.beside())?)
        .with_head(head)
        .with_precision(options.precision)
        .with_cache(&options.network.cache)
        .with_checkpoint(&checkpoint)
        .include_training(options.images.include_training)
        .keep_pictures(!options.images.without_pictures)
        .with_summaries(options.summaries_dir.clone())
        .with_date(options.date.clone())
        .with_reject_option((!options.no_reject).then(RejectOption::new))
        .with_learning_curve(options.learning_curve.then(SampleSize::new))
        .on_event(|event| progress.show(event))
        .stop_when(common::interrupt::interrupted);
    if let Some((variation, variants)) = options.recipe.variation()? {
        job = job.with_variation(variation, variants);
    }
    job = if let Some(path) = &options.from {
        let classifier = options.signature.classifier(path, options.network.device)?;
        job.start_from(classifier.with_max_pixels(options.network.decoding.limits.max_pixels))
    } else {
        let weights = options.published.weights(&options.network)?;
        job.with_backbone(options.network.backbone_of(weights)?)
    };
    let job = job.run()?;
    job.save(&options.output)?;
    say_outcome(
        &job,
        options.recipe.is_parity(),
        options.print_misclassified_test_images,
        options.verbose,
    );
    let (images, seconds) = (&options.images, start.elapsed().as_secs_f64());
    options
        .held_out
        .write(job, &options.output, images, seconds)?;
    say_next(
        &options.output,
        &images.folder(),
        options.held_out.report.as_deref(),
        options.learning_curve,
    );
    Ok(())
}
