//! Labels that stand in a table, not in the names of folders.
//!
//! A [`LabelTable`] has a row for each image, with the name of its file and its label, and perhaps with its part of a split and
//! its group. [`ImageFolder::labeled`](crate::ImageFolder::labeled) finds the files:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # dataset::sample::write(dir.path().join("images"), 1, 7)?;
//! # let table = dir.path().join("train.csv");
//! # std::fs::write(&table, "image_id,label\nboat_00000,boat\ncloud_00000,cloud\n")?;
//! # let images = dir.path().join("images");
//! use dataset::ImageFolder;
//! use dataset::labels::{LabelColumns, LabelTable};
//! let table = LabelTable::open(table, &LabelColumns::new())?; // such as Kaggle's train.csv
//! let folder = ImageFolder::labeled(images, &table)?;
//! assert_eq!(folder.classes(), ["boat", "cloud"]);
//! # Ok(())
//! # }
//! ```
//!
//! What is made of an [`ImageFolder`](crate::ImageFolder) can be made of this one, too.

mod columns;
mod corrections;
mod find;
mod folder;
mod rows;
mod words;

pub use columns::LabelColumns;
pub use rows::{LabelRow, LabelTable};
