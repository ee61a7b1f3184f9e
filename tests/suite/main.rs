//! Tests across crates.

mod attribution;
mod golden;
mod support;
