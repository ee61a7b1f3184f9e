//! Is this still what the classifier was trained on? Tests and estimates for new samples without labels.
//!
//! * [`label_shift`] estimates how frequent each class is among new samples, from the answers of the classifier, and what that
//!   does to its accuracy. It assumes that samples of a class still look the same.
//! * [`mmd_test`] tests whether two sets of embeddings come from the same distribution, without a classifier.
//! * [`EmbeddingSummary`] keeps the mean of each class and a covariance, and says how far new embeddings are from them.
//! * [`AccuracyEstimator`] estimates the accuracy on new samples from the probabilities alone.
//!
//! Each says so if there are too few samples to tell.

mod accuracy;
mod bbse;
mod label;
mod linear;
mod mlls;
mod mmd;
mod options;
mod summary;

pub use accuracy::{AccuracyEstimate, AccuracyEstimator};
pub use label::{LabelShift, label_shift};
pub use mmd::{MmdOptions, MmdTest, ShiftVerdict, mmd_test};
pub use options::{LabelShiftMethod, LabelShiftOptions};
pub use summary::EmbeddingSummary;
