//! Retrains with the last blocks of the network learning too.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::finetuning::{Summaries, TuningOptions, show, tell};
use common::images::{BesideTestDir, ImageOptions, Images};
use common::interrupt::on_interrupt;
use common::network::{NetworkOptions, embed};
use transfer::finetune::{FineTuneEvent, FineTuned, LearningRateRange};
use transfer::{Checkpoint, ClassWeights, Classifier, Embedded, HeadConfig, Provenance, Stopped};

/// Fine-tune on a folder of images: first a head on the frozen network, then the last blocks learn along with it.
///
/// The head is fitted on the training images alone, so that the validation images judge it and every epoch alike. The
/// epoch with the lowest validation loss is kept, or the frozen network where none is better. Test images are looked
/// at once, at the end. Ctrl-C ends the training with the best epoch so far; the same command then goes on, and so it
/// does after a crash. The learning curve is drawn beside the classifier.
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
    /// Where TensorBoard finds the course of the training
    #[arg(long, value_name = "DIR")]
    summaries_dir: Option<PathBuf>,
    /// Try learning rates, write the plot (SVG) here, and end
    #[arg(long)]
    find_rate: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_output(&options.output)?;
    let device = common::device(options.network.device)?;
    let Images { folder, split, how } = options.images.open(BesideTestDir::Validation)?;
    let backbone = options.network.backbone()?;
    let cache = options.network.cache()?;
    let training = embed(&backbone, &split.training, &cache, "training")?;
    let head = HeadConfig::new().with_class_weights(ClassWeights::None);
    let Fitted {
        head,
        report: mut fit,
    } = head.training(&training.embeddings).fit()?;
    // The net under it will be another: these no longer tell how sure the classifier may be.
    fit.out_of_fold.clear();
    let frozen = Classifier::new(backbone, head, folder.classes().to_vec())?;
    let frozen = frozen.with_report(fit.clone());

    let config = options.tuning.config();
    let bar = common::progress(split.training.len(), "frozen part");
    let interrupted = on_interrupt()?;
    if let Some(plot) = &options.find_rate {
        let watch = |event: FineTuneEvent<'_>| {
            show(&bar, options.tuning.batch, event);
            interrupted()
        };
        let search = config.training(&split.training).on_event(watch);
        let rates = search.find_learning_rate(&frozen, &device, &LearningRateRange::default())?;
        bar.finish_and_clear();
        files::write_bytes(plot, rates.svg().as_bytes())?;
        match rates.suggestion {
            Some(rate) => common::say!("--learning-rate {rate:.1e} (see {})", plot.display()),
            None => common::say!("no rate lowered the loss (see {})", plot.display()),
        }
        return Ok(());
    }
    let start = Instant::now();
    let mut summaries = Summaries::create(options.summaries_dir.as_deref(), &config)?;
    let watch = |event: FineTuneEvent<'_>| {
        show(&bar, options.tuning.batch, event);
        summaries.watch(event);
        interrupted()
    };
    let file = options.output.with_extension("training");
    let checkpoint = Checkpoint::new(&file).with_every(options.tuning.checkpoint_every);
    let training = config
        .training(&split.training)
        .validation(&split.validation);
    let training = training.resume(&checkpoint).on_event(watch);
    let FineTuned {
        classifier: tuned,
        record: report,
        failed,
        ..
    } = training.fit(&frozen, &device)?;
    bar.finish_and_clear();
    summaries.finish()?;
    common::say_left_out(&failed);
    tell(&report, &file);
    common::say!("{:.0} s", start.elapsed().as_secs_f64());
    let curve = options.output.with_extension("svg");
    common::write_file(&curve, report.svg().as_bytes())?;

    let validation = embed(tuned.backbone(), &split.validation, &cache, "validation")?;
    let testing = embed(frozen.backbone(), &split.testing, &cache, "test")?;
    test("frozen network", &frozen, &testing)?;
    let testing = embed(tuned.backbone(), &split.testing, &cache, "test")?;
    test("result", &tuned, &testing)?;
    let learnt = &training.embeddings;
    let tuned = common::training::calibrated(tuned, &fit, learnt, &validation.embeddings)?;
    let found = test("result, calibrated", &tuned, &testing)?;
    let mut provenance = Provenance::default()
        .with_split(how)
        .with_images("training", &training)
        .with_images("validation", &validation)
        .with_images("test", &testing)
        .with_fine_tuning(report.clone());
    if let Some([accuracy, loss]) = found {
        provenance = provenance
            .with_metric("test accuracy", accuracy)
            .with_metric("test log loss", loss);
    }
    let tuned = tuned.with_report(fit).with_provenance(provenance);
    tuned.save(&options.output)?;
    if report.stopped != Stopped::Cancelled {
        checkpoint.remove()?;
    }
    let [path, curve] = [&options.output, &curve].map(|path| path.display());
    common::say!("The classifier is in {path}, its learning curve in {curve}");
    Ok(())
}

/// Accuracy and log loss on the test images, if there are any.
fn test(
    what: &str,
    of: &Classifier,
    images: &Embedded,
) -> Result<Option<[f64; 2]>, Box<dyn Error>> {
    if images.embeddings.is_empty() {
        return Ok(None);
    }
    let test = of.head().predictions(&images.embeddings, of.classes())?;
    let found = [test.confusion().accuracy(), test.log_loss()];
    let [accuracy, loss] = found.map(|value| value.unwrap_or(f64::NAN));
    let n = test.len();
    common::say!("{what}: test loss {loss:.4}, accuracy {accuracy:.4} (N = {n})");
    Ok(Some([accuracy, loss]))
}
