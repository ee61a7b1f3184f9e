//! Rules that divide the images of a folder into training, validation and testing.
//!
//! | rule | an image keeps its subset when images are added | use |
//! |---|---|---|
//! | [`HashedSplit`] | yes | the default; the rule of `retrain.py` |
//! | [`GroupedSplit`] | yes | several images show the same thing and must stay together |
//! | [`StratifiedSplit`] | no | the same share of every class, chosen by a seed |
//! | [`first_fraction`] | no | the first images of each class for training, without a seed |
//! | [`k_fold`] | no | cross-validation |
//! | [`Split::from_folders`] | yes | the images are divided into folders already |
//!
//! A split is written to a file by [`Split::write`] and read by [`Split::read`].

mod file;
mod grouped;
mod hashed;
mod seeded;
mod sets;
mod shard;
pub(crate) mod subset;
mod test_folder;

pub use grouped::{GroupBy, GroupedSplit};
pub use hashed::{HashedSplit, retrain_py_labels};
pub use seeded::{StratifiedSplit, first_fraction, k_fold};
pub use sets::Split;
pub use shard::Shard;
pub use subset::Subset;
pub use test_folder::BesideTestFolder;
