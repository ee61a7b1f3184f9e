//! Tests of the crate from outside.

mod conformal;
mod interfaces;
mod multilabel;
mod predictions;
mod properties;
mod reading;
mod reference;
mod report;
mod shift;
