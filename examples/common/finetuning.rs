//! How the last blocks learn, as options, and how it goes on.

use dataset::Augmentation;
use indicatif::ProgressBar;
use transfer::Validation;
use transfer::finetune::{FineTuneConfig, FineTuneEvent, Norms};

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
    /// Threads that share a batch
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Everything random follows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl TuningOptions {
    pub fn config(&self) -> FineTuneConfig {
        let mut config = FineTuneConfig::new()
            .with_blocks(self.blocks)
            .with_epochs(self.epochs)
            .with_batch(self.batch)
            .with_learning_rate(self.learning_rate)
            .with_block_decay(self.block_decay)
            .with_epochs_a_block(self.epochs_a_block)
            .with_average((self.average > 0.0).then_some(self.average))
            .with_label_smoothing(self.label_smoothing)
            .with_head_penalty(self.head_penalty)
            .with_threads(self.threads)
            .with_seed(self.seed);
        config = match self.augment {
            0 => config.without_augmentation(),
            variants => config.with_augmentation(Augmentation::standard(), variants),
        };
        if self.train_norms {
            config = config.with_norms(Norms::Train);
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
            if step == 0 {
                bar.reset();
                bar.set_length((steps * batch) as u64);
            }
            bar.set_position(((step + 1) * batch) as u64);
            bar.set_message(format!("loss {loss:.3}"));
        }
        _ => {}
    }
}

/// Says what the validation images say.
pub fn say(what: &str, found: Option<Validation>) {
    if let Some(Validation {
        accuracy,
        cross_entropy,
        images,
    }) = found
    {
        println!(
            "{what}: validation loss {cross_entropy:.4}, accuracy {accuracy:.4} (N = {images})"
        );
    }
}
