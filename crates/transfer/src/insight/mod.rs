//! What embeddings and out-of-fold predictions tell about a set of images: labels that are probably wrong, images that
//! look alike, out-of-distribution images, a map of all images, and whether more images would help.
//!
//! All but the last work on plain row-major matrices `[n, dim]`: one row per image, `dim` values in each.
//! [`Collection`] offers them for images that have names.

#[cfg(feature = "train")]
mod collection;
#[cfg(feature = "train")]
mod label_noise;
mod open_set;
#[cfg(feature = "pca")]
mod pca;
#[cfg(feature = "train")]
mod power_law;
#[cfg(feature = "train")]
mod review;
mod rows;
#[cfg(feature = "train")]
mod sample_size;
#[cfg(feature = "train")]
mod sample_size_curve;
#[cfg(feature = "train")]
mod scatter_plot;
mod similar;

#[cfg(feature = "train")]
pub use collection::{
    Collection, Copies, Doubts, LookedUp, Named, NamedOutlier, NamedPair, NamedSuspect, Outliers,
};
#[cfg(feature = "train")]
pub use label_noise::{LabelNoise, Suspect, label_noise};
pub use open_set::OpenSet;
#[cfg(feature = "pca")]
pub use pca::Pca;
#[cfg(feature = "train")]
pub use power_law::PowerLaw;
#[cfg(feature = "train")]
pub use review::review_cards;
#[cfg(feature = "train")]
pub use sample_size::SampleSize;
#[cfg(feature = "train")]
pub use sample_size_curve::{Forecast, Outlook, SampleSizeCurve, SampleSizePoint};
#[cfg(feature = "train")]
pub use scatter_plot::{class_color, scatter_plot};
pub use similar::{Neighbor, Pair, SimilarImages};
