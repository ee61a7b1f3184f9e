//! AVX-512 with VNNI: 64 products of bytes an instruction.

#[allow(clippy::wildcard_imports)] // as the instruction sets' own documentation does
use std::arch::x86_64::*;

use super::mode::TWICE;
use super::requantize::At;
use super::vector::Integers;

#[derive(Clone, Copy)]
pub(super) struct Avx512Vnni(__m512i);

impl Avx512Vnni {
    /// Sums to whole numbers, before the zero point is added.
    ///
    /// # Safety
    /// As of [`Integers`].
    #[inline(always)]
    unsafe fn rounded<const MODE: u8>(self, at: At) -> __m512i {
        let x = self.0;
        // SAFETY: AVX-512 instructions, and the numbers of sixteen channels.
        unsafe {
            if MODE != TWICE {
                let scale = _mm512_loadu_ps(at.scale);
                return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(x), scale));
            }
            let x = _mm512_sllv_epi32(x, _mm512_loadu_si512(at.left.cast()));
            let multiplier = _mm512_loadu_si512(at.multiplier.cast());
            let half = _mm512_set1_epi64(1 << 30);
            // The even lanes, then the odd ones, whose bits 31 to 62 belong 32 bits further up.
            let even = _mm512_add_epi64(_mm512_mul_epi32(x, multiplier), half);
            let (x, multiplier) = (
                _mm512_srli_epi64::<32>(x),
                _mm512_srli_epi64::<32>(multiplier),
            );
            let odd = _mm512_add_epi64(_mm512_mul_epi32(x, multiplier), half);
            let high = _mm512_mask_mov_epi32(
                _mm512_srli_epi64::<31>(even),
                0xaaaa,
                _mm512_slli_epi64::<1>(odd),
            );
            let right = _mm512_loadu_si512(at.right.cast());
            // Half of what is shifted out, less 1 below zero; nothing where nothing is shifted.
            let one = _mm512_set1_epi32(1);
            let half = _mm512_srli_epi32::<1>(_mm512_sllv_epi32(one, right));
            let shifts = _mm512_test_epi32_mask(right, right);
            let below = _mm512_maskz_srai_epi32::<31>(shifts, high);
            let sum = _mm512_add_epi32(_mm512_add_epi32(high, half), below);
            _mm512_srav_epi32(sum, right)
        }
    }

    /// # Safety
    /// As of [`Integers`].
    #[inline(always)]
    unsafe fn packed<const MODE: u8>(sums: [Self; 4], at: At) -> __m512i {
        // SAFETY: AVX-512 instructions, and the numbers of 64 channels.
        unsafe {
            let rounded = [
                sums[0].rounded::<MODE>(at),
                sums[1].rounded::<MODE>(at.ahead(16)),
                sums[2].rounded::<MODE>(at.ahead(32)),
                sums[3].rounded::<MODE>(at.ahead(48)),
            ];
            let zero_point = _mm512_set1_epi16(i16::from(at.zero_point));
            let low = _mm512_packs_epi32(rounded[0], rounded[1]);
            let high = _mm512_packs_epi32(rounded[2], rounded[3]);
            let levels = _mm512_packus_epi16(
                _mm512_adds_epi16(low, zero_point),
                _mm512_adds_epi16(high, zero_point),
            );
            let levels = _mm512_max_epu8(levels, _mm512_set1_epi8(at.low as i8));
            _mm512_min_epu8(levels, _mm512_set1_epi8(at.high as i8))
        }
    }
}

// SAFETY of each method: AVX-512 F, BW and VNNI instructions, on a processor that has them (the trait's condition);
// loads and stores are the unaligned ones, on pointers valid for what the trait says.
impl Integers for Avx512Vnni {
    four_levels_in_a_lane!(
        __m512i, zero: _mm512_setzero_si512, load: _mm512_loadu_si512,
        unpack8: (_mm512_unpacklo_epi8, _mm512_unpackhi_epi8),
        unpack16: (_mm512_unpacklo_epi16, _mm512_unpackhi_epi16)
    );

    const LANES: usize = 16;
    // 24 of 32 registers hold sums, 4 the right side, 1 the left side.
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_si512(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) })
    }

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_dpbusd_epi32(self.0, left.0, _mm512_loadu_si512(right.cast())) })
    }

    #[inline(always)]
    unsafe fn levels<const MODE: u8>(sums: [Self; 4], at: At, to: *mut u8, count: usize) {
        // SAFETY: see above; the mask has `count` bits.
        unsafe {
            let levels = Self::packed::<MODE>(sums, at);
            if count == 64 {
                _mm512_storeu_si512(to.cast(), levels);
            } else {
                _mm512_mask_storeu_epi8(to.cast(), (1 << count) - 1, levels);
            }
        }
    }
}
