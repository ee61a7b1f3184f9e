//! Tests across crates.

mod architecture;
mod golden;
mod support;
