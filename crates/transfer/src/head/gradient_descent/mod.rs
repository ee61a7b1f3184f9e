//! Training by gradient steps on batches.
//!
//! The state between two steps consists of the weights, the optimizer's moments and the number of the step. Batches,
//! dropout and validation draws come from generators that are seeded by that number, so a training that stops anywhere
//! can continue from its state and ends in the same bytes.

pub(super) mod checkpoint;
pub(super) mod config;
pub(super) mod fit;
mod passes;
mod rng;
mod state;
mod trainer;

pub use checkpoint::Checkpoint;
pub use config::{GradientDescent, Optimizer, Sampling};
