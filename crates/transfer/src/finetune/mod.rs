//! Fine-tuning: the last blocks of the network are trained together with the head.
//!
//! The frozen blocks run once per image (and once per augmented variant of it). Their outputs are kept in memory, so
//! that an epoch costs only the trained blocks. With validation images the result is the best epoch, or the classifier
//! from before where no epoch is better.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let device = burn::tensor::Device::flex();
//! use transfer::{Classifier, finetune::FineTuneConfig};
//! let folder = dataset::ImageFolder::open("photos")?;
//! let split = dataset::HashedSplit::default().apply(&folder)?;
//! let classifier = Classifier::load("photos.safetensors")?;
//! let tuned = FineTuneConfig::new()
//!     .with_blocks(2)
//!     .with_epochs(5)
//!     .training(&split.training)
//!     .validation(&split.validation)
//!     .fit(&classifier, &device)?;
//! println!("{:?} -> {:?}", tuned.record.before, tuned.record.history);
//! tuned.classifier.save("photos-tuned.safetensors")?;
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod config;
#[cfg(feature = "distributed")]
mod distributed;
mod event;
mod features;
mod fine_tuning;
mod gradients;
mod job;
mod learning_rate;
mod moving_average;
mod optimizer;
mod plot;
mod record;
mod state;
mod summaries;
mod trainable;
mod trainer;

pub use config::{BatchNormMode, FineTuneConfig};
pub use event::FineTuneEvent;
pub use fine_tuning::{FineTuned, FineTuning};
pub use job::{FineTuneJob, FineTuneJobEvent, FineTuneOutcome, FineTuneTest};
pub use learning_rate::{LearningRateCurve, LearningRateRange};
pub use record::{EpochRecord, FineTuneRecord};
pub use summaries::FineTuneSummaries;
