//! Tests of the crate from outside.

mod audit;
mod augment;
mod common;
mod decode;
mod folder;
mod loader;
mod resize;
mod sample;
mod split;
mod splits;
