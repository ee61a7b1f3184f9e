//! From the 32-bit sums of a layer to its levels.

use super::fixed_point::Multiplier;
use super::net::{Arithmetic, DenseOperation, Integers, LayerKind, QuantizedNet};

/// How the sums of a layer become levels, for each output channel: `zero point + round(sum * factor)`, clamped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Requantizer {
    rounding: Rounding,
    zero_point: i32,
    low: i32,
    high: i32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rounding {
    /// Twice, in fixed point: TensorFlow Lite's reference kernels.
    Twice(Vec<Multiplier>),
    /// An f64 product, halves away from zero: their fully connected layers of signed bytes.
    Wide(Vec<f64>),
    /// An f32 product, halves to even: XNNPACK.
    Single(Vec<f32>),
}

impl QuantizedNet {
    /// How the sums of layer `index` become levels.
    pub(crate) fn requantizer(&self, index: usize) -> Requantizer {
        Requantizer::of(self, index)
    }
}

impl Requantizer {
    fn of(net: &QuantizedNet, index: usize) -> Self {
        let layer = &net.layers[index];
        let (input, output) = (net.input_of(index).scale, layer.output.scale);
        let dense = layer.kind == LayerKind::Dense && net.dense == DenseOperation::FullyConnected;
        let scales = layer.weight_scales.iter();
        let exact = |&weight: &f32| f64::from(input) * f64::from(weight) / f64::from(output);
        let rounding = match (net.arithmetic, net.integers) {
            (Arithmetic::Xnnpack, _) => {
                Rounding::Single(scales.map(|&weight| input * weight / output).collect())
            }
            (Arithmetic::LiteRtReference, Integers::Signed) if dense => {
                Rounding::Wide(scales.map(exact).collect())
            }
            (Arithmetic::LiteRtReference, Integers::Signed) => {
                Rounding::Twice(scales.map(|weight| Multiplier::of(exact(weight))).collect())
            }
            // `GetQuantizedConvolutionMultipler`: the first product is one of floats.
            (Arithmetic::LiteRtReference, Integers::Unsigned) => Rounding::Twice(
                scales
                    .map(|&weight| Multiplier::of(f64::from(input * weight) / f64::from(output)))
                    .collect(),
            ),
        };
        Self {
            rounding,
            zero_point: layer.output.zero_point,
            low: layer.clamp.0,
            high: layer.clamp.1,
        }
    }

    /// How sums are rounded: what kernels for one instruction set take over.
    pub fn rounding(&self) -> &Rounding {
        &self.rounding
    }

    /// Levels of one pixel's sums, one for each channel.
    pub fn levels(&self, sums: &[i32], out: &mut [u8]) {
        let level = |rounded: i32| {
            let level = rounded.saturating_add(self.zero_point);
            level.clamp(self.low, self.high) as u8
        };
        let pairs = out.iter_mut().zip(sums);
        match &self.rounding {
            Rounding::Twice(multipliers) => {
                for ((out, &sum), multiplier) in pairs.zip(multipliers) {
                    *out = level(multiplier.times(sum));
                }
            }
            Rounding::Wide(factors) => {
                for ((out, &sum), factor) in pairs.zip(factors) {
                    *out = level((f64::from(sum) * factor).round() as i32);
                }
            }
            Rounding::Single(factors) => {
                for ((out, &sum), factor) in pairs.zip(factors) {
                    *out = level((sum as f32 * factor).round_ties_even() as i32);
                }
            }
        }
    }
}
