//! From the arrays of a net to packed weights: each batch normalization becomes a factor and a bias per channel, computed
//! in f64; channels are padded to whole vectors.

use super::kernels::{Affine, Packed};
use crate::config::{BLOCKS, MobileNetConfig};
use crate::error::{Error, Result};
use crate::weights::parameters::{Arrays, Layer, Parameter, Part};

/// A 3x3 filter a channel: `[9][channels]`, and what follows.
pub(super) struct Filters {
    pub(super) weight: Vec<f32>,
    pub(super) after: Affine,
}

/// Depthwise and pointwise convolution.
pub(super) struct Block {
    pub(super) stride: usize,
    pub(super) depthwise: Filters,
    pub(super) pointwise: Packed,
}

/// All weights of a net, for the forward pass.
pub(super) struct Layers {
    /// 27 inputs (rows, columns, RGB).
    pub(super) stem: Packed,
    pub(super) blocks: Vec<Block>,
    pub(super) classifier: Option<Packed>,
}

impl Layers {
    pub(super) fn of(config: &MobileNetConfig, arrays: &Arrays, lanes: usize) -> Result<Self> {
        let net = Net { config, arrays };
        let stem = net.folded(Layer::Stem)?;
        // [out][RGB][rows and columns] to [rows and columns][RGB][out]
        let weight = transposed(stem.weight, stem.outputs, |k| (k % 3) * 9 + k / 3);
        let stem = Packed::new(&weight, stem.after, 27, lanes);
        let strides = BLOCKS.iter().map(|&(_, stride)| stride);
        let blocks = (1..=config.blocks)
            .zip(strides)
            .map(|(block, stride)| net.block(block, stride, lanes))
            .collect::<Result<_>>()?;
        let classifier = (config.classes > 0).then(|| {
            let weight = net.values(Layer::Classifier, Part::Kernel)?;
            let bias = net.values(Layer::Classifier, Part::Bias)?.to_vec();
            let scale = vec![1.0; bias.len()];
            let after = Affine { scale, bias };
            Ok::<_, Error>(Packed::new(weight, after, config.feature_dim(), lanes))
        });
        Ok(Self {
            stem,
            blocks,
            classifier: classifier.transpose()?,
        })
    }
}

/// All that a net is, on the way to packed weights.
struct Net<'a> {
    config: &'a MobileNetConfig,
    arrays: &'a Arrays,
}

impl<'a> Net<'a> {
    fn values(&self, layer: Layer, part: Part) -> Result<&'a [f32]> {
        let name = Parameter::name_of(layer, part);
        match self.arrays.get(&name) {
            Some(array) => Ok(&array.data),
            None => Err(wrong(format!("`{name}` is missing"))),
        }
    }

    fn block(&self, block: usize, stride: usize, lanes: usize) -> Result<Block> {
        let depthwise = self.folded(Layer::Depthwise(block))?;
        let channels = depthwise.outputs;
        let padded = channels.next_multiple_of(lanes);
        let mut weight = vec![0.0; 9 * padded];
        for (k, row) in weight.chunks_exact_mut(padded).enumerate() {
            for (c, value) in row.iter_mut().take(channels).enumerate() {
                *value = depthwise.weight[c * 9 + k];
            }
        }
        let after = depthwise.after.padded(lanes);
        let pointwise = self.folded(Layer::Pointwise(block))?;
        let matrix = transposed(pointwise.weight, pointwise.outputs, |k| k);
        let pointwise = Packed::new(&matrix, pointwise.after, channels, lanes);
        Ok(Block {
            stride,
            depthwise: Filters { weight, after },
            pointwise,
        })
    }

    fn folded(&self, layer: Layer) -> Result<Folded<'a>> {
        let values = |part| self.values(layer, part);
        let (gamma, beta) = (values(Part::Gamma)?, values(Part::Beta)?);
        let (mean, variance) = (values(Part::Mean)?, values(Part::Variance)?);
        let outputs = gamma.len();
        let (mut scale, mut bias) = (Vec::with_capacity(outputs), Vec::with_capacity(outputs));
        for c in 0..outputs {
            let factor =
                f64::from(gamma[c]) / (f64::from(variance[c]) + self.config.epsilon).sqrt();
            scale.push(factor as f32);
            bias.push((f64::from(beta[c]) - f64::from(mean[c]) * factor) as f32);
        }
        let weight = values(Part::Kernel)?;
        let numbers = weight.iter().chain(&scale).chain(&bias);
        match numbers.copied().find(|v| !v.is_finite()) {
            Some(value) => Err(wrong(format!(
                "folding a batch normalization into its convolution gives {value}; a variance is negative, or values are too large"
            ))),
            None => Ok(Folded {
                outputs,
                weight,
                after: Affine { scale, bias },
            }),
        }
    }
}

/// A convolution `[outputs][inputs of one]`, and its batch normalization.
struct Folded<'a> {
    outputs: usize,
    weight: &'a [f32],
    after: Affine,
}

/// `[outputs][inputs]` to `[inputs][outputs]`, input `k` of the result being `from(k)`.
fn transposed(weight: &[f32], outputs: usize, from: impl Fn(usize) -> usize) -> Vec<f32> {
    let inputs = weight.len() / outputs;
    (0..inputs)
        .flat_map(|k| weight.iter().skip(from(k)).step_by(inputs).copied())
        .collect()
}

fn wrong(message: String) -> Error {
    Error::Mismatch {
        file: "net to compile".into(),
        message,
    }
}
