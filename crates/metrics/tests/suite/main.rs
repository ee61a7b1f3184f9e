//! Tests of the crate from outside.

mod interfaces;
mod predictions;
mod properties;
mod reading;
mod reference;
mod report;
