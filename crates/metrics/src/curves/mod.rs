//! Curves over all thresholds, and the areas under them: ROC, precision-recall and DET.
//!
//! Each curve is drawn from a [`Ranking`]: the samples of one class against all others, in descending order of their
//! scores. [`Predictions::ranking`](crate::Predictions::ranking) makes one from probabilities.
//!
//! ```
//! use metrics::curves::Ranking;
//!
//! # fn main() -> Result<(), metrics::Error> {
//! let ranking = Ranking::new(&[false, true, true], &[0.1, 0.4, 0.9], None)?;
//! assert_eq!(ranking.roc_auc(), Some(1.0));
//! # Ok(())
//! # }
//! ```

mod areas;
mod det;
mod order;
mod pairs;
mod precision_recall;
mod ranking;
mod roc;

pub use det::DetCurve;
pub use precision_recall::PrecisionRecallCurve;
pub use ranking::Ranking;
pub use roc::RocCurve;

pub(crate) use areas::Areas;
pub(crate) use order::Order;
pub(crate) use pairs::{Present, one_vs_one};
pub(crate) use ranking::descending;
pub(crate) use roc::average_of;
