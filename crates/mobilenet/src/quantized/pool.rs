//! The average pool of a quantized net.

use super::fixed_point::Multiplier;
use super::net::{Activation, Arithmetic, Integers, Pooling, QuantizedNet};

/// The level of a mean over `pixels` levels of the scale `input` whose sum is `sum`.
pub(crate) fn level(net: &QuantizedNet, input: Activation, sum: i64, pixels: i64) -> u8 {
    let level = match (net.pooling, net.arithmetic) {
        (Pooling::Average, _) => average(net.integers, sum, pixels),
        (Pooling::Mean, Arithmetic::Xnnpack) => {
            let factor = input.scale / net.pooled.scale / pixels as f32;
            let centered = sum - i64::from(input.zero_point) * pixels;
            let level = (centered as f32 * factor).round_ties_even() as i64;
            level + i64::from(net.pooled.zero_point)
        }
        (Pooling::Mean, Arithmetic::LiteRtReference) => mean(net, input, sum, pixels),
    };
    level.clamp(0, 255) as u8
}

/// `AVERAGE_POOL_2D` in every kernel of TensorFlow Lite: halves away from zero, in the file's own integers.
fn average(integers: Integers, sum: i64, pixels: i64) -> i64 {
    let shift = match integers {
        Integers::Unsigned => 0,
        Integers::Signed => 128,
    };
    let sum = sum - shift * pixels;
    let half = pixels / 2 * sum.signum();
    (sum + half) / pixels + shift
}

/// `QuantizedMeanOrSum` of TensorFlow Lite: the number of pixels goes into the multiplier, which is rounded down.
fn mean(net: &QuantizedNet, input: Activation, sum: i64, pixels: i64) -> i64 {
    let Multiplier { multiplier, shift } =
        Multiplier::of(f64::from(input.scale) / f64::from(net.pooled.scale));
    let more = (63 - pixels.leading_zeros() as i32)
        .min(32)
        .min(31 + shift)
        .max(0);
    let factor = Multiplier {
        multiplier: ((i64::from(multiplier) << more) / pixels) as i32,
        shift: shift - more,
    };
    let centered = sum - i64::from(input.zero_point) * pixels;
    i64::from(factor.times(centered as i32)) + i64::from(net.pooled.zero_point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_the_zero_of_the_file() {
        // Mean 127.5: up as an unsigned byte, and down as the signed -0.5.
        assert_eq!(average(Integers::Unsigned, 255, 2), 128);
        assert_eq!(average(Integers::Signed, 255, 2), 127);
        assert_eq!(average(Integers::Signed, 257, 2), 129);
        assert_eq!(average(Integers::Signed, 256, 2), 128);
    }
}
