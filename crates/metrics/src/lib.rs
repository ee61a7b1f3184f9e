//! Numbers of a classifier as scikit-learn 1.9 defines them, each with its uncertainty.
//!
//! Everything starts from [`Predictions`]: what was true, what was said and with which
//! probabilities, checked once. From there one asks for what one wants to know:
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
//! assert_eq!(confusion[0][1], 1.0); // one boat was taken for a cloud
//! println!("{}", predictions.summary());
//! # Ok(())
//! # }
//! ```
//!
//! Conventions that hold everywhere:
//! * classes are indices into [`Predictions::classes`]; `confusion[target][predicted]`;
//! * sums are taken in `f64`; samples count with their weights where weights were given;
//! * what is undefined (a precision of a class that was never predicted) is `None`, never 0 or NaN;
//! * the same input gives the same bits, whatever the number of threads.

mod agreement;
mod choosing;
mod confusion;
mod curves;
mod error;
mod evaluation;
mod predictions;
mod probability;
mod read;
#[cfg(feature = "report")]
pub mod report;
mod streaming;
mod summary;
mod top_k;
mod uncertainty;
mod write;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use agreement::KappaWeights;
pub use choosing::{CoveragePoint, CoverageRisk, OperatingPoint};
pub use confusion::{Average, ClassMetric, ConfusionMatrix, Normalize};
pub use curves::{DetCurve, PrecisionRecallCurve, Ranking, RocCurve};
pub use error::{Error, Place, Result};
pub use evaluation::{
    ClassScores, Compared, Evaluation, EvaluationOptions, Score, ScoreDifference,
};
pub use predictions::Predictions;
pub use probability::{
    Bin, Binning, Calibration, IsotonicCalibration, IsotonicRegression, ReliabilityDiagram,
    Temperature,
};
pub use streaming::Streaming;
pub use summary::{Summary, SummaryLine};
pub use uncertainty::{
    AreaDifference, Bootstrap, Comparison, Estimate, IntervalMethod, McNemar, Resampled,
    bca_interval, clopper_pearson, delong, delong_difference, mcnemar_chi_squared, mcnemar_exact,
    percentile_interval, wilson,
};
