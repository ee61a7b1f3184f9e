//! Softmax of quantized logits.

use super::fixed_point::{
    Multiplier, exp_of_negative, high_product, one_over_one_plus, rounding_shift,
};
use super::net::{Activation, Arithmetic, Softmax};

/// Probabilities of one row of logits, as bytes: 255 is `255 * softmax.output.scale`.
pub(super) fn softmax(
    arithmetic: Arithmetic,
    softmax: &Softmax,
    input: Activation,
    logits: &[u8],
    out: &mut [u8],
) {
    match arithmetic {
        Arithmetic::LiteRtReference => fixed(softmax, input, logits, out),
        Arithmetic::Xnnpack => by_table(softmax, input, logits, out),
    }
}

/// `reference_ops::Softmax` of TensorFlow Lite: gemmlowp's fixed point, differences from the largest logit in Q5.26,
/// their sum in Q12.19. Its output has the scale 1/256 whatever the file says, which TensorFlow Lite demands anyway.
fn fixed(softmax: &Softmax, input: Activation, logits: &[u8], out: &mut [u8]) {
    /// Integer bits of the differences and of the sum.
    const DIFFERENCE: i32 = 5;
    const SUM: i32 = 12;
    let most = f64::from(i32::MAX);
    let real = f64::from(softmax.beta) * f64::from(input.scale) * 2f64.powi(31 - DIFFERENCE);
    let scale = Multiplier::of(real.min(most));
    // Differences that are further away count as nothing: they would leave Q5.26.
    let radius = 31.0 * 2f64.powi(31 - DIFFERENCE) / 2f64.powi(scale.shift);
    let least = -(radius.floor().min(most) as i32);
    let largest = logits.iter().copied().max().unwrap_or(0);
    let exponential = |logit: u8| {
        let difference = i32::from(logit) - i32::from(largest);
        (difference >= least).then(|| exp_of_negative(scale.times(difference)))
    };
    let sum = logits
        .iter()
        .filter_map(|&logit| exponential(logit))
        .fold(0i32, |sum, e| sum.wrapping_add(rounding_shift(e, SUM)));
    // One over the sum: shifted to [1, 2), whose inverse is in (1/2, 1].
    let headroom = sum.leading_zeros();
    let above = (sum as u32).wrapping_shl(headroom).wrapping_sub(1 << 31);
    let inverse = one_over_one_plus(above as i32);
    let shift = SUM - headroom as i32 + 31 - 8;
    for (out, &logit) in out.iter_mut().zip(logits) {
        *out = exponential(logit).map_or(0, |e| {
            rounding_shift(high_product(inverse, e), shift).clamp(0, 255) as u8
        });
    }
}

/// `optimized_ops::Softmax` of TensorFlow Lite, which its default delegate leaves quantized softmax to: f32, by a table
/// of exponentials, summed in the order of the classes.
fn by_table(softmax: &Softmax, input: Activation, logits: &[u8], out: &mut [u8]) {
    let scale = -input.scale * softmax.beta;
    // The C library's `expf` is rounded correctly nearly everywhere, and so is this, on every machine.
    let exponential = |below: i32| f64::from(scale * below as f32).exp() as f32;
    let table: Vec<f32> = (0..256).map(exponential).collect();
    let largest = logits.iter().copied().max().unwrap_or(0);
    let of = |logit: u8| table[usize::from(largest - logit)];
    let sum = logits.iter().fold(0f32, |sum, &logit| sum + of(logit));
    let inverse = 1.0 / (sum * softmax.output.scale);
    for (out, &logit) in out.iter_mut().zip(logits) {
        let level = (of(logit) * inverse + 0.5) as i32 + softmax.output.zero_point;
        *out = level.clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_near_the_real_one() {
        let parts = Softmax {
            beta: 1.0,
            output: Activation {
                scale: 1.0 / 256.0,
                zero_point: 0,
            },
        };
        let input = Activation {
            scale: 0.13,
            zero_point: 96,
        };
        let logits: Vec<u8> = (0..100u32).map(|i| (i * i * 7 % 251) as u8).collect();
        let reals: Vec<f64> = logits
            .iter()
            .map(|&l| (0.13 * f64::from(l)).exp())
            .collect();
        let sum: f64 = reals.iter().sum();
        for arithmetic in [Arithmetic::LiteRtReference, Arithmetic::Xnnpack] {
            let mut out = vec![0; 100];
            softmax(arithmetic, &parts, input, &logits, &mut out);
            for (&out, real) in out.iter().zip(&reals) {
                let expected = 256.0 * real / sum;
                assert!((f64::from(out) - expected).abs() < 0.6, "{out}, {expected}");
            }
        }
    }

    #[test]
    fn strange_rows_do_not_panic() {
        let output = Activation {
            scale: 1.0 / 256.0,
            zero_point: 0,
        };
        let row = vec![200; 10_000]; // Their sum leaves Q12.19.
        for logits in [&[][..], &[0], &[255, 0], &row] {
            for (beta, scale) in [
                (1.0, 0.1),
                (1e30, 1e3),
                (1e-30, 1e-6),
                (0.0, 1.0),
                (-1.0, 1.0),
            ] {
                for arithmetic in [Arithmetic::LiteRtReference, Arithmetic::Xnnpack] {
                    let input = Activation {
                        scale,
                        zero_point: 0,
                    };
                    let mut out = vec![0; logits.len()];
                    softmax(
                        arithmetic,
                        &Softmax { beta, output },
                        input,
                        logits,
                        &mut out,
                    );
                }
            }
        }
    }
}
