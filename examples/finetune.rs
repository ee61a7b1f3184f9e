//! Fine-tunes the last blocks of the network on a folder of images.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::finetuning::{TuningOptions, show};
use common::help::uses;
use common::images::ImageOptions;
use common::interrupt::interrupted;
use common::network::NetworkOptions;
use common::say;

use dataset::split::BesideTestFolder;
use metrics::report::learning_curves_svg;
use transfer::finetune::LearningRateRange;
use transfer::head::Stopped;
use transfer::job::FineTuneJob;

/// Fine-tune on a folder of images: first a head on the frozen network, then the last blocks together with the head.
///
/// The head is fitted on the training images alone, so that the validation images can judge it and every epoch alike.
/// The epoch with the lowest validation loss is kept, or the frozen network where no epoch is better. Test images are
/// used once, at the end. Ctrl-C ends the training with the best epoch so far; the same command then continues it, also
/// after a crash. The learning curve is drawn beside the classifier.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Train the last two blocks of the network, too", "finetune --image-dir photos"),
        ("Find a learning rate", "finetune --image-dir photos --find-rate rates.svg"),
        (
            "Train longer, and more of the network",
            "finetune --image-dir photos --epochs 20 --blocks 6",
        ),
    ])
)]
pub(crate) struct Options {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    tuning: TuningOptions,
    /// File for the classifier
    #[arg(long, default_value = "finetuned.safetensors")]
    output: PathBuf,
    /// Folder for event files of the training, for TensorBoard
    #[arg(long, value_name = "DIR")]
    summaries_dir: Option<PathBuf>,
    /// Only try learning rates, and draw the losses into this file (SVG)
    #[arg(long)]
    find_rate: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_outputs(&[("--output", Some(&options.output))])?;
    let device = common::device(options.network.device)?;
    let job = FineTuneJob::new(options.images.source(BesideTestFolder::Validation)?)
        .with_backbone(options.network.backbone()?)
        .with_config(options.tuning.config())
        .with_cache(&options.network.cache)
        .with_checkpoint(options.tuning.checkpoint(&options.output))
        .include_training(options.images.include_training)
        .keep_pictures(!options.images.without_pictures)
        .with_summaries(options.summaries_dir.clone())
        .on_event(show(&options.tuning))
        .stop_when(interrupted);
    if let Some(plot) = &options.find_rate {
        let rates = job.find_learning_rate(&device, &LearningRateRange::default())?;
        files::write_bytes(
            plot,
            learning_curves_svg(&[rates.learning_curve()])?.as_bytes(),
        )?;
        match rates.suggestion {
            Some(rate) => say!(
                "--learning-rate {rate:.1e} (see {})",
                files::shown_path(plot)
            ),
            None => say!("no rate lowered the loss (see {})", files::shown_path(plot)),
        }
        return Ok(());
    }

    let start = Instant::now();
    let result = job.run(&device)?;
    say!("{}", result.record);
    if let Some(test) = &result.test {
        say!("{test}");
    }
    if result.record.stopped == Stopped::Cancelled {
        say!(
            "stopped early: this is the best epoch so far; the same command continues the training"
        );
    }
    let curve = options.output.with_extension("svg");
    files::write_bytes(
        &curve,
        learning_curves_svg(&result.record.learning_curves())?.as_bytes(),
    )?;
    result.save(&options.output)?;
    let [path, curve] = [&options.output, &curve].map(|path| files::shown_path(path));
    say!(
        "{:.0} s. The classifier is in {path}, its learning curve in {curve}",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
