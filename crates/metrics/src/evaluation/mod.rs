//! All scores at once, with the names they have in scikit-learn, and optionally with intervals.
//!
//! [`Predictions::evaluate`](crate::Predictions::evaluate) makes an [`Evaluation`], which is displayed as a table and
//! serialized as JSON.

mod asked;
mod evaluate;
mod measured;
mod options;
mod result;
mod serialized;
mod sorted;
mod table;
mod whole;

pub use options::EvaluationOptions;
pub use result::{ClassScores, Evaluation, Score};

pub(crate) use asked::{NO_SPREAD, NOT_ASKED};
pub(crate) use measured::Measured;
pub(crate) use result::write_scores;
pub(crate) use serialized::{StoredScores, serialize_scores};
pub(crate) use sorted::Sorted;
pub(crate) use table::{SCORES, ScoreKind, list};
pub(crate) use whole::Whole;
