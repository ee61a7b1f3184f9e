//! What a quantized net is.

use serde::{Deserialize, Serialize};

use crate::config::{BLOCKS, MobileNetConfig, STEM};
use crate::error::{Error, Result};

/// The scale and the zero point of a tensor of unsigned bytes: the real number is `scale * (level - zero_point)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The step between two levels, positive and finite.
    pub scale: f32,
    /// The level of the real number 0, in [0, 255]. Signed bytes of files are shifted by 128.
    pub zero_point: i32,
}

impl Activation {
    /// The real number that a level stands for.
    pub fn real(self, level: u8) -> f32 {
        self.scale * (i32::from(level) - self.zero_point) as f32
    }
}

/// What a layer of a quantized net is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// The full 3x3 convolution of stride 2 that reads pixels.
    Stem,
    /// A 3x3 filter for each channel.
    Depthwise,
    /// A 1x1 convolution.
    Pointwise,
    /// The classifier, which reads the average pool.
    Dense,
}

/// One convolution of a quantized net, or its classifier.
///
/// A sum `bias + Σ (input level - input zero point) * (weight - weight zero point)` stands for the real number
/// `sum * input scale * weight scale`; it is rounded to a level of `output` and clamped.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedLayer {
    /// What the layer is.
    pub kind: LayerKind,
    /// `[outputs, 3, 3, 3]` (rows, columns, RGB) for the stem, `[outputs, inputs]` for pointwise and dense layers,
    /// `[3, 3, channels]` for depthwise ones. Files with unsigned weights `w` are stored as `w - 128`.
    pub weights: Vec<i8>,
    /// The scale of the weights for each output channel.
    pub weight_scales: Vec<f32>,
    /// The zero point of the weights for each output channel: 0 for nets that this crate makes and for files with signed
    /// weights, `z - 128` for those with unsigned ones.
    pub weight_zero_points: Vec<i32>,
    /// What each output channel's sum begins with.
    pub bias: Vec<i32>,
    /// What the layer writes.
    pub output: Activation,
    /// Lowest and highest level that the layer writes: ReLU6, or the range of a byte.
    pub clamp: (i32, i32),
}

impl QuantizedLayer {
    /// Number of channels that the layer writes.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}

/// How sums are rounded to levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Arithmetic {
    /// As XNNPACK, TensorFlow Lite's default delegate: the sum as f32 times an f32 factor, rounded to the nearest level,
    /// halves to even. The default.
    #[default]
    Xnnpack,
    /// As TensorFlow Lite's reference kernels (LiteRT's `BUILTIN_REF`): fixed-point multiplication that rounds twice. A
    /// probability can differ from XNNPACK's by several levels.
    LiteRtReference,
}

/// The type of the activations in the file that a net was read from. It decides how reference kernels round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integers {
    /// Unsigned bytes, the older form.
    Unsigned,
    /// Signed bytes, and what this crate makes.
    #[default]
    Signed,
}

/// The operation that averages the last map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// `AVERAGE_POOL_2D`: the output has the scale of the map.
    Average,
    /// `MEAN`: the output has a scale of its own.
    #[default]
    Mean,
}

/// The operation of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenseOperation {
    /// `CONV_2D` of 1x1.
    Convolution,
    /// `FULLY_CONNECTED`.
    #[default]
    FullyConnected,
}

/// Softmax at the end of a file's net.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// Factor of the logits.
    pub beta: f32,
    /// The probabilities.
    pub output: Activation,
}

/// A MobileNetV1 in 8-bit integers: its layers, and all that the rounding depends on.
///
/// The fields are public, so that writers of formats and engines see all of it; [`check`](Self::check) says whether they
/// fit together. Pixel levels 0 to 255 are the input as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedNet {
    /// Widths, strides, padding. Mean and standard deviation are those of [`input`](Self::input).
    pub config: MobileNetConfig,
    /// What a pixel level stands for. Outside of the image there is the level `zero_point`.
    pub input: Activation,
    /// The stem, the depthwise and the pointwise convolution of each block, and the classifier if there is one.
    pub layers: Vec<QuantizedLayer>,
    /// The average pool of the last map.
    pub pooled: Activation,
    /// How sums are rounded.
    pub arithmetic: Arithmetic,
    /// The type of the file's activations.
    pub integers: Integers,
    /// The operation that averages.
    pub pooling: Pooling,
    /// The operation of the classifier.
    pub dense: DenseOperation,
    /// What follows the logits, for [`QuantizedNet::levels`].
    pub softmax: Option<Softmax>,
    /// Whether embeddings and logits as floats are given before they are rounded to bytes: the exact mean of the last map,
    /// and the sums of the classifier. True for nets that this crate makes; files give what their bytes stand for.
    pub wide_outputs: bool,
}

impl QuantizedNet {
    /// The same net with another way of rounding.
    pub fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.arithmetic = arithmetic;
        self
    }

    /// The same net without its classifier, if it has one: its outputs are embeddings.
    pub fn without_classifier(mut self) -> Self {
        self.layers.retain(|layer| layer.kind != LayerKind::Dense);
        (self.config.classes, self.softmax) = (0, None);
        self
    }

    /// Number of values that the file's last operation writes for each image.
    pub fn outputs(&self) -> usize {
        match self.config.classes {
            0 => self.config.feature_dim(),
            classes => classes,
        }
    }

    /// What a level of the file's last operation stands for: a probability, a logit, or a value of the embedding.
    pub fn output(&self) -> Activation {
        match (&self.softmax, self.classifier()) {
            (Some(softmax), _) => softmax.output,
            (None, Some(classifier)) => classifier.output,
            (None, None) => self.pooled,
        }
    }

    /// The classifier, if the net has one.
    pub fn classifier(&self) -> Option<&QuantizedLayer> {
        self.layers.last().filter(|l| l.kind == LayerKind::Dense)
    }

    /// What layer `index` reads.
    pub fn input_of(&self, index: usize) -> Activation {
        match (index, self.layers.get(index).map(|l| l.kind)) {
            (0, _) => self.input,
            (_, Some(LayerKind::Dense)) => self.pooled,
            _ => self.layers.get(index - 1).map_or(self.pooled, |l| l.output),
        }
    }

    /// Kind, inputs and outputs of each layer that a net of this configuration has.
    pub(crate) fn shapes(config: &MobileNetConfig) -> Vec<(LayerKind, usize, usize)> {
        let mut shapes = vec![(LayerKind::Stem, 3, config.channels_after(0))];
        for block in 1..=config.blocks {
            let (inputs, outputs) = (
                config.channels_after(block - 1),
                config.channels_after(block),
            );
            shapes.push((LayerKind::Depthwise, inputs, inputs));
            shapes.push((LayerKind::Pointwise, inputs, outputs));
        }
        if config.classes > 0 {
            shapes.push((LayerKind::Dense, config.feature_dim(), config.classes));
        }
        shapes
    }

    /// Checks that the layers are those of the configuration and every number is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] for the configuration, [`Error::Mismatch`] with the first layer that does not fit.
    pub fn check(&self) -> Result<()> {
        self.config.check()?;
        let wrong = |what: String| {
            Err(Error::Mismatch {
                file: "quantized net".into(),
                message: what,
            })
        };
        let shapes = Self::shapes(&self.config);
        if self.layers.len() != shapes.len() {
            return wrong(format!(
                "{} layers; expected {}",
                self.layers.len(),
                shapes.len()
            ));
        }
        for (i, (layer, &(kind, inputs, outputs))) in self.layers.iter().zip(&shapes).enumerate() {
            if layer.kind != kind {
                return wrong(format!("layer {i} is {:?}; expected {kind:?}", layer.kind));
            }
            if let Some(what) = layer.wrong(inputs, outputs) {
                return wrong(format!("layer {i} ({kind:?}) has {what}"));
            }
        }
        let tensors = [("input", self.input), ("pooled", self.pooled)];
        let probabilities = self.softmax.map(|s| ("softmax", s.output));
        for (name, activation) in tensors.into_iter().chain(probabilities) {
            if let Some(what) = activation.wrong() {
                return wrong(format!("{name} has {what}"));
            }
        }
        match (&self.softmax, self.classifier()) {
            (Some(_), None) => wrong("a softmax, but no classifier".into()),
            (Some(softmax), _) if !softmax.beta.is_finite() => {
                wrong(format!("a softmax of beta {}", softmax.beta))
            }
            _ => Ok(()),
        }
    }
}

/// The range in which a scale may be: products of three of them stay within f32.
pub(crate) const SCALES: std::ops::RangeInclusive<f32> = 1e-12..=1e6;

impl Activation {
    /// What is out of range.
    pub(crate) fn wrong(self) -> Option<String> {
        if !SCALES.contains(&self.scale) {
            return Some(wrong_scale(self.scale));
        }
        let inside = (0..=255).contains(&self.zero_point);
        (!inside).then(|| format!("a zero point of {}; expected 0 to 255", self.zero_point))
    }
}

/// The message about a scale that is out of range.
pub(crate) fn wrong_scale(scale: f32) -> String {
    format!(
        "a scale of {scale:e}; expected {:e} to {:e}",
        SCALES.start(),
        SCALES.end()
    )
}

impl QuantizedLayer {
    /// What does not fit to so many inputs and outputs.
    fn wrong(&self, inputs: usize, outputs: usize) -> Option<String> {
        let taps = match self.kind {
            LayerKind::Stem => 9 * inputs * outputs,
            LayerKind::Depthwise => 9 * outputs,
            LayerKind::Pointwise | LayerKind::Dense => inputs * outputs,
        };
        let lengths = [
            ("weights", self.weights.len(), taps),
            ("weight scales", self.weight_scales.len(), outputs),
            ("weight zero points", self.weight_zero_points.len(), outputs),
            ("biases", self.bias.len(), outputs),
        ];
        if let Some((what, found, expected)) = lengths.into_iter().find(|l| l.1 != l.2) {
            return Some(format!("{found} {what}; expected {expected}"));
        }
        if let Some(&scale) = self.weight_scales.iter().find(|s| !SCALES.contains(s)) {
            return Some(wrong_scale(scale));
        }
        let zero_point = self.weight_zero_points.iter().copied();
        if let Some(z) = zero_point.into_iter().find(|z| !(-128..=127).contains(z)) {
            return Some(format!("a weight zero point of {z}; expected -128 to 127"));
        }
        let (low, high) = self.clamp;
        if !(0 <= low && low <= high && high <= 255) {
            return Some(format!("levels {low} to {high}; expected 0 to 255"));
        }
        self.output.wrong()
    }
}

/// The stride of each convolution of a net, in the order of its layers; 1 for the classifier.
pub(crate) fn stride(index: usize) -> usize {
    match index {
        0 => STEM.1,
        // Layer 2 block - 1 is a block's depthwise convolution.
        _ if index % 2 == 1 => BLOCKS.get(index / 2).map_or(1, |block| block.1),
        _ => 1,
    }
}
