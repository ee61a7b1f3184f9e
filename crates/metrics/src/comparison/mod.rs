//! Comparing two classifiers on the same samples: which samples changed, and whether chance can explain the difference.
//!
//! [`Predictions::compare`](crate::Predictions::compare) makes a [`Comparison`].

mod compare;
mod outcomes;

pub use compare::{Comparison, ScoreDifference};
pub use outcomes::PairedOutcomes;
