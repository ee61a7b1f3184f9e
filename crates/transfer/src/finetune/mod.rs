//! Fine-tuning: the last blocks of the backbone learn along with the head.
//!
//! The blocks that stay frozen run once an image (and augmented variant): what they give is kept in memory, so that
//! an epoch costs only the blocks that learn. With a validation set the result is the best epoch's, and the classifier
//! that came in where no epoch was better.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let device = burn::tensor::Device::flex();
//! use std::ops::ControlFlow;
//! use transfer::{Classifier, finetune::FineTuneConfig};
//! let folder = dataset::ImageFolder::open("photos")?;
//! let split = dataset::HashedSplit::default().apply(&folder)?;
//! let classifier = Classifier::load("photos.safetensors")?;
//! let config = FineTuneConfig::new().with_blocks(2).with_epochs(5);
//! let (tuned, report) =
//!     config.run(&classifier, &split.training, &split.validation, &device, |_| ControlFlow::Continue(()))?;
//! println!("{:?} -> {:?}", report.before, report.history);
//! tuned.save("photos-tuned.safetensors")?;
//! # Ok(())
//! # }
//! ```

mod average;
mod checkpoint;
mod config;
mod course;
#[cfg(feature = "distributed")]
mod distributed;
mod finder;
mod gradients;
mod inputs;
mod optimiser;
mod plot;
mod report;
mod run;
mod state;
mod tail;

pub use config::{FineTuneConfig, Norms};
pub use finder::LearningRates;
pub use report::{EpochRecord, FineTuneEvent, FineTuneRecord, FineTuneReport};
