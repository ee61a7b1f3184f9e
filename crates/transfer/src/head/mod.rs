//! The trained last layer: what it is, and how it is trained.

mod class_weights;
mod config;
mod fit;
mod gradient_descent;
mod logistic_regression;
mod network;
mod products;
mod report;
mod training;

pub use class_weights::ClassWeights;
pub use config::{HeadConfig, Recipe};
pub use gradient_descent::{Checkpoint, GradientDescent, Optimizer, Sampling};
pub use logistic_regression::LogisticRegression;
pub use network::{Dense, Head, softmax};
pub(crate) use network::{HeadShape, argmax, score};
pub use report::{Candidate, FitEvent, FitReport, Fitted, StepRecord, Stopped, Validation};
pub use training::HeadTraining;
