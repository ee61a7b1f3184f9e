//! Rules that divide the images of a folder into training, validation and testing.
//!
//! | rule | an image keeps its subset when images are added | ... and when it is relabeled | use |
//! |---|---|---|---|
//! | [`HashedSplit`] | yes | yes | the default |
//! | the same [as `retrain.py`](HashedSplit::with_retrain_py_paths) | yes | no | the parts that `retrain.py` made |
//! | [`GroupedSplit`] | yes | yes | several images show the same thing and must stay together |
//! | [`StratifiedSplit`] | no | no | the same share of every class, chosen by a seed |
//! | [`first_fraction`] | no | no | the first images of each class for training, without a seed |
//! | [`k_fold`] | no | no | cross-validation |
//! | [`Split::ready`] | yes | yes | the folder has `train`, `val` and `test`, or its table has a column for it |
//! | [`Split::from_folders`] | yes | yes | the images are divided into folders that lie anywhere |
//!
//! An image is relabeled when its file is moved to the folder of another class. A table of groups and a file of a split
//! name images by `class/file`, so relabeled images must get their new names there.
//!
//! A split is written to a file by [`Split::write`] and read by [`Split::read`].

mod file;
mod grouped;
mod hashed;
mod ready;
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
