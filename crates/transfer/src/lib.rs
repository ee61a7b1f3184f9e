//! Retrain a network on a folder of images: a frozen backbone gives embeddings, a head is trained on them.
//!
//! * [`Embeddings`]: a matrix `[images, dim]` with targets.
//! * [`HeadConfig`]: how to train a [`Head`] on it: logistic regression to its optimum with the regularisation
//!   chosen by cross-validation (the default), `retrain.py`'s 4000 steps, or a hidden layer with dropout.

mod embeddings;
mod error;
mod head;

pub use embeddings::Embeddings;
pub use error::{Error, Result};
pub use head::{
    Candidate, ClassWeights, ConvergedConfig, Dense, FitEvent, FitReport, Head, HeadConfig, Optimiser, Recipe,
    Sampling, StepRecord, StepsConfig, Stopped, Validation,
};
