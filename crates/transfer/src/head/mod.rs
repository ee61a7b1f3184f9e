//! The trained last layer: what it is, and how it is trained.

mod class_weights;
mod config;
#[cfg(feature = "train")]
mod fit;
mod gradient_descent;
mod logistic_regression;
#[cfg(feature = "train")]
mod matrix_product;
mod network;
#[cfg(feature = "train")]
mod out_of_fold;
#[cfg(feature = "train")]
mod predictions;
#[cfg(feature = "train")]
mod products;
mod report;
#[cfg(feature = "train")]
mod training;

pub use class_weights::ClassWeights;
pub use config::{HeadConfig, Recipe};
#[cfg(feature = "train")]
pub use gradient_descent::Checkpoint;
pub use gradient_descent::{GradientDescent, Optimizer, Sampling};
pub use logistic_regression::LogisticRegression;
#[cfg(feature = "train")]
pub(crate) use logistic_regression::drawn_folds;
#[cfg(feature = "train")]
pub(crate) use network::score;
pub use network::{Dense, Head, softmax};
pub(crate) use network::{HeadShape, argmax};
pub use report::{Candidate, FitEvent, FitReport, Fitted, Search, StepRecord, Stopped, Validation};
#[cfg(feature = "train")]
pub use training::HeadTraining;
