//! Classification metrics as scikit-learn 1.9 defines them, with confidence intervals, and a report page.
//!
//! Everything starts from [`Predictions`]: the targets, the predicted classes and, if known, the probabilities of a set
//! of samples. Its constructors check them. All metrics are methods of `Predictions`:
//!
//! ```
//! use metrics::Predictions;
//!
//! # fn main() -> Result<(), metrics::Error> {
//! let predictions = Predictions::new(
//!     vec![0, 0, 1, 1],
//!     vec![vec![0.9, 0.1], vec![0.4, 0.6], vec![0.2, 0.8], vec![0.3, 0.7]],
//! )?
//! .with_classes(["boat", "cloud"])?;
//!
//! let confusion = predictions.confusion();
//! assert_eq!(confusion.accuracy(), Some(0.75));
//! assert_eq!(confusion.recall(), [Some(0.5), Some(1.0)]);
//! assert_eq!(confusion[0][1], 1.0); // one boat was predicted as a cloud
//! println!("{}", predictions.summary()); // as scikit-learn's classification_report
//! # Ok(())
//! # }
//! ```
//!
//! [`Predictions::evaluate`] computes all scores at once, [`Predictions::compare`] compares two classifiers, and
//! `Predictions::report` writes an HTML page. [`MultilabelPredictions`] are for samples with several labels,
//! [`Predictions::conformal`] makes sets of classes with a promise, and [`shift`] looks at samples without labels. The
//! [`guide`] shows each of these with an example.
//!
//! # Conventions
//!
//! * Classes are indices into [`Predictions::classes`]; the confusion matrix is indexed as
//!   `confusion[target][predicted]`.
//! * Sums are computed in `f64`. If weights were given, each sample counts with its weight.
//! * An undefined value (such as the precision of a class that was never predicted) is `None`, never 0 or NaN.
//! * The same input gives the same bits, whatever the number of threads.
//!
//! # Features
//!
//! All are off by default.
//!
//! * `report`: the HTML report and the model card, in the module `report`.
//! * `ndarray`: the probabilities as a view and the confusion matrix as an array of the crate `ndarray`.
//! * `arrow`: the predictions and the confusion matrix as record batches of Apache Arrow.

mod alignment;
#[cfg(any(feature = "arrow", feature = "ndarray"))]
mod arrays;
mod checks;
pub mod comparison;
pub mod conformal;
pub mod confusion;
pub mod curves;
pub mod error;
pub mod evaluation;
pub mod formats;
pub mod multilabel;
mod numeric;
mod pairing;
mod predictions;
pub mod probability;
#[cfg(feature = "report")]
pub mod report;
pub mod shift;
pub mod streaming;
pub mod summary;
pub mod thresholds;
pub mod uncertainty;
mod visible;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use alignment::Alignment;
pub use confusion::ConfusionMatrix;
pub use error::{Error, Result};
pub use evaluation::{Evaluation, EvaluationOptions};
pub use multilabel::{MultilabelEvaluation, MultilabelPredictions};
pub use predictions::Predictions;
pub use uncertainty::Bootstrap;
