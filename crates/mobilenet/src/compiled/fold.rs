//! From a Burn net to packed weights: batch norm as a factor and a bias a channel, in f64; channels padded.

use burn::module::Param;
use burn::tensor::{DType, Tensor};

use super::kernels::{Affine, Packed};
use crate::{ConvBlock, Error, MobileNet, Result, SeparableBlock};

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
    pub(super) fn of(net: &MobileNet, lanes: usize) -> Result<Self> {
        let stem = Folded::of(&net.stem)?;
        // [out][RGB][rows and columns] to [rows and columns][RGB][out]
        let weight = transposed(&stem.weight, stem.outputs, |k| (k % 3) * 9 + k / 3);
        let stem = Packed::new(&weight, stem.after, 27, lanes);
        let strides = crate::BLOCKS.map(|(_, stride)| stride);
        let blocks = net
            .blocks
            .iter()
            .zip(strides)
            .map(|(block, stride)| Block::of(block, stride, lanes));
        let blocks = blocks.collect::<Result<_>>()?;
        let classifier = net.classifier.as_ref().map(|linear| {
            let weight = values(&linear.weight)?;
            let outputs = linear.weight.dims()[1];
            let bias = linear
                .bias
                .as_ref()
                .map_or_else(|| Ok(vec![0.0; outputs]), values)?;
            let scale = vec![1.0; outputs];
            let after = Affine { scale, bias };
            Ok::<_, Error>(Packed::new(&weight, after, linear.weight.dims()[0], lanes))
        });
        Ok(Self {
            stem,
            blocks,
            classifier: classifier.transpose()?,
        })
    }
}

impl Block {
    fn of(block: &SeparableBlock, stride: usize, lanes: usize) -> Result<Self> {
        let depthwise = Folded::of(&block.depthwise)?;
        let channels = depthwise.outputs;
        let padded = channels.next_multiple_of(lanes);
        let mut weight = vec![0.0; 9 * padded];
        for (k, row) in weight.chunks_exact_mut(padded).enumerate() {
            for (c, value) in row.iter_mut().take(channels).enumerate() {
                *value = depthwise.weight[c * 9 + k];
            }
        }
        let after = depthwise.after.padded(lanes);
        let pointwise = Folded::of(&block.pointwise)?;
        let matrix = transposed(&pointwise.weight, pointwise.outputs, |k| k);
        let pointwise = Packed::new(&matrix, pointwise.after, channels, lanes);
        Ok(Self {
            stride,
            depthwise: Filters { weight, after },
            pointwise,
        })
    }
}

/// `[outputs][inputs]` to `[inputs][outputs]`, input `k` of the result being `from(k)`.
fn transposed(weight: &[f32], outputs: usize, from: impl Fn(usize) -> usize) -> Vec<f32> {
    let inputs = weight.len() / outputs;
    (0..inputs)
        .flat_map(|k| weight.iter().skip(from(k)).step_by(inputs).copied())
        .collect()
}

/// A convolution `[outputs][inputs of one]`, and its batch norm.
struct Folded {
    outputs: usize,
    weight: Vec<f32>,
    after: Affine,
}

impl Folded {
    fn of(block: &ConvBlock) -> Result<Self> {
        let [gamma, beta] = [values(&block.bn.gamma)?, values(&block.bn.beta)?];
        let [mean, variance] =
            [&block.bn.running_mean, &block.bn.running_var].map(|x| read(x.value()));
        let (mean, variance) = (mean?, variance?);
        let outputs = gamma.len();
        let (mut scale, mut bias) = (Vec::with_capacity(outputs), Vec::with_capacity(outputs));
        for c in 0..outputs {
            let factor = f64::from(gamma[c]) / (f64::from(variance[c]) + block.bn.epsilon).sqrt();
            scale.push(factor as f32);
            bias.push((f64::from(beta[c]) - f64::from(mean[c]) * factor) as f32);
        }
        let weight = values(&block.conv.weight)?;
        let numbers = weight.iter().chain(&scale).chain(&bias);
        match numbers.copied().find(|v| !v.is_finite()) {
            Some(value) => Err(wrong(format!(
                "{value} comes of a convolution and its batch norm: a variance is negative, or values are too large"
            ))),
            None => Ok(Self {
                outputs,
                weight,
                after: Affine { scale, bias },
            }),
        }
    }
}

fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> Result<Vec<f32>> {
    read(parameter.val())
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data().convert_dtype(DType::F32);
    data.try_to_vec::<f32>()
        .map_err(|e| wrong(format!("a parameter is not f32: {e:?}")))
}

fn wrong(message: String) -> Error {
    Error::Mismatch {
        file: "net to compile".into(),
        message,
    }
}
