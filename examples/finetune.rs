//! Retrains with the last blocks of the network learning too.

mod common;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::finetuning::{TuningOptions, say, show};
use common::images::{BesideTestDir, ImageOptions, Images};
use common::interrupt::on_interrupt;
use common::network::{NetworkOptions, embed};
use transfer::finetune::FineTuneEvent;
use transfer::{ClassWeights, Classifier, HeadConfig};

/// Fine-tune on a folder of images: first a head on the frozen network, then the last blocks learn along with it.
///
/// The head is fitted on the training images alone, so that the validation images judge it and every epoch alike. The
/// epoch with the lowest validation loss is kept, or the frozen network where none is better. Test images are looked
/// at once, at the end. Ctrl-C ends the training with the best epoch so far.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    tuning: TuningOptions,
    /// Where the classifier is written
    #[arg(long, default_value = "finetuned.safetensors")]
    output: PathBuf,
    /// Try learning rates, write the plot (SVG) here, and end
    #[arg(long)]
    find_rate: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let device = common::device(options.network.device)?;
    let Images { folder, split, .. } = options.images.open(BesideTestDir::Validation)?;
    let backbone = options.network.backbone()?;
    let cache = options.network.cache()?;
    let training = embed(&backbone, &split.training, &cache, "training")?.embeddings;
    let head = HeadConfig::new().with_class_weights(ClassWeights::None);
    let (head, report) = head.fit(&training, &training.select(&[]))?;
    let frozen = Classifier::new(backbone, head, folder.classes().to_vec())?.with_report(report);

    let config = options.tuning.config();
    let bar = common::progress(split.training.len(), "frozen part");
    if let Some(plot) = &options.find_rate {
        let (images, range) = (&split.training, (1e-6, 1.0));
        let watch = |event: FineTuneEvent<'_>| {
            show(&bar, options.tuning.batch, event);
            ControlFlow::Continue(())
        };
        let rates = config.find_learning_rate(&frozen, images, &device, range, 100, watch)?;
        bar.finish_and_clear();
        std::fs::write(plot, rates.svg())?;
        match rates.suggestion {
            Some(rate) => println!("--learning-rate {rate:.1e} (see {})", plot.display()),
            None => println!("no rate lowered the loss (see {})", plot.display()),
        }
        return Ok(());
    }
    let start = Instant::now();
    let interrupted = on_interrupt()?;
    let watch = |event: FineTuneEvent<'_>| {
        show(&bar, options.tuning.batch, event);
        interrupted()
    };
    let (training, validation) = (&split.training, &split.validation);
    let (tuned, report) = config.run(&frozen, training, validation, &device, watch)?;
    bar.finish_and_clear();
    common::say_left_out(&report.failed);
    say("frozen network", report.before);
    for epoch in &report.history {
        let (number, blocks, loss) = (epoch.epoch, epoch.blocks, epoch.train_loss);
        let what = format!("epoch {number} ({blocks} blocks, training loss {loss:.4})");
        say(&what, epoch.validation);
    }
    match report.kept {
        Some(epoch) => println!("kept: epoch {epoch}"),
        None => println!("kept: the frozen network, no epoch was better"),
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{} training images, {seconds:.0} s", report.images);
    tuned.save(&options.output)?;
    for (what, classifier) in [("frozen network", &frozen), ("result", &tuned)] {
        let testing = embed(classifier.backbone(), &split.testing, &cache, "test")?.embeddings;
        let test = classifier
            .head()
            .predictions(&testing, classifier.classes())?;
        let [accuracy, loss] = [test.confusion().accuracy(), test.log_loss()];
        let [accuracy, loss] = [accuracy, loss].map(|value| value.unwrap_or(f64::NAN));
        let n = test.len();
        println!("{what}: test loss {loss:.4}, accuracy {accuracy:.4} (N = {n})");
    }
    Ok(())
}
