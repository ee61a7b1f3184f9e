//! How an image becomes the input of a net, which is a property of the weights.

use serde::{Deserialize, Serialize};

use crate::config::MobileNetConfig;

/// Interpolation filter of the resize with which the published accuracies were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Triangle.
    #[default]
    Bilinear,
    /// Cubic.
    Bicubic,
}

/// How an image becomes the input of a net in the evaluation of its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Side of the square input, in pixels.
    pub input_size: usize,
    /// Subtracted from a pixel level (0 to 255).
    pub mean: f64,
    /// The difference is divided by this number.
    pub std: f64,
    /// Fraction of the image's short side that the central crop keeps, in (0, 1]. With 1 the crop only makes a square.
    pub crop: f64,
    /// Interpolation of the resize.
    pub filter: Filter,
}

impl Preprocessing {
    pub(super) fn new(config: &MobileNetConfig, crop: f64, filter: Filter) -> Self {
        Self {
            input_size: config.input_size,
            mean: config.mean,
            std: config.std,
            crop,
            filter,
        }
    }
}
