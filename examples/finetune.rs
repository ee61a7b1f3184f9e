//! Retrains with the last blocks of the network learning too.

mod common;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::DeviceName;
use dataset::{Augmentation, HashedSplit, Split};
use indicatif::ProgressBar;
use transfer::finetune::{FineTuneConfig, FineTuneEvent, Norms};
use transfer::{Backbone, Classifier, EmbeddingCache, HeadConfig, Validation};

/// Fine-tune on a folder of images: first a head on the frozen network, then the last blocks learn along with it.
///
/// The head is fitted on the training images alone, so that the validation images judge it and every epoch alike. The
/// epoch with the lowest validation loss is kept, or the frozen network where none is better. Test images are looked
/// at once, at the end.
#[derive(Parser)]
struct Options {
    /// Folder with one sub-folder of images a class
    #[arg(long)]
    image_dir: PathBuf,
    /// Images for the test, in the same sub-folders; then none of --image-dir are kept for it
    #[arg(long)]
    test_dir: Option<PathBuf>,
    /// `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, default_value = "bundled")]
    weights: String,
    /// Where the classifier is written
    #[arg(long, default_value = "finetuned.safetensors")]
    output: PathBuf,
    /// Folder of embeddings computed so far
    #[arg(long, default_value = "embedding-cache")]
    cache: PathBuf,
    /// Blocks that learn, counted from the head; 14 is all of them and the stem
    #[arg(long, default_value_t = 2)]
    blocks: usize,
    /// Passes over the training images
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Images a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// The head's; earlier blocks have less
    #[arg(long, default_value_t = 1e-4)]
    learning_rate: f64,
    /// Factor to the learning rate for each block further from the head
    #[arg(long, default_value_t = 0.5)]
    block_decay: f64,
    /// Epochs until one block more learns; 0: all from the start
    #[arg(long, default_value_t = 0)]
    epochs_a_block: usize,
    /// Augmented variants of each image (random part, mirrored); 0: none
    #[arg(long, default_value_t = 0)]
    augment: usize,
    /// Decay of a moving average of the weights, as 0.99
    #[arg(long)]
    average: Option<f64>,
    /// Let the statistics of the batch normalisations move
    #[arg(long)]
    train_norms: bool,
    /// Threads that share a batch
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Try learning rates, write the plot (SVG) here, and end
    #[arg(long)]
    find_rate: Option<PathBuf>,
    /// Everything random follows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where Burn runs
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let device = common::device(options.device)?;
    let folder = common::open_folder(&options.image_dir)?;
    let split = match &options.test_dir {
        None => HashedSplit::default().apply(&folder)?,
        Some(test) => {
            let test = common::open_folder(test)?;
            let hashed = HashedSplit::default().with_testing_percentage(0.0);
            Split {
                testing: Split::from_folders(&folder, None, Some(&test))?.testing,
                ..hashed.apply(&folder)?
            }
        }
    };
    let backbone = Backbone::new(common::weights(&options.weights)?, &device)?;
    let cache = EmbeddingCache::open(&options.cache)?;
    let training = common::embed(&backbone, &split.training, &cache, "training")?.embeddings;
    let (head, _) = HeadConfig::new().fit(&training, &training.select(&[]))?;
    let frozen = Classifier::new(backbone, head, folder.classes().to_vec())?;

    let config = config(options);
    let bar = common::progress(split.training.len(), "frozen part");
    let mut watch = |event: FineTuneEvent<'_>| watch(&bar, options.batch, event);
    if let Some(plot) = &options.find_rate {
        let (images, range) = (&split.training, (1e-6, 1.0));
        let rates = config.find_learning_rate(&frozen, images, &device, range, 100, &mut watch)?;
        bar.finish_and_clear();
        std::fs::write(plot, rates.svg())?;
        match rates.suggestion {
            Some(rate) => println!("--learning-rate {rate:.1e} (see {})", plot.display()),
            None => println!("no rate lowered the loss (see {})", plot.display()),
        }
        return Ok(());
    }
    let start = Instant::now();
    let (tuned, report) = config.run(
        &frozen,
        &split.training,
        &split.validation,
        &device,
        &mut watch,
    )?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    for (_, error) in &report.failed {
        eprintln!("left out {error}");
    }
    let say = |what: &str, v: Option<Validation>| {
        if let Some(Validation {
            accuracy,
            cross_entropy,
            images,
        }) = v
        {
            println!(
                "{what}: validation loss {cross_entropy:.4}, accuracy {accuracy:.4} (N = {images})"
            );
        }
    };
    say("frozen network", report.before);
    for epoch in &report.history {
        let (number, blocks, loss) = (epoch.epoch, epoch.blocks, epoch.train_loss);
        say(
            &format!("epoch {number} ({blocks} blocks, training loss {loss:.4})"),
            epoch.validation,
        );
    }
    match report.kept {
        Some(epoch) => println!("kept: epoch {epoch}"),
        None => println!("kept: the frozen network, no epoch was better"),
    }
    println!("{} training images, {seconds:.0} s", report.images);
    tuned.save(&options.output)?;
    for (what, classifier) in [("frozen network", &frozen), ("result", &tuned)] {
        let testing = common::embed(classifier.backbone(), &split.testing, &cache, "test")?;
        let test = classifier
            .head()
            .predictions(&testing.embeddings, classifier.classes())?;
        let (accuracy, loss) = (test.confusion().accuracy(), test.log_loss());
        let (accuracy, loss) = (accuracy.unwrap_or(f64::NAN), loss.unwrap_or(f64::NAN));
        println!(
            "{what}: test loss {loss:.4}, accuracy {accuracy:.4} (N = {})",
            test.len()
        );
    }
    Ok(())
}

fn config(options: &Options) -> FineTuneConfig {
    let mut config = FineTuneConfig::new()
        .with_blocks(options.blocks)
        .with_epochs(options.epochs)
        .with_batch(options.batch)
        .with_learning_rate(options.learning_rate)
        .with_block_decay(options.block_decay)
        .with_epochs_a_block(options.epochs_a_block)
        .with_average(options.average)
        .with_threads(options.threads)
        .with_seed(options.seed);
    if options.augment > 0 {
        config = config.with_augmentation(Augmentation::standard(), options.augment);
    }
    if options.train_norms {
        config = config.with_norms(Norms::Train);
    }
    config
}

fn watch(bar: &ProgressBar, batch: usize, event: FineTuneEvent<'_>) -> ControlFlow<()> {
    match event {
        FineTuneEvent::Prepared { done, total } => {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        FineTuneEvent::Step {
            step, steps, loss, ..
        } => {
            if step == 0 {
                bar.reset();
                bar.set_length((steps * batch) as u64);
            }
            bar.set_position(((step + 1) * batch) as u64);
            bar.set_message(format!("loss {loss:.3}"));
        }
        _ => {}
    }
    ControlFlow::Continue(())
}
