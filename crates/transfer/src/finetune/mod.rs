//! Fine-tuning: the last blocks of the network are trained together with the head.
//!
//! The frozen blocks run once per image (and once per augmented variant of it). Their outputs are kept in memory, so
//! that an epoch costs only the trained blocks. With validation images the result is the best epoch, or the original
//! classifier if no epoch is better.
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

#[cfg(feature = "burn")]
mod checkpoint;
mod config;
#[cfg(feature = "distributed")]
mod distributed;
#[cfg(feature = "burn")]
mod event;
#[cfg(feature = "burn")]
mod features;
#[cfg(feature = "burn")]
mod fine_tuning;
#[cfg(feature = "burn")]
mod gradients;
#[cfg(feature = "burn")]
mod learning_rate;
#[cfg(feature = "burn")]
mod moving_average;
#[cfg(feature = "burn")]
mod optimizer;
mod record;
#[cfg(feature = "burn")]
mod schedule;
#[cfg(feature = "burn")]
mod state;
#[cfg(feature = "burn")]
mod summaries;
#[cfg(feature = "burn")]
mod trainable;
#[cfg(feature = "burn")]
mod trainer;

pub use config::{BatchNormMode, FineTuneConfig};
#[cfg(feature = "burn")]
pub use event::FineTuneEvent;
#[cfg(feature = "burn")]
pub use fine_tuning::{FineTuned, FineTuning};
#[cfg(feature = "burn")]
pub use learning_rate::{LearningRateCurve, LearningRateRange};
pub use record::{EpochRecord, FineTuneRecord};
#[cfg(feature = "burn")]
pub use summaries::FineTuneSummaries;
