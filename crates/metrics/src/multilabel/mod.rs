//! Samples that have several labels, or none: a boat and a gull on one image.
//!
//! Everything starts from [`MultilabelPredictions`]: for each sample and each label, whether the label holds, and a
//! probability that stands alone, such as that of a sigmoid. [`MultilabelPredictions::evaluate`] computes all scores;
//! [`MultilabelPredictions::measures`] computes single ones, also F-scores with any beta.
//!
//! ```
//! use metrics::multilabel::{LabelAverage, LabelMetric, MultilabelPredictions};
//!
//! # fn main() -> Result<(), metrics::Error> {
//! let predictions = MultilabelPredictions::new(
//!     vec![vec![true, false], vec![true, true], vec![false, false]],
//!     vec![vec![0.9, 0.2], vec![0.8, 0.4], vec![0.6, 0.1]],
//! )?
//! .with_labels(["boat", "gull"])?;
//!
//! let measures = predictions.measures();
//! assert_eq!(measures.per_label(LabelMetric::Recall), [Some(1.0), Some(0.0)]);
//! assert_eq!(measures.per_label(LabelMetric::Precision), [Some(2.0 / 3.0), None]); // no gull was predicted
//! assert_eq!(measures.average(LabelMetric::RocAuc, LabelAverage::Macro), Some(1.0));
//! # Ok(())
//! # }
//! ```

mod evaluate;
mod measures;
mod metric;
mod predictions;
mod result;
mod sample;
mod serialized;
mod sorted;
mod table;
mod thresholds;

pub use measures::Measures;
pub use metric::{LabelAverage, LabelMetric, SampleMetric};
pub use predictions::MultilabelPredictions;
pub(crate) use predictions::{check_labels, check_names, check_probabilities, check_row};
pub use result::{LabelScores, MultilabelEvaluation};
pub use thresholds::ThresholdGoal;
