//! Tests across crates.

mod architecture;
mod attribution;
mod bad_input;
mod export;
mod golden;
mod main_job;
mod support;
