//! Vectors of 256 bits: AVX-VNNI, and AVX2 without it, where levels and weights have 16 bits, or 8 if weights are small.

#[allow(clippy::wildcard_imports)] // as the instruction sets' own documentation does
use std::arch::x86_64::*;

use super::mode::TWICE;
use super::requantize::At;
use super::vector::Integers;

/// Sums to whole numbers, before the zero point is added.
///
/// # Safety
/// The processor has AVX2; `at` has the numbers of eight channels.
#[inline(always)]
unsafe fn rounded<const MODE: u8>(x: __m256i, at: At) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        if MODE != TWICE {
            let scale = _mm256_loadu_ps(at.scale);
            return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(x), scale));
        }
        let x = _mm256_sllv_epi32(x, _mm256_loadu_si256(at.left.cast()));
        let multiplier = _mm256_loadu_si256(at.multiplier.cast());
        let half = _mm256_set1_epi64x(1 << 30);
        // The even lanes, then the odd ones, whose bits 31 to 62 belong 32 bits further up.
        let even = _mm256_add_epi64(_mm256_mul_epi32(x, multiplier), half);
        let (x, multiplier) = (
            _mm256_srli_epi64::<32>(x),
            _mm256_srli_epi64::<32>(multiplier),
        );
        let odd = _mm256_add_epi64(_mm256_mul_epi32(x, multiplier), half);
        let high =
            _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<31>(even), _mm256_slli_epi64::<1>(odd));
        let right = _mm256_loadu_si256(at.right.cast());
        // Half of what is shifted out, less 1 below zero; nothing where nothing is shifted.
        let half = _mm256_srli_epi32::<1>(_mm256_sllv_epi32(_mm256_set1_epi32(1), right));
        let unshifted = _mm256_cmpeq_epi32(right, _mm256_setzero_si256());
        let below = _mm256_andnot_si256(unshifted, _mm256_srai_epi32::<31>(high));
        let sum = _mm256_add_epi32(_mm256_add_epi32(high, half), below);
        _mm256_srav_epi32(sum, right)
    }
}

/// Two vectors of sums to 16 bits, with the zero point.
///
/// # Safety
/// The processor has AVX2; `at` has the numbers of sixteen channels.
#[inline(always)]
unsafe fn halves<const MODE: u8>(sums: [__m256i; 2], at: At) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let low = rounded::<MODE>(sums[0], at);
        let high = rounded::<MODE>(sums[1], at.ahead(8));
        let zero_point = _mm256_set1_epi16(i16::from(at.zero_point));
        _mm256_adds_epi16(_mm256_packs_epi32(low, high), zero_point)
    }
}

/// Levels of four vectors of sums.
///
/// # Safety
/// The processor has AVX2; `at` has the numbers of 32 channels.
#[inline(always)]
unsafe fn packed<const MODE: u8>(sums: [__m256i; 4], at: At) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let low = halves::<MODE>([sums[0], sums[1]], at);
        let high = halves::<MODE>([sums[2], sums[3]], at.ahead(16));
        let levels = _mm256_packus_epi16(low, high);
        let levels = _mm256_max_epu8(levels, _mm256_set1_epi8(at.low as i8));
        _mm256_min_epu8(levels, _mm256_set1_epi8(at.high as i8))
    }
}

/// # Safety
/// The processor has AVX2; `to` is valid for `count` bytes.
#[inline(always)]
unsafe fn store_some(levels: __m256i, to: *mut u8, count: usize) {
    // SAFETY: the caller's.
    unsafe {
        if count == 32 {
            _mm256_storeu_si256(to.cast(), levels);
        } else {
            let mut bytes = [0u8; 32];
            _mm256_storeu_si256(bytes.as_mut_ptr().cast(), levels);
            to.copy_from_nonoverlapping(bytes.as_ptr(), count.min(32));
        }
    }
}

/// What both types have in common.
macro_rules! common {
    () => {
        const LANES: usize = 8;
        // 12 of 16 registers hold sums; the right side comes from memory.
        const ROWS: usize = 3;

        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_loadu_si256(from.cast()) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut i32) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_si256(to.cast(), self.0) }
        }

        #[inline(always)]
        unsafe fn spread(from: *const u8) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) })
        }

        #[inline(always)]
        unsafe fn levels<const MODE: u8>(sums: [Self; 4], at: At, to: *mut u8, count: usize) {
            // SAFETY: see above.
            unsafe {
                let sums = [sums[0].0, sums[1].0, sums[2].0, sums[3].0];
                store_some(packed::<MODE>(sums, at), to, count);
            }
        }
    };
}

/// What the types have in common that read levels as bytes.
macro_rules! bytes {
    () => {
        four_levels_in_a_lane!(
            __m256i, zero: _mm256_setzero_si256, load: _mm256_loadu_si256,
            unpack8: (_mm256_unpacklo_epi8, _mm256_unpackhi_epi8),
            unpack16: (_mm256_unpacklo_epi16, _mm256_unpackhi_epi16)
        );
    };
}

#[derive(Clone, Copy)]
pub(super) struct AvxVnni(__m256i);

// SAFETY of each method: AVX2 and AVX-VNNI instructions, on a processor that has them (the trait's condition); loads
// and stores are the unaligned ones, on pointers valid for what the trait says.
impl Integers for AvxVnni {
    common!();
    bytes!();

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_dpbusd_avx_epi32(self.0, left.0, _mm256_loadu_si256(right.cast())) })
    }
}

/// AVX2 for weights of at most [`Self::LARGEST`]: the sum of two products then fits 16 bits.
#[derive(Clone, Copy)]
pub(super) struct Avx2Small(__m256i);

impl Avx2Small {
    /// 2 * 255 * 64 is below 2^15.
    pub(super) const LARGEST: i32 = 64;
}

// SAFETY of each method: AVX2 instructions, on a processor that has them (the trait's condition); loads and stores are
// the unaligned ones, on pointers valid for what the trait says.
impl Integers for Avx2Small {
    common!();
    bytes!();

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe {
            let pairs = _mm256_maddubs_epi16(left.0, _mm256_loadu_si256(right.cast()));
            let products = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
            _mm256_add_epi32(self.0, products)
        })
    }
}

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256i);

// SAFETY of each method: AVX2 instructions, on a processor that has them (the trait's condition); loads and stores are
// the unaligned ones, on pointers valid for what the trait says.
impl Integers for Avx2 {
    common!();

    // Sums of two products of bytes do not fit the 16 bits of the one instruction that multiplies bytes.
    const STEP: usize = 2;
    const CHANNELS: usize = 16;
    type Column = [__m256i; 4];
    type Channels = [Self; 2];

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe {
            let products = _mm256_madd_epi16(left.0, _mm256_loadu_si256(right.cast()));
            _mm256_add_epi32(self.0, products)
        })
    }

    /// For each half of the channels, a vector of the 16 bits `row 0, row 1` and one of `row 2, 0`.
    #[inline(always)]
    unsafe fn column(rows: [*const u8; 3]) -> Self::Column {
        // SAFETY: see above.
        unsafe {
            let zero = _mm256_setzero_si256();
            let (a, b, c) = (
                _mm256_cvtepu8_epi16(_mm_loadu_si128(rows[0].cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(rows[1].cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(rows[2].cast())),
            );
            [
                _mm256_unpacklo_epi16(a, b),
                _mm256_unpacklo_epi16(c, zero),
                _mm256_unpackhi_epi16(a, b),
                _mm256_unpackhi_epi16(c, zero),
            ]
        }
    }

    #[inline(always)]
    unsafe fn channels(from: *const i32) -> Self::Channels {
        // SAFETY: see above.
        unsafe { [Self::load(from), Self::load(from.add(8))] }
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
                let sum = sums[v].dot(Self(column[2 * v]), weight.add(64 * v));
                sums[v] = sum.dot(Self(column[2 * v + 1]), weight.add(64 * v + 32));
            });
        }
        sums
    }

    #[inline(always)]
    unsafe fn channel_levels<const MODE: u8>(sums: Self::Channels, at: At, to: *mut u8) {
        // SAFETY: see above.
        unsafe {
            let levels = halves::<MODE>([sums[0].0, sums[1].0], at);
            let levels = _mm256_max_epi16(levels, _mm256_set1_epi16(i16::from(at.low)));
            let levels = _mm256_min_epi16(levels, _mm256_set1_epi16(i16::from(at.high)));
            _mm256_storeu_si256(to.cast(), levels);
        }
    }
}
