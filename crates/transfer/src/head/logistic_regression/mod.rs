//! Logistic regression to its optimum, with the regularization chosen by cross-validation.

pub(super) mod config;
mod cross_validation;
pub(super) mod fit;
mod lbfgs;
mod objective;
mod watcher;

pub use config::LogisticRegression;
