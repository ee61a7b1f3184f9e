//! Makes a quantized net of trained weights.

use super::bias_correction;
use super::calibration::Calibration;
use super::float_net::kind_of;
use super::net::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet,
};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::image_batch::ImageBatch;
use crate::weights::Weights;
use crate::weights::folded::FoldedLayer;

/// Quantizes trained weights to 8 bits: a builder.
///
/// Weights get a scale for each output channel, activations the range of ReLU6. Rounding the weights shifts the mean of
/// every channel, and the shifts add up from layer to layer; so each layer's biases are corrected by the difference of
/// means between the net in floats and the quantized one, layers before it quantized and corrected already
/// ([Nagel et al. 2019](https://arxiv.org/abs/1906.04721), section 4.2, with measured means). Some hundred images of
/// the kind that the net will see are enough; they need no labels.
///
/// ```no_run
/// # fn main() -> mobilenet::Result<()> {
/// use mobilenet::quantized::Quantize;
/// use mobilenet::{ImageBatch, Weights};
/// let weights = Weights::open("bundled")?;
/// let pixels = vec![0; 100 * 224 * 224 * 3]; // a hundred images of the training set
/// let net = Quantize::new().run(&weights, &ImageBatch::from_u8(&pixels, [100, 224, 224])?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantize {
    bias_correction: bool,
    equalization: bool,
    small_weights: bool,
}

impl Default for Quantize {
    fn default() -> Self {
        Self {
            bias_correction: true,
            equalization: false,
            small_weights: false,
        }
    }
}

impl Quantize {
    /// With bias correction, without equalization.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether biases are corrected. Default: true. Without, the top class of ImageNet is another one for a third of
    /// the images.
    pub fn with_bias_correction(mut self, bias_correction: bool) -> Self {
        self.bias_correction = bias_correction;
        self
    }

    /// Sets whether the channels that a depthwise convolution reads are scaled so that each fills the range of a byte, as
    /// far as the calibration images need it. Default: false. Embeddings and logits keep their meaning; the maps after the
    /// stem and the blocks before the last, and joined pools of them, are then scaled channel by channel.
    pub fn with_equalization(mut self, equalization: bool) -> Self {
        self.equalization = equalization;
        self
    }

    /// Sets whether weights are at most 63 steps from zero (7 bits) instead of 127. Processors that have AVX2 but no VNNI
    /// then multiply bytes as they are, which is faster; all others gain nothing. The net is less near to the floats.
    /// Default: false.
    pub fn with_small_weights(mut self, small_weights: bool) -> Self {
        self.small_weights = small_weights;
        self
    }

    /// Whether weights have 7 bits.
    pub fn small_weights(&self) -> bool {
        self.small_weights
    }

    /// The largest distance of a weight from zero, in steps.
    fn most(self) -> f32 {
        if self.small_weights { 63.0 } else { 127.0 }
    }

    /// Whether biases are corrected.
    pub fn bias_correction(&self) -> bool {
        self.bias_correction
    }

    /// Whether channels are scaled.
    pub fn equalization(&self) -> bool {
        self.equalization
    }

    /// Quantizes `weights`, calibrated on `images`: `[n, height, width, 3]` levels, best of the training set and in the
    /// net's own size. Never use images that accuracy is measured on.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no image or they are too small for the net, [`Error::Setting`] if the mean of the
    /// pixels is not a level, [`Error::MissingTensor`] and [`Error::Mismatch`] if the weights are not complete or not
    /// finite when batch normalizations are folded.
    pub fn run(&self, weights: &Weights, images: &ImageBatch<'_>) -> Result<QuantizedNet> {
        let config = weights.config();
        let [height, width] = images.size();
        config.map_sizes([height, width])?;
        if images.is_empty() {
            return Err(Error::Input("no images to calibrate on".into()));
        }
        if !(0.0..=255.0).contains(&config.mean) {
            let expected = "0 to 255: an integer net has a pixel level for zero";
            return Err(Error::setting("mean", config.mean, expected));
        }
        let mut layers = weights.folded()?;
        let mut calibration = Calibration::measure(config, &layers, images);
        if self.equalization {
            equalize(&mut layers, &mut calibration);
        }
        let mut net = quantized(config, &layers, &calibration, self.most());
        net.check()?;
        if self.bias_correction {
            bias_correction::correct(&mut net, &calibration, images)?;
        }
        Ok(net)
    }
}

/// Scales the channels that a depthwise convolution reads to the full range of ReLU6, and its filters back. The range of
/// a byte then ends where the channel does, at its largest value on the calibration images.
fn equalize(layers: &mut [FoldedLayer], calibration: &mut Calibration) {
    /// A channel that is nearly always zero is not blown up any further.
    const MOST: f32 = 16.0;
    for index in 1..layers.len() {
        if kind_of(layers[index].layer) != LayerKind::Depthwise {
            continue;
        }
        let statistics = &mut calibration.layers[index - 1];
        let factors: Vec<f32> = statistics
            .high
            .iter()
            .map(|&high| {
                if high > 0.0 {
                    (6.0 / high).clamp(1.0, MOST)
                } else {
                    1.0
                }
            })
            .collect();
        let scaled = statistics.mean.iter_mut().zip(&factors);
        scaled.for_each(|(mean, &factor)| *mean *= f64::from(factor));
        let before = &mut layers[index - 1];
        let taps = before.weights.len() / before.bias.len().max(1);
        for (at, weight) in before.weights.iter_mut().enumerate() {
            *weight *= factors[at / taps];
        }
        for (bias, factor) in before.bias.iter_mut().zip(&factors) {
            *bias *= factor;
        }
        for filter in layers[index].weights.chunks_exact_mut(factors.len()) {
            for (weight, factor) in filter.iter_mut().zip(&factors) {
                *weight /= factor;
            }
        }
    }
}

/// Rounds the weights; biases are not corrected.
fn quantized(
    config: &MobileNetConfig,
    layers: &[FoldedLayer],
    calibration: &Calibration,
    most: f32,
) -> QuantizedNet {
    let input = Activation {
        scale: (1.0 / config.std) as f32,
        zero_point: config.mean.round() as i32,
    };
    let relu6 = Activation {
        scale: 6.0 / 255.0,
        zero_point: 0,
    };
    // New images go a little further than those seen.
    let pooled = fitting(0.0, 1.1 * calibration.pool.range().1);
    let mut net = QuantizedNet {
        config: config.clone(),
        input,
        layers: Vec::new(),
        pooled,
        arithmetic: Arithmetic::default(),
        integers: Integers::default(),
        pooling: Pooling::Mean,
        dense: DenseOperation::FullyConnected,
        softmax: None,
        wide_outputs: true,
    };
    for (folded, statistics) in layers.iter().zip(&calibration.layers) {
        let kind = kind_of(folded.layer);
        let (reads, output) = match kind {
            LayerKind::Stem => (input, relu6),
            LayerKind::Depthwise | LayerKind::Pointwise => (relu6, relu6),
            LayerKind::Dense => {
                let (low, high) = statistics.range();
                (pooled, fitting(1.1 * low, 1.1 * high))
            }
        };
        // The pixel level that stands for zero is not the mean itself, where that is no integer.
        let shift = match kind {
            LayerKind::Stem => (f64::from(input.zero_point) - config.mean) / config.std,
            _ => 0.0,
        };
        net.layers
            .push(layer(kind, folded, (reads, output), shift, most));
    }
    net
}

/// The activation whose bytes cover a range and zero.
fn fitting(low: f32, high: f32) -> Activation {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let scale = ((high - low) / 255.0).clamp(1e-6, 1e6);
    let zero_point = (-low / scale).round().clamp(0.0, 255.0) as i32;
    Activation { scale, zero_point }
}

/// Rounds the weights of one layer, a scale for each channel. `shift` is added to all that it reads;
/// `most` is the largest level of a weight.
fn layer(
    kind: LayerKind,
    folded: &FoldedLayer,
    (input, output): (Activation, Activation),
    shift: f64,
    most: f32,
) -> QuantizedLayer {
    let outputs = folded.bias.len();
    let taps = (folded.weights.len() / outputs.max(1)).max(1);
    let channel = |at: usize| match kind {
        LayerKind::Depthwise => at % outputs,
        _ => at / taps,
    };
    let (mut largest, mut sums) = (vec![0f32; outputs], vec![0f64; outputs]);
    for (at, &weight) in folded.weights.iter().enumerate() {
        let largest = &mut largest[channel(at)];
        *largest = largest.max(weight.abs());
        sums[channel(at)] += f64::from(weight);
    }
    let bias: Vec<f64> = folded
        .bias
        .iter()
        .zip(&sums)
        .map(|(&bias, sum)| f64::from(bias) + shift * sum)
        .collect();
    let scales = largest.iter().zip(&bias).map(|(&largest, &bias)| {
        // A channel of zeros still has a bias, which must fit with its sums into 32 bits.
        let room = bias.abs() / f64::from(input.scale) / f64::from(1 << 30);
        (largest / most).max(room as f32).clamp(1e-10, 1e6)
    });
    let scales: Vec<f32> = scales.collect();
    let weight = |(at, &weight): (usize, &f32)| {
        (weight / scales[channel(at)])
            .round_ties_even()
            .clamp(-most, most) as i8
    };
    let bias = bias.iter().zip(&scales).map(|(&bias, &scale)| {
        (bias / (f64::from(input.scale) * f64::from(scale))).round_ties_even() as i32
    });
    QuantizedLayer {
        kind,
        weights: folded.weights.iter().enumerate().map(weight).collect(),
        bias: bias.collect(),
        weight_zero_points: vec![0; outputs],
        weight_scales: scales,
        output,
        clamp: (0, 255),
    }
}
