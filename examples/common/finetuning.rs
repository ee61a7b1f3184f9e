//! How the last blocks learn, as options, and how it goes on.

use std::error::Error;
use std::path::Path;

use dataset::augment::Augmentation;
use indicatif::ProgressBar;
use transfer::finetune::{BatchNormMode, FineTuneConfig, FineTuneEvent, FineTuneRecord};
use transfer::tensorboard::EventWriter;
use transfer::{Stopped, Validation};

#[derive(clap::Args)]
pub struct TuningOptions {
    /// Blocks that learn, counted from the head; 14 is all of them and the stem
    #[arg(long, default_value_t = 2)]
    blocks: usize,
    /// Passes over the training images
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// Images a step
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
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
    #[arg(long, default_value_t = 4)]
    augment: usize,
    /// Decay of a moving average of the weights; 0: none
    #[arg(long, default_value_t = 0.98)]
    average: f64,
    /// Share of each target that is spread over all classes
    #[arg(long, default_value_t = 0.0)]
    label_smoothing: f64,
    /// Penalty on the head's weights, times half their squares [default: the one it was fitted with]
    #[arg(long)]
    head_penalty: Option<f64>,
    /// Let the statistics of the batch normalisations move
    #[arg(long)]
    train_norms: bool,
    /// Threads that share a batch; the result does not depend on it
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Steps between two writes of the state that a run that was stopped goes on from; it is written after each epoch too
    #[arg(long, value_name = "STEPS", default_value_t = 100)]
    pub checkpoint_every: usize,
    /// Everything random follows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl TuningOptions {
    pub fn config(&self) -> FineTuneConfig {
        let mut config = FineTuneConfig::new()
            .with_blocks(self.blocks)
            .with_epochs(self.epochs)
            .with_batch_size(self.batch)
            .with_learning_rate(self.learning_rate)
            .with_block_decay(self.block_decay)
            .with_epochs_per_block(self.epochs_a_block)
            .with_ema_decay((self.average != 0.0).then_some(self.average))
            .with_label_smoothing(self.label_smoothing)
            .with_head_penalty(self.head_penalty)
            .with_threads(self.threads)
            .with_seed(self.seed);
        config = match self.augment {
            0 => config.without_augmentation(),
            variants => config.with_augmentation(Augmentation::standard(), variants),
        };
        if self.train_norms {
            config = config.with_batch_norm(BatchNormMode::Train);
        }
        config
    }
}

/// Moves the bar.
pub fn show(bar: &ProgressBar, batch: usize, event: FineTuneEvent<'_>) {
    match event {
        FineTuneEvent::Prepared { done, total } => {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        FineTuneEvent::Step {
            step, steps, loss, ..
        } => {
            let images = (steps * batch) as u64;
            if bar.length() != Some(images) {
                // The first step, of the training or of what is left of it.
                bar.reset();
                bar.set_length(images);
            }
            bar.set_position(((step + 1) * batch) as u64);
            bar.set_message(format!("loss {loss:.3}"));
        }
        _ => {}
    }
}

/// Says how it went; `checkpoint` is the file of the state.
pub fn tell(report: &FineTuneRecord, checkpoint: &Path) {
    say("frozen network", report.before);
    for epoch in &report.history {
        // As the plot counts: 0 is before the first.
        let (number, blocks, loss) = (epoch.epoch + 1, epoch.blocks, epoch.train_loss);
        let what = format!("epoch {number} ({blocks} blocks, training loss {loss:.4})");
        say(&what, epoch.validation);
    }
    match report.kept {
        Some(epoch) => super::say!("kept: epoch {}", epoch + 1),
        None => super::say!("kept: the frozen network, no epoch was better"),
    }
    super::say!("{} training images", report.images);
    if report.stopped == Stopped::Cancelled {
        super::say!("stopped before its end; this is the best so far");
        super::say!("the same command goes on from {}", checkpoint.display());
    }
}

/// Says what the validation images say.
fn say(what: &str, found: Option<Validation>) {
    match found {
        Some(Validation {
            accuracy,
            cross_entropy,
            images,
        }) => super::say!(
            "{what}: validation loss {cross_entropy:.4}, accuracy {accuracy:.4} (N = {images})"
        ),
        None => super::say!("{what}: no validation images"),
    }
}

/// The course of a training for TensorBoard, under the tags that `retrain` uses: the runs `train`, step by step, and
/// `validation`, epoch by epoch.
pub struct Summaries {
    runs: Option<[EventWriter; 2]>,
    step: u64,
    failed: transfer::Result<()>,
}

impl Summaries {
    /// Writes nothing where there is no folder.
    pub fn create(folder: Option<&Path>, config: &FineTuneConfig) -> Result<Self, Box<dyn Error>> {
        let runs = match folder {
            Some(folder) => {
                let mut train = EventWriter::create(folder.join("train"))?;
                let json = serde_json::to_string_pretty(config)?;
                train.text(0, "configuration", &format!("```json\n{json}\n```"))?;
                Some([train, EventWriter::create(folder.join("validation"))?])
            }
            None => None,
        };
        Ok(Self {
            runs,
            step: 0,
            failed: Ok(()),
        })
    }

    /// What cannot be written ends the writing, not the training.
    pub fn watch(&mut self, event: FineTuneEvent<'_>) {
        if self.failed.is_ok() {
            self.failed = self.write(event);
        }
    }

    fn write(&mut self, event: FineTuneEvent<'_>) -> transfer::Result<()> {
        let Some([train, validation]) = &mut self.runs else {
            return Ok(());
        };
        match event {
            FineTuneEvent::Step {
                step,
                loss,
                learning_rate,
                ..
            } => {
                self.step = step as u64;
                train.scalar(self.step, "cross_entropy_1", loss)?;
                train.scalar(self.step, "learning_rate", learning_rate)
            }
            FineTuneEvent::Epoch(record) => {
                if let Some(found) = record.validation {
                    validation.scalar(self.step, "cross_entropy_1", found.cross_entropy)?;
                    validation.scalar(self.step, "accuracy_1", found.accuracy)?;
                }
                train.flush()?;
                validation.flush()
            }
            _ => Ok(()),
        }
    }

    /// What went wrong, if anything did.
    pub fn finish(mut self) -> transfer::Result<()> {
        self.failed?;
        self.runs
            .iter_mut()
            .flatten()
            .try_for_each(EventWriter::flush)
    }
}
