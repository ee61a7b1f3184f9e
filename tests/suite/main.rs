//! Tests across crates.

mod architecture;
mod bad_input;
mod export;
mod attribution;
mod golden;
mod main_job;
mod support;
