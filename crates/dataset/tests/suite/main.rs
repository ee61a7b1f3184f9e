//! Tests of the crate from outside.

mod audit;
mod augment;
mod common;
mod corrections;
mod damage;
mod decode;
#[cfg(feature = "download")]
mod download;
mod folder;
mod hostile;
mod kinds;
mod labels;
mod loader;
mod mutations;
mod parts;
mod pictures;
mod pillow;
mod reduced;
mod resize;
mod review;
mod sample;
mod split;
mod splits;
mod tiff;
