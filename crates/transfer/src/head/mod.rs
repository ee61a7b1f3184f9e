//! The trained last layer: what it is, and the recipes that train it.

mod config;
mod converged;
mod converged_config;
mod lbfgs;
mod logistic;
mod network;
mod products;
mod report;
mod steps;
mod steps_config;

pub(crate) use config::counts;
pub use config::{ClassWeights, HeadConfig, Recipe};
pub(crate) use converged::{argmax, score};
pub use converged_config::ConvergedConfig;
pub(crate) use network::HeadShape;
pub use network::{Dense, Head, softmax};
pub use report::{Candidate, FitEvent, FitReport, StepRecord, Stopped, Validation};
pub use steps::Checkpoint;
pub use steps_config::{Optimiser, Sampling, StepsConfig};
