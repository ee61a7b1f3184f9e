//! From a quantized net to packed weights: zero points are subtracted from weights and go into biases.

use crate::compiled::kernels::int8::{
    Factor, Filters, Int8Kernels, PLANE, Packed, Requantize, Sizes,
};
use crate::error::{Error, Result};
use crate::quantized::QuantizedNet;
use crate::quantized::fixed_point::Multiplier;
use crate::quantized::requantize::Rounding;

use super::shape::wide;

/// Depthwise and pointwise convolution.
pub(super) struct Block {
    pub(super) stride: usize,
    pub(super) depthwise: Filters,
    pub(super) pointwise: Packed,
}

/// The stem as a product: some pixels of the output are one row of it.
pub(super) struct Stem {
    /// Pixels of the output in a row of the product: 1 or 2.
    pub(super) at_once: usize,
    pub(super) packed: Packed,
}

/// All weights of a net.
pub(super) struct Layers {
    pub(super) stem: Stem,
    pub(super) blocks: Vec<Block>,
    /// Its sums are left as they are.
    pub(super) classifier: Option<Packed>,
}

impl Layers {
    pub(super) fn of(net: &QuantizedNet, kernels: &Int8Kernels) -> Result<Self> {
        let blocks = (1..=net.config.blocks).map(|block| block_of(net, block, kernels));
        let last = net.layers.len() - 1;
        let classifier = net.classifier().map(|_| {
            let layer = Centered::of(net, last)?;
            let sums = Requantize {
                factors: Vec::new(),
                ..layer.requantize.clone()
            };
            let planes = layer.outputs.div_ceil(PLANE);
            Ok::<_, Error>(layer.matrix(kernels, (PLANE, planes), &sums))
        });
        Ok(Self {
            stem: stem_of(net, kernels)?,
            blocks: blocks.collect::<Result<_>>()?,
            classifier: classifier.transpose()?,
        })
    }
}

/// Columns of pixels under one output pixel, or under two.
pub(super) const fn columns_under(at_once: usize) -> usize {
    2 * at_once + 1
}

fn stem_of(net: &QuantizedNet, kernels: &Int8Kernels) -> Result<Stem> {
    let layer = Centered::of(net, 0)?;
    let wide = wide(layer.outputs);
    // Narrow pixels: two fill more of a plane, and share what they read.
    let at_once = if wide < PLANE { 2 } else { 1 };
    let row = 3 * columns_under(at_once);
    let sizes = Sizes {
        block: (3 * row).next_multiple_of(4),
        blocks: 1,
        wide: (at_once * wide).min(PLANE),
        planes: layer.outputs.div_ceil(wide),
    };
    let channel = |column: usize| {
        let channel = match at_once {
            1 => column,
            _ => column % wide,
        };
        (channel < layer.outputs).then_some(channel)
    };
    let weight = |k: usize, column: usize| {
        let pixel = if at_once == 1 { 0 } else { column / wide };
        // Three columns of RGB begin at twice the pixel.
        match (channel(column), (k % row).checked_sub(6 * pixel)) {
            (Some(c), Some(inside)) if k < 3 * row && inside < 9 => {
                layer.weights[c * 27 + k / row * 9 + inside]
            }
            _ => 0,
        }
    };
    Ok(Stem {
        at_once,
        packed: kernels.pack(sizes, &layer.requantize, &channel, &weight),
    })
}

fn block_of(net: &QuantizedNet, block: usize, kernels: &Int8Kernels) -> Result<Block> {
    let depthwise = Centered::of(net, 2 * block - 1)?;
    let channels = depthwise.outputs;
    let filter = |tap: usize, c: usize| depthwise.weights[tap * channels + c];
    let pointwise = Centered::of(net, 2 * block)?;
    let out = wide(pointwise.outputs);
    let planes = pointwise.outputs.div_ceil(out);
    Ok(Block {
        stride: crate::quantized::net::stride(2 * block - 1),
        depthwise: kernels.pack_filters(wide(channels), &depthwise.requantize, &filter),
        pointwise: pointwise.matrix(kernels, (out, planes), &pointwise.requantize),
    })
}

/// A layer without zero points.
struct Centered {
    inputs: usize,
    outputs: usize,
    /// `weight - zero point`, laid out as the layer's weights.
    weights: Vec<i32>,
    /// The bias has what the input's zero point adds to sums.
    requantize: Requantize,
}

impl Centered {
    fn of(net: &QuantizedNet, index: usize) -> Result<Self> {
        let layer = &net.layers[index];
        let outputs = layer.outputs();
        let depthwise = layer.kind == crate::quantized::LayerKind::Depthwise;
        let inputs = layer.weights.len() / outputs;
        let channel = |at: usize| if depthwise { at % outputs } else { at / inputs };
        let weights: Vec<i32> = layer
            .weights
            .iter()
            .enumerate()
            .map(|(at, &w)| i32::from(w) - layer.weight_zero_points[channel(at)])
            .collect();
        let (mut sums, mut most) = (vec![0i64; outputs], vec![0i64; outputs]);
        for (at, &w) in weights.iter().enumerate() {
            sums[channel(at)] += i64::from(w);
            most[channel(at)] += 255 * i64::from(w.abs());
        }
        let zero_point = i64::from(net.input_of(index).zero_point);
        let bias =
            std::iter::zip(&layer.bias, &sums).map(|(&b, sum)| i64::from(b) - zero_point * sum);
        let bias: Vec<i64> = bias.collect();
        let factors = factors(net, index);
        for c in 0..outputs {
            check(index, most[c] + bias[c].abs(), factors.get(c))?;
        }
        let level = |level: i32| level.clamp(0, 255) as u8;
        Ok(Self {
            inputs,
            outputs,
            weights,
            requantize: Requantize {
                bias: bias.into_iter().map(|b| b as i32).collect(),
                factors,
                zero_point: level(layer.output.zero_point),
                low: level(layer.clamp.0),
                high: level(layer.clamp.1),
            },
        })
    }

    /// As the right side of a product whose left side is a map of this layer's inputs.
    fn matrix(
        &self,
        kernels: &Int8Kernels,
        (wide_out, planes): (usize, usize),
        requantize: &Requantize,
    ) -> Packed {
        let block = wide(self.inputs);
        let sizes = Sizes {
            block,
            blocks: self.inputs.div_ceil(block),
            wide: wide_out,
            planes,
        };
        let channel = |column: usize| (column < self.outputs).then_some(column);
        let weight = |k: usize, column: usize| {
            if k < self.inputs {
                self.weights[column * self.inputs + k]
            } else {
                0
            }
        };
        kernels.pack(sizes, requantize, &channel, &weight)
    }
}

/// How the sums of each channel become levels; none where that is not done by the kernels.
fn factors(net: &QuantizedNet, index: usize) -> Vec<Factor> {
    match net.requantizer(index).rounding() {
        Rounding::Single(factors) => factors.iter().map(|&f| Factor::Single(f)).collect(),
        Rounding::Twice(multipliers) => {
            let factor = |m: &Multiplier| Factor::Twice {
                multiplier: m.multiplier,
                shift: m.shift.clamp(-31, 31),
            };
            multipliers.iter().map(factor).collect()
        }
        Rounding::Wide(_) => Vec::new(),
    }
}

/// Refuses what does not fit the 32 bits that kernels have for sums and for levels before they are clamped.
fn check(index: usize, most: i64, factor: Option<&Factor>) -> Result<()> {
    const SUMS: f64 = (1u64 << 31) as f64;
    let most = most as f64;
    let fits = match factor {
        None => most < SUMS,
        Some(&Factor::Single(factor)) => most < SUMS && most * f64::from(factor) < SUMS / 2.0,
        // Half of what is shifted out is added.
        Some(Factor::Twice { shift, .. }) => most * f64::from((*shift).max(0)).exp2() < SUMS / 2.0,
    };
    if fits {
        return Ok(());
    }
    Err(Error::Mismatch {
        file: "quantized net to compile".into(),
        message: format!(
            "layer {index}: a sum may reach {most:e}, which does not fit 32 bits, or not after its scale; weights, biases or scales are too large"
        ),
    })
}
