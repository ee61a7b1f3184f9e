//! Tests across crates.

mod architecture;
mod export;
mod golden;
mod support;
