//! The trained last layer: what it is, and the recipes that train it.

mod config;
mod converged;
mod lbfgs;
mod logistic;
mod network;
mod products;
mod report;
mod steps;

pub use config::{
    ClassWeights, ConvergedConfig, HeadConfig, Optimiser, Recipe, Sampling, StepsConfig,
};
pub(crate) use converged::argmax;
pub(crate) use network::HeadShape;
pub use network::{Dense, Head, softmax};
pub use report::{Candidate, FitEvent, FitReport, StepRecord, Stopped, Validation};
pub use steps::Checkpoint;
