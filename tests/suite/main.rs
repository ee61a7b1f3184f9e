//! Tests across crates.

mod golden;
mod support;
