//! Fixed-point numbers as gemmlowp and TensorFlow Lite compute with them, to the bit.
//!
//! Sources: `fixedpoint/fixedpoint.h` of [gemmlowp](https://github.com/google/gemmlowp), and TensorFlow Lite's
//! `kernels/internal/common.cc` and `quantization_util.cc`. A raw number `r` with `n` integer bits stands for
//! `r / 2^(31 - n)`. Where the originals leave an overflow undefined, the numbers here wrap around: only a hostile file
//! comes there.

/// A real multiplier as an integer of 31 bits and a power of two: `multiplier * 2^(shift - 31)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Multiplier {
    /// 0, or 2^30 to 2^31 - 1.
    pub multiplier: i32,
    /// Positive: to the left.
    pub shift: i32,
}

impl Multiplier {
    /// `QuantizeMultiplier`: the nearest one to a number that is not negative.
    pub fn of(real: f64) -> Self {
        let zero = Self {
            multiplier: 0,
            shift: 0,
        };
        if !(real > 0.0 && real.is_finite()) {
            return zero;
        }
        let (fraction, mut shift) = frexp(real);
        let mut fixed = (fraction * f64::from(1u32 << 31)).round() as i64;
        if fixed == 1 << 31 {
            fixed /= 2;
            shift += 1;
        }
        if shift < -31 {
            return zero;
        }
        Self {
            multiplier: fixed as i32,
            shift,
        }
    }

    /// `MultiplyByQuantizedMultiplier`, which rounds twice: to 31 bits, then where it is shifted to the right.
    pub fn times(self, x: i32) -> i32 {
        let left = x.wrapping_shl(self.shift.clamp(0, 31) as u32);
        rounding_shift(high_product(left, self.multiplier), (-self.shift).max(0))
    }
}

/// A positive, finite number as `fraction * 2^exponent`, the fraction in [0.5, 1).
fn frexp(value: f64) -> (f64, i32) {
    let (value, less) = if value < f64::MIN_POSITIVE {
        (value * 2f64.powi(64), 64) // Subnormal.
    } else {
        (value, 0)
    };
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    let fraction = f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52);
    (fraction, exponent - less)
}

/// `SaturatingRoundingDoublingHighMul`: the product of two numbers in [-1, 1), halves rounded up.
pub(super) fn high_product(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32
}

/// `RoundingDivideByPOT`: divides by `2^exponent`, halves rounded away from zero.
pub(super) fn rounding_shift(x: i32, exponent: i32) -> i32 {
    let exponent = exponent.clamp(0, 31) as u32;
    let mask = (1i64 << exponent) - 1;
    let remainder = i64::from(x) & mask;
    let threshold = (mask >> 1) + i64::from(x < 0);
    (i64::from(x) >> exponent) as i32 + i32::from(remainder > threshold)
}

/// Multiplies by `2^exponent`, at most what a number can hold.
pub(super) fn saturating_shift(x: i32, exponent: u32) -> i32 {
    let wide = i64::from(x) << exponent.min(31);
    wide.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// `exp_on_negative_values`: e to a number that is not above 0. From 5 integer bits to none.
pub(super) fn exp_of_negative(a: i32) -> i32 {
    /// Integer bits of the argument, its fractional bits.
    const INTEGER: i32 = 5;
    const FRACTION: i32 = 31 - INTEGER;
    /// The power of two of each step, and e to minus that.
    const STEPS: [(i32, i32); 7] = [
        (-2, 1_672_461_947),
        (-1, 1_302_514_674),
        (0, 790_015_084),
        (1, 290_630_308),
        (2, 39_332_535),
        (3, 720_401),
        (4, 242),
    ];
    if a == 0 {
        return i32::MAX;
    }
    let quarter = 1 << (FRACTION - 2);
    // The part in [-1/4, 0), then the quarters that are left.
    let part = (a & (quarter - 1)) - quarter;
    let mut result = exp_of_quarter(saturating_shift(part, INTEGER as u32));
    let rest = part.wrapping_sub(a);
    for (power, factor) in STEPS {
        if rest & 1 << (FRACTION + power) != 0 {
            result = high_product(result, factor);
        }
    }
    result
}

/// e to a number in [-1/4, 0), by a series around -1/8. No integer bits.
fn exp_of_quarter(a: i32) -> i32 {
    /// e to -1/8; a third.
    const EXP: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a.wrapping_add(1 << 28);
    let x2 = high_product(x, x);
    let x3 = high_product(x2, x);
    let x4 = high_product(x2, x2);
    let sum = rounding_shift(x4, 2).wrapping_add(x3);
    let series = rounding_shift(high_product(sum, THIRD).wrapping_add(x2), 1);
    EXP.wrapping_add(high_product(EXP, x.wrapping_add(series)))
}

/// `one_over_one_plus_x_for_x_in_0_1`: Newton's method, three steps. No integer bits.
pub(super) fn one_over_one_plus(a: i32) -> i32 {
    /// 48/17, -32/17 and 1 with two integer bits.
    const START: i32 = 1_515_870_810;
    const SLOPE: i32 = -1_010_580_540;
    const ONE: i32 = 1 << 29;
    // Half of a + 1, where 1 is the largest number; the sum is positive.
    let half = ((i64::from(a) + i64::from(i32::MAX) + 1) / 2) as i32;
    let mut x = START.wrapping_add(high_product(half, SLOPE));
    for _ in 0..3 {
        let left = ONE.wrapping_sub(high_product(half, x));
        x = x.wrapping_add(saturating_shift(high_product(x, left), 2));
    }
    saturating_shift(x, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_are_frexp_s() {
        for (real, multiplier, shift) in [
            (0.5, 1 << 30, 0),
            (0.75, 3 << 29, 0),
            (1.0, 1 << 30, 1),
            (3.0, 3 << 29, 2),
            (1.0 / 1024.0, 1 << 30, -9),
            (1.0 - 1e-12, 1 << 30, 1), // Rounds up to one.
            (0.0, 0, 0),
            (1e-30, 0, 0),
            (f64::NAN, 0, 0),
            (f64::INFINITY, 0, 0),
            (f64::MIN_POSITIVE / 4.0, 0, 0),
        ] {
            assert_eq!(
                Multiplier::of(real),
                Multiplier { multiplier, shift },
                "{real}"
            );
        }
        assert_eq!(frexp(5e-324), (0.5, -1073));
        assert_eq!(frexp(6.0), (0.75, 3));
    }

    #[test]
    fn products_round_twice() {
        let half = Multiplier::of(0.5);
        assert_eq!([5, -5, 6].map(|x| half.times(x)), [3, -2, 3]); // The first rounding, upwards.
        let quarter = Multiplier::of(0.25);
        // 3/4 is 1.5 after the first rounding's half, 2 with it, and 1 after the shift; -3 goes to -1 and to -1 again.
        assert_eq!([2, 3, -2, -3].map(|x| quarter.times(x)), [1, 1, -1, -1]);
        assert_eq!(Multiplier::of(2.0).times(7), 14);
        assert_eq!(rounding_shift(-6, 2), -2);
        assert_eq!(rounding_shift(6, 2), 2);
        assert_eq!(high_product(i32::MIN, i32::MIN), i32::MAX);
    }

    #[test]
    fn functions_are_near_the_real_ones() {
        for i in 0..=3000 {
            let real = -f64::from(i) / 100.0;
            let raw = (real * f64::from(1 << 26)) as i32;
            let exact = (f64::from(raw) / f64::from(1 << 26)).exp();
            let found = f64::from(exp_of_negative(raw)) / 2f64.powi(31);
            assert!((found - exact).abs() < 1e-6, "{real}: {found}, {exact}");
            let x = f64::from(i) / 3001.0;
            let found = f64::from(one_over_one_plus((x * 2f64.powi(31)) as i32)) / 2f64.powi(31);
            assert!((found - 1.0 / (1.0 + x)).abs() < 1e-6, "{x}: {found}");
        }
    }
}
