//! The confusion matrix and everything that is computed from its counts: accuracy, precision, recall, F-scores,
//! Jaccard, Cohen's kappa and Matthews' correlation, and which classes are confused with each other.

mod agreement;
mod class_metrics;
mod confused;
mod counts;
mod margins;
mod matrix;
mod metric;
mod order;
mod stored;

pub use agreement::KappaWeights;
pub use confused::ConfusedPair;
pub use matrix::{ConfusionMatrix, Normalize};
pub use metric::{Average, ClassMetric};

#[cfg(feature = "report")]
pub(crate) use confused::Count;
pub(crate) use counts::{Counts, average_of_counts};
pub(crate) use margins::Margins;
