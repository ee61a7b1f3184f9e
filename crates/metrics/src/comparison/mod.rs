//! Comparing two classifiers on the same samples: which samples changed, and whether the difference can be chance.
//!
//! [`Predictions::compare`](crate::Predictions::compare) makes a [`Comparison`].

mod compare;
mod outcomes;

pub use compare::{Comparison, ScoreDifference};
pub use outcomes::PairedOutcomes;
