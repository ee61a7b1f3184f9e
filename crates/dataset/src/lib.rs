//! From a folder of images to pixels: open, split, decode, resize, augment, load, audit, download.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # dataset::sample::write(dir.path(), 40, 1)?;
//! # let photos = dir.path();
//! use dataset::{HashedSplit, ImageFolder, PixelLoader, ResizePolicy};
//!
//! let folder = ImageFolder::open(photos)?; // every sub-folder is a class
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
//!
//! No image is dropped silently: files that cannot be used are listed with the reason. No input makes a function panic
//! or allocate memory without a limit. The results depend only on the input and the seed, never on the number of
//! threads.
//!
//! | module | what it does |
//! |---|---|
//! | [`folder`] | lists the images of a folder that has one sub-folder for each class |
//! | [`labels`] | the same where a table has the labels |
//! | [`split`] | divides them into training, validation and testing |
//! | [`decode`](mod@decode) | decodes JPEG, PNG, GIF, WebP and BMP files to upright 8-bit RGB |
//! | [`resize`] | resizes images to the squares that networks take |
//! | [`loader`] | decodes and resizes many files in parallel |
//! | [`augment`] | changes training images at random |
//! | [`audit`] | finds problems: images in training and in test, wrong labels, duplicates, broken files |
//! | [`review`] | writes a page on which a person decides about doubtful images |
//! | [`difference_hash`](mod@difference_hash) | computes short hashes that tell images apart and survive resizing and encoding |
//! | [`balance`] | warns of classes with few images |
//! | `download` | downloads the images of a list of URLs (feature `download`) |
//! | [`names`] | writes file names that are not UTF-8 as text |
//! | [`thumbnail`](mod@thumbnail), [`filters`] | make small and filtered images for people |
//! | [`sample`] | draws images, to try the crate without data |
//!
//! The [`guide`] explains the main steps on one page.
//!
//! # Features
//!
//! * `gif` and `webp` (on by default): read GIF and WebP images.
//! * `rayon` (on by default): load and compare images on all threads of rayon's current pool; without it, on the caller's
//!   thread.
//! * `download`: download the images of a list of URLs.

pub mod audit;
pub mod augment;
pub mod balance;
pub mod decode;
pub mod difference_hash;
#[cfg(feature = "download")]
pub mod download;
pub mod encode;
mod error;
pub mod filters;
pub mod folder;
pub mod labels;
pub mod loader;
mod memory;
pub mod names;
mod problem;
pub mod resize;
mod restore_shape;
pub mod review;
mod rng;
pub mod sample;
mod skip_counts;
pub mod split;
mod table;
mod text;
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
pub use skip_counts::{ReasonCount, SkipCounts};
pub use split::{HashedSplit, Split};
