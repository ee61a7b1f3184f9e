//! The confusion matrix and everything that is computed from its counts: accuracy, precision, recall, F-scores,
//! Jaccard, Cohen's kappa and Matthews' correlation.

mod agreement;
mod class_metrics;
mod matrix;

pub use agreement::KappaWeights;
pub use class_metrics::{Average, ClassMetric};
pub use matrix::{ConfusionMatrix, Normalize};
