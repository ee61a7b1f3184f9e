//! Tests of the crate from outside.

mod common;
mod folder;
mod loader;
mod resize;
mod sample;
mod split;
