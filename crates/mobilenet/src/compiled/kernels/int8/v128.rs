//! WebAssembly's vectors of 128 bits, where levels and weights have 16 bits.

#[allow(clippy::wildcard_imports)] // as the instruction sets' own documentation does
use std::arch::wasm32::*;

use super::mode::TWICE;
use super::requantize::{At, twice};
use super::vector::Integers;

#[derive(Clone, Copy)]
pub(super) struct V128(v128);

/// Sums to whole numbers, before the zero point is added.
///
/// # Safety
/// `at` has the numbers of four channels.
#[inline(always)]
unsafe fn rounded<const MODE: u8>(x: v128, at: At) -> v128 {
    // SAFETY: the caller's.
    unsafe {
        if MODE == TWICE {
            // Lanes cannot be shifted by different numbers.
            let lane = |i: usize, x: i32| {
                let (left, right) = (*at.left.add(i), *at.right.add(i));
                twice(x, *at.multiplier.add(i), left, right)
            };
            return i32x4(
                lane(0, i32x4_extract_lane::<0>(x)),
                lane(1, i32x4_extract_lane::<1>(x)),
                lane(2, i32x4_extract_lane::<2>(x)),
                lane(3, i32x4_extract_lane::<3>(x)),
            );
        }
        // Added to 1.5 * 2^23, a number is rounded to a whole one, halves to even, which the lowest bits then are. Beyond
        // 2^22 every level is the lowest or highest anyway.
        let whole = f32x4_splat(12_582_912.0);
        let most = f32x4_splat(4_194_304.0);
        let product = f32x4_mul(f32x4_convert_i32x4(x), v128_load(at.scale.cast()));
        let product = f32x4_pmax(f32x4_pmin(product, most), f32x4_neg(most));
        i32x4_sub(f32x4_add(product, whole), whole)
    }
}

/// Two vectors of sums to 16 bits, with the zero point.
///
/// # Safety
/// `at` has the numbers of eight channels.
#[inline(always)]
unsafe fn halves<const MODE: u8>(sums: [V128; 2], at: At) -> v128 {
    // SAFETY: the caller's.
    unsafe {
        let low = rounded::<MODE>(sums[0].0, at);
        let high = rounded::<MODE>(sums[1].0, at.ahead(4));
        let zero_point = i16x8_splat(at.zero_point.into());
        i16x8_add_sat(i16x8_narrow_i32x4(low, high), zero_point)
    }
}

// SAFETY of each method: loads and stores are the unaligned ones, on pointers valid for what the trait says.
impl Integers for V128 {
    const LANES: usize = 4;
    const STEP: usize = 2;
    // 8 of 16 registers (of x86-64) hold sums.
    const ROWS: usize = 2;
    const CHANNELS: usize = 8;
    type Column = [v128; 4];
    type Channels = [Self; 2];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: see above.
        Self(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: see above.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { v128_load32_splat(from.cast()) })
    }

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        // SAFETY: see above.
        let right = unsafe { v128_load(right.cast()) };
        Self(i32x4_add(self.0, i32x4_dot_i16x8(left.0, right)))
    }

    #[inline(always)]
    unsafe fn levels<const MODE: u8>(sums: [Self; 4], at: At, to: *mut u8, count: usize) {
        // SAFETY: see above.
        unsafe {
            let low = halves::<MODE>([sums[0], sums[1]], at);
            let high = halves::<MODE>([sums[2], sums[3]], at.ahead(8));
            let levels = u8x16_narrow_i16x8(low, high);
            let levels = u8x16_max(levels, u8x16_splat(at.low));
            let levels = u8x16_min(levels, u8x16_splat(at.high));
            if count == 16 {
                v128_store(to.cast(), levels);
            } else {
                let mut bytes = [0u8; 16];
                v128_store(bytes.as_mut_ptr().cast(), levels);
                to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(16));
            }
        }
    }

    /// For each half of the channels, a vector of the 16 bits `row 0, row 1` and one of `row 2, 0`.
    #[inline(always)]
    unsafe fn column(rows: [*const u8; 3]) -> Self::Column {
        // SAFETY: see above.
        let [a, b, c] = rows.map(|row| unsafe { u16x8_load_extend_u8x8(row) });
        let zero = i16x8_splat(0);
        [
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b),
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(c, zero),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(c, zero),
        ]
    }

    #[inline(always)]
    unsafe fn channels(from: *const i32) -> Self::Channels {
        // SAFETY: see above.
        unsafe { [Self::load(from), Self::load(from.add(4))] }
    }

    #[inline(always)]
    unsafe fn filter(
        mut sums: Self::Channels,
        column: Self::Column,
        weight: *const u8,
    ) -> Self::Channels {
        // SAFETY: see above.
        unsafe {
            each!(v of 0 1 => {
                let sum = sums[v].dot(Self(column[2 * v]), weight.add(32 * v));
                sums[v] = sum.dot(Self(column[2 * v + 1]), weight.add(32 * v + 16));
            });
        }
        sums
    }

    #[inline(always)]
    unsafe fn channel_levels<const MODE: u8>(sums: Self::Channels, at: At, to: *mut u8) {
        // SAFETY: see above.
        unsafe {
            let levels = halves::<MODE>(sums, at);
            let levels = i16x8_max(levels, i16x8_splat(at.low.into()));
            let levels = i16x8_min(levels, i16x8_splat(at.high.into()));
            v128_store(to.cast(), levels);
        }
    }
}
