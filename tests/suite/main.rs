//! Tests across crates.

mod architecture;
mod attribution;
mod bad_input;
mod finetuning;
mod first_day;
mod golden;
mod input;
mod labels;
mod main_job;
mod modules;
mod options;
mod outside;
mod packaging;
mod page;
mod snippet;
mod spelling;
mod support;
mod training;
mod trust;
mod unwritable;
