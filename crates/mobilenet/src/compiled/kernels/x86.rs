//! AVX2 with FMA, and AVX-512: one thin type each.

#[allow(clippy::wildcard_imports)] // as the instruction sets' own documentation does
use std::arch::{asm, x86_64::*};

use super::vector::Vector;

#[allow(clippy::pointers_in_nomem_asm_block)] // nothing is executed, so nothing is read
#[inline(always)]
fn opaque(mut at: *const f32) -> *const f32 {
    // SAFETY: nothing is executed.
    unsafe {
        asm!("/* {at} */", at = inout(reg) at, options(pure, nomem, nostack, preserves_flags));
    }
    at
}

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

// SAFETY of each method: an AVX2 or FMA instruction, on a processor that has it (the trait's condition); loads
// and stores are the unaligned ones, on pointers valid for eight values (the trait's condition).
impl Vector for Avx2 {
    const LANES: usize = 8;
    // 12 of 16 registers hold sums, 2 the right side, 1 or 2 the broadcast left side.
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn fetch(at: *const f32) {
        // SAFETY: see above; a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }

    #[inline(always)]
    fn opaque(at: *const f32) -> *const f32 {
        opaque(at)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, sum.0) })
    }

    #[inline(always)]
    unsafe fn relu6(self) -> Self {
        // SAFETY: see above. `max` and `min` give their second operand where one is NaN.
        Self(unsafe {
            _mm256_min_ps(
                _mm256_set1_ps(6.0),
                _mm256_max_ps(_mm256_setzero_ps(), self.0),
            )
        })
    }

    #[inline(always)]
    unsafe fn positive(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_max_ps(self.0, _mm256_setzero_ps()) })
    }

    #[inline(always)]
    unsafe fn active(self) -> u16 {
        // SAFETY: see above.
        unsafe {
            let above = _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps());
            let below = _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, _mm256_set1_ps(6.0));
            _mm256_movemask_ps(_mm256_and_ps(above, below)) as u16
        }
    }

    #[inline(always)]
    unsafe fn keep(self, bits: u16) -> Self {
        // SAFETY: see above.
        unsafe {
            let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let set = _mm256_and_si256(_mm256_set1_epi32(i32::from(bits)), lanes);
            let mask = _mm256_cmpeq_epi32(set, lanes);
            Self(_mm256_and_ps(self.0, _mm256_castsi256_ps(mask)))
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

// SAFETY of each method: an AVX-512F instruction, on a processor that has it (the trait's condition); loads and
// stores are the unaligned ones, on pointers valid for sixteen values (the trait's condition).
impl Vector for Avx512 {
    const LANES: usize = 16;
    // 28 of 32 registers hold sums; the broadcast is part of the multiply-add.
    const ROWS: usize = 14;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn fetch(at: *const f32) {
        // SAFETY: see above; a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }

    #[inline(always)]
    fn opaque(at: *const f32) -> *const f32 {
        opaque(at)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, sum.0) })
    }

    #[inline(always)]
    unsafe fn relu6(self) -> Self {
        // SAFETY: see above. `max` and `min` give their second operand where one is NaN.
        Self(unsafe {
            _mm512_min_ps(
                _mm512_set1_ps(6.0),
                _mm512_max_ps(_mm512_setzero_ps(), self.0),
            )
        })
    }

    #[inline(always)]
    unsafe fn positive(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_max_ps(self.0, _mm512_setzero_ps()) })
    }

    #[inline(always)]
    unsafe fn active(self) -> u16 {
        // SAFETY: see above.
        unsafe {
            _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps())
                & _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, _mm512_set1_ps(6.0))
        }
    }

    #[inline(always)]
    unsafe fn keep(self, bits: u16) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_maskz_mov_ps(bits, self.0) })
    }
}
