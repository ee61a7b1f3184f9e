//! Random changes to training images (data augmentation), so that a network sees more variants than there are images.
//!
//! Every change is a pure function of the image, a seed, an epoch and the index of the image: the same arguments give the
//! same pixels, whatever the order of the calls and the number of threads.
//!
//! [`Augmentation`] is a list of [`Transform`]s with their usual definitions; [`Distortions`] are the four of
//! `retrain.py`.

mod augmentation;
mod color;
mod distortions;
mod geometry;
mod range;
mod transform;

pub use augmentation::Augmentation;
pub use distortions::Distortions;
pub use range::Range;
pub use transform::Transform;
