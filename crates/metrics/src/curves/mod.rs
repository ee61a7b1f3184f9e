//! What happens as the threshold moves: ROC, precision-recall and DET curves and the areas under them.

mod det;
mod precision_recall;
mod ranking;
mod roc;

pub use det::DetCurve;
pub use precision_recall::PrecisionRecallCurve;
pub use ranking::Ranking;
pub use roc::RocCurve;

pub(crate) use ranking::descending;
pub(crate) use roc::{average_of, one_vs_one_areas};
