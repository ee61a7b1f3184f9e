//! Logistic regression to its optimum, with the regularization chosen by cross-validation.

#[cfg(feature = "train")]
mod choice;
pub(super) mod config;
#[cfg(feature = "train")]
mod cross_validation;
#[cfg(feature = "train")]
pub(super) mod fit;
#[cfg(feature = "train")]
mod folds;
#[cfg(feature = "train")]
mod lbfgs;
#[cfg(feature = "train")]
mod multinomial;
#[cfg(feature = "train")]
mod objective;
#[cfg(feature = "train")]
mod watcher;

pub use config::LogisticRegression;
#[cfg(feature = "train")]
pub(crate) use folds::drawn_folds;
