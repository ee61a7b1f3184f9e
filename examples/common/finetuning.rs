//! How the last blocks are trained, as options, and the progress of that as a bar.

use std::path::Path;

use dataset::augment::Augmentation;
use transfer::finetune::{BatchNormMode, FineTuneConfig, FineTuneEvent};
use transfer::head::Checkpoint;
use transfer::job::JobEvent;

use crate::images::{say_counts, say_images};
use crate::ranges::{batch, number, whole};
use crate::training::{say_no_summaries, say_seen};
use crate::{Bar, say_not_kept};

/// How the last blocks are trained.
#[derive(clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TuningOptions {
    /// Number of blocks to train, counted from the head; 14 trains all of them and the stem
    #[arg(long, default_value_t = 2, value_parser = whole(0..=14))]
    blocks: usize,
    /// Passes over the training images
    #[arg(long, default_value_t = 4, value_parser = whole(1..=100_000))]
    epochs: usize,
    /// Images per step
    #[arg(long, default_value_t = 32, value_parser = batch())]
    batch: usize,
    /// Learning rate of the head; earlier blocks have a smaller one
    #[arg(long, default_value_t = 1e-4, value_parser = number(1e-12..=1e3))]
    learning_rate: f64,
    /// The learning rate is multiplied by this for each block further from the head
    #[arg(long, default_value_t = 0.5, value_parser = number(0.0..=1.0))]
    block_decay: f64,
    /// Epochs after which one more block is trained; 0: all blocks from the start
    #[arg(long, default_value_t = 0, value_parser = whole(0..=100_000))]
    epochs_a_block: usize,
    /// Augmented variants of each image (a random part of it, at random mirrored); 0: the images as they are
    #[arg(long, default_value_t = 4, value_parser = whole(0..=1000))]
    augment: usize,
    /// Decay of the exponential moving average of the weights; 0: no average
    #[arg(long, default_value_t = 0.98, value_parser = number(0.0..=0.999_999))]
    average: f64,
    /// Share of each target that is spread over all classes
    #[arg(long, default_value_t = 0.0, value_parser = number(0.0..=0.999))]
    label_smoothing: f64,
    /// L2 penalty: this times half the squares of the head's weights [default: the one that the head was fitted with]
    #[arg(long, value_parser = number(0.0..=1e12))]
    head_penalty: Option<f64>,
    /// Let the batch normalizations use and update the statistics of each batch
    #[arg(long)]
    train_norms: bool,
    /// Threads that share a batch; the result does not depend on their number
    #[arg(long, default_value_t = 1, value_parser = whole(1..=256))]
    threads: usize,
    /// Steps between two writes of the checkpoint; it is also written after each epoch
    #[arg(long, value_name = "STEPS", default_value_t = 100, value_parser = whole(1..=1_000_000_000))]
    checkpoint_every: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl TuningOptions {
    /// The configuration of these options.
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

    /// The file beside the classifier from which an interrupted training continues.
    pub fn checkpoint(&self, output: &Path) -> Checkpoint {
        Checkpoint::new(output.with_extension("training")).with_every(self.checkpoint_every)
    }
}

/// The function that shows on a bar how the job goes on.
pub fn show(options: &TuningOptions) -> impl FnMut(JobEvent<'_>) + use<> {
    let (mut bar, batch) = (Bar::default(), options.batch);
    move |event| match event {
        JobEvent::Embedding { part, done, total } => {
            bar.count(&part.to_string(), done, total);
        }
        JobEvent::LeftOut { error, .. } => {
            bar.clear();
            crate::warn!("left out {error}");
        }
        JobEvent::NotKept(error) => {
            bar.clear();
            say_not_kept(error);
        }
        JobEvent::NoSummaries(error) => {
            bar.clear();
            say_no_summaries(error);
        }
        JobEvent::Images { folder, split } => {
            say_images(folder, split);
            let parts = [&split.training, &split.validation, &split.testing];
            say_counts(parts.map(Vec::len));
        }
        JobEvent::TestSeen { counts, included } => {
            bar.clear();
            say_seen(*counts, included);
        }
        JobEvent::Calibrated(found) => {
            bar.clear();
            crate::say!("calibration of the probabilities: {found}");
        }
        JobEvent::FineTune(FineTuneEvent::Prepared { done, total }) => {
            bar.count("frozen part", done, total);
        }
        JobEvent::FineTune(FineTuneEvent::Step {
            step, steps, loss, ..
        }) => {
            let bar = bar.count("fine-tuning", (step + 1) * batch, steps * batch);
            bar.set_message(format!("loss {loss:.3}"));
        }
        _ => {}
    }
}
