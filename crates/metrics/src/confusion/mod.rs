//! The confusion matrix and everything that is computed from its counts: accuracy, precision, recall, F-scores,
//! Jaccard, Cohen's kappa and Matthews' correlation, and which classes are confused with each other.

mod agreement;
mod class_metrics;
mod confused;
mod matrix;
mod order;

pub use agreement::KappaWeights;
pub use class_metrics::{Average, ClassMetric};
pub use confused::ConfusedPair;
pub use matrix::{ConfusionMatrix, Normalize};

#[cfg(feature = "report")]
pub(crate) use confused::Count;
