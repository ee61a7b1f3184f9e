//! From a folder of images to pixels: open, split, decode, resize, augment, load.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # dataset::sample::write(dir.path(), 40, 1)?;
//! use dataset::{HashedSplit, ImageFolder, PixelLoader, ResizePolicy};
//!
//! let folder = ImageFolder::open(dir.path())?; // every sub-folder is a class
//! let split = HashedSplit::default().apply(&folder)?; // training, validation, testing
//!
//! let loader = PixelLoader::new(ResizePolicy::Squash, 224);
//! loader.for_each_batch(&split.training, |batch| {
//!     // `[n, 224, 224, 3]`, RGB, one byte per value
//!     assert_eq!(batch.pixels.len(), batch.indices.len() * 224 * 224 * 3);
//!     assert!(batch.failed.is_empty());
//!     Ok::<(), dataset::Error>(())
//! })?;
//! # Ok(())
//! # }
//! ```

pub mod audit;
pub mod augment;
pub mod balance;
pub mod decode;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod filters;
pub mod folder;
pub mod loader;
mod problem;
pub mod resize;
mod rng;
pub mod sample;
pub mod split;
mod threads;
pub mod thumbnail;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use decode::{DecodeOptions, decode, decode_file};
pub use error::{Error, Result};
pub use folder::{ImageFolder, ImageItem};
pub use image::{GrayImage, RgbImage};
pub use loader::PixelLoader;
pub use problem::{ImageProblem, Limit, SkipReason, Skipped};
pub use resize::{ResizeFilter, ResizePolicy};
pub use split::{HashedSplit, Split};
