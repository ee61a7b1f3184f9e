//! Folders of images to pixels: open, split, decode, resize, load.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # dataset::sample::write(dir.path(), 40, 1)?;
//! use dataset::{HashedSplit, ImageFolder, PixelLoader, ResizePolicy};
//!
//! let folder = ImageFolder::open(dir.path())?; // classes = sub-folders
//! let split = HashedSplit::default().apply(&folder)?; // training, validation, testing
//!
//! let paths: Vec<_> = split.training.iter().map(|item| &item.path).collect();
//! let loader = PixelLoader::new(ResizePolicy::Squash, 224);
//! loader.for_each_batch(&paths, |batch| {
//!     assert_eq!(batch.pixels.len(), batch.indices.len() * 224 * 224 * 3);
//!     assert!(batch.failed.is_empty());
//!     Ok::<(), dataset::Error>(())
//! })?;
//! # Ok(())
//! # }
//! ```

pub mod audit;
mod augment;
mod balance;
mod decode;
mod dice;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod filters;
mod folder;
mod loader;
mod resize;
pub mod sample;
mod split;
mod thumbnail;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use augment::{Augmentation, Distortions, Step};
pub use balance::{BalanceWarning, Sampler, balance_warnings};
pub use decode::{DecodeOptions, Format, decode, decode_file, decode_named, read_bounded};
pub use error::{Error, Problem, Result};
pub use folder::{ImageFolder, ImageItem, Skipped};
pub use image::{GrayImage, RgbImage};
pub use loader::{PixelBatch, PixelLoader};
pub use resize::{ResizeFilter, ResizePolicy, tf1_bilinear};
pub use split::{
    GroupBy, GroupedSplit, HashedSplit, Split, StratifiedSplit, first_fraction, k_fold,
    parity_labels,
};
pub use thumbnail::{contact_sheet, thumbnail, write_thumbnail};
