//! The configuration of a MobileNetV1: widths, strides, padding rule, epsilon, normalization.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::blocks::Blocks;
use crate::error::{Error, Result};

/// Width (at alpha 1.0) and stride of the stem, a full 3x3 convolution.
pub const STEM: (usize, usize) = (32, 2);

/// Width of the pointwise convolution (at alpha 1.0) and stride of the depthwise convolution of each of the
/// 13 separable blocks (table 1 of [Howard et al. 2017](https://arxiv.org/abs/1704.04861)).
pub const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// How convolutions of stride 2 are padded. Convolutions of stride 1 always get one row or column of zeros on each side.
///
/// The rule is a property of the trained weights. With another rule the weights load without an error, but the net is
/// less accurate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// TensorFlow's `SAME`: nothing before and one after at even sizes, one on both sides at odd sizes.
    #[default]
    Same,
    /// Nothing before and one after at every size: `ZeroPadding2D(((0, 1), (0, 1)))` of Keras, followed by `valid`.
    End,
    /// One on both sides at every size: `padding=1` of PyTorch, with which timm's nets are trained.
    Both,
    /// The stem as [`Padding::Same`], the other convolutions as [`Padding::End`]: this is what `applications.MobileNet`
    /// of Keras 3 builds. At even input sizes it is the same as `End`.
    EndButStem,
}

impl Padding {
    /// The rule for the convolution of one block: the stem (`block` 0) or a separable block.
    pub fn of_block(self, block: usize) -> Self {
        match (self, block) {
            (Self::EndButStem, 0) => Self::Same,
            (Self::EndButStem, _) => Self::End,
            (rule, _) => rule,
        }
    }

    /// The number of rows (or columns) of zeros before and after an image of `size` rows (or columns), for a 3x3 kernel.
    pub fn amounts(self, size: usize, stride: usize) -> (usize, usize) {
        match self {
            _ if stride == 1 => (1, 1),
            Self::Same if size.is_multiple_of(2) => (0, 1),
            Self::End | Self::EndButStem => (0, 1),
            Self::Same | Self::Both => (1, 1),
        }
    }
}

/// Configuration of a MobileNetV1. It is a builder, and it is stored beside the weights.
///
/// ```
/// use mobilenet::MobileNetConfig;
/// let config = MobileNetConfig::new().with_alpha(0.5).with_classes(10);
/// assert_eq!(config.feature_dim(), 512);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MobileNetConfig {
    /// Width multiplier, in (0, 4]. Default: 1.0. Published: 0.25, 0.5, 0.75, 1.0 (timm also 1.25).
    pub alpha: f64,
    /// Number of outputs of the classifier, at most 2^20; 0 means no classifier. Default: 1001 (the 1000 classes of
    /// ImageNet and background, as in TensorFlow's nets).
    pub classes: usize,
    /// Number of separable blocks that are kept, 0 to 13. Default: 13. A net with fewer blocks has no classifier.
    pub blocks: usize,
    /// Padding of stride-2 convolutions. Default: [`Padding::Same`].
    pub padding: Padding,
    /// Added to the variance in batch normalization, in (0, 1). Default: 1e-3 (TensorFlow's nets; timm's have 1e-5).
    pub epsilon: f64,
    /// Subtracted from a pixel level (0 to 255). Default: 127.5.
    pub mean: f64,
    /// The difference is divided by this positive number. Default: 127.5, so that the network's input is -1 to 1.
    pub std: f64,
    /// Side of the square images that the weights were trained on, in pixels, 1 to 4096. Default: 224. The net also takes
    /// images of other sizes.
    pub input_size: usize,
}

impl Default for MobileNetConfig {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            classes: 1001,
            blocks: BLOCKS.len(),
            padding: Padding::Same,
            epsilon: 1e-3,
            mean: 127.5,
            std: 127.5,
            input_size: 224,
        }
    }
}

impl MobileNetConfig {
    /// The configuration of Google's `mobilenet_v1_1.0_224`. The fields name each default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the width multiplier.
    pub fn with_alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the number of classes; 0 means no classifier.
    pub fn with_classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    /// Keeps the first `blocks` separable blocks. With fewer than 13, the net has no classifier.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        if blocks < BLOCKS.len() {
            self.classes = 0;
        }
        self
    }

    /// Sets the padding rule of stride-2 convolutions.
    pub fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Sets the epsilon of batch normalization.
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets the normalization `x = (level - mean) / std` of pixel levels 0 to 255.
    pub fn with_normalization(mut self, mean: f64, std: f64) -> Self {
        self.mean = mean;
        self.std = std;
        self
    }

    /// Sets the side of the square images that the weights were trained on.
    pub fn with_input_size(mut self, input_size: usize) -> Self {
        self.input_size = input_size;
        self
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the first field that is out of its range, its value and the range.
    pub fn check(&self) -> Result<()> {
        let check = |right: bool, setting, value: &dyn Display, expected: &str| {
            if right {
                Ok(())
            } else {
                Err(Error::setting(setting, value, expected))
            }
        };
        let alpha = self.alpha > 0.0 && self.alpha <= 4.0;
        check(alpha, "alpha", &self.alpha, "a number in (0, 4]")?;
        let blocks = self.blocks <= BLOCKS.len();
        check(blocks, "blocks", &self.blocks, "0 to 13")?;
        let classes = self.blocks == BLOCKS.len() || self.classes == 0;
        let expected = "0, since a net with fewer than 13 blocks has no classifier";
        check(classes, "classes", &self.classes, expected)?;
        let classes = self.classes <= 1 << 20;
        check(classes, "classes", &self.classes, "at most 1048576")?;
        // The net computes with these numbers as f32.
        let epsilon = self.epsilon as f32 > 0.0 && self.epsilon < 1.0;
        check(epsilon, "epsilon", &self.epsilon, "a number in (0, 1)")?;
        let (mean, std) = (self.mean as f32, self.std as f32);
        let normalized = [0.0, 255.0].map(|level| (level - mean) * (1.0 / std));
        let finite = mean.is_finite() && normalized.iter().all(|x| x.is_finite());
        let expected = "a number for which (level - mean) / std is finite";
        check(finite || !std.is_normal(), "mean", &self.mean, expected)?;
        let positive = finite && std.is_finite() && std > 0.0;
        let expected = "a positive number for which (level - mean) / std is finite";
        check(positive, "std", &self.std, expected)?;
        let size = (1..=4096).contains(&self.input_size);
        check(size, "input size", &self.input_size, "1 to 4096 pixels")
    }

    /// A width of the paper's table at this alpha: at least 8, as in TF-Slim.
    pub(crate) fn width(&self, channels: usize) -> usize {
        ((channels as f64 * self.alpha) as usize).max(8)
    }

    /// Number of channels of the map after `block` (0 is the stem).
    pub fn channels_after(&self, block: usize) -> usize {
        match block {
            0 => self.width(STEM.0),
            _ => self.width(BLOCKS[block.min(BLOCKS.len()) - 1].0),
        }
    }

    /// Length of an embedding: the number of channels after the last block that is kept.
    pub fn feature_dim(&self) -> usize {
        self.channels_after(self.blocks)
    }

    /// Length of an embedding that joins the pooled maps of several blocks.
    pub fn joined_dim(&self, blocks: Blocks) -> usize {
        blocks.iter().map(|block| self.channels_after(block)).sum()
    }
}
