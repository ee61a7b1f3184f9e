//! Training by gradient steps on batches.
//!
//! The state between two steps consists of the weights, the optimizer's moments and the number of the step. Batches,
//! dropout and validation draws come from generators that are seeded by that number, so a training that stops anywhere
//! can continue from its state and ends in the same bytes.

#[cfg(feature = "train")]
pub(super) mod checkpoint;
pub(super) mod config;
#[cfg(feature = "train")]
pub(super) mod fit;
#[cfg(feature = "train")]
mod passes;
#[cfg(feature = "train")]
mod rng;
#[cfg(feature = "train")]
mod state;
#[cfg(feature = "train")]
mod trainer;

#[cfg(feature = "train")]
pub use checkpoint::Checkpoint;
pub use config::{GradientDescent, Optimizer, Sampling};
