//! WebAssembly's vectors of 128 bits. What a module may use is fixed when it is compiled, so there is nothing to detect.

#[allow(clippy::wildcard_imports)] // as the instruction sets' own documentation does
use std::arch::wasm32::*;

use super::vector::Vector;

/// `FUSED`: with the fused multiply-add of relaxed SIMD.
#[derive(Clone, Copy)]
pub(super) struct V128<const FUSED: bool>(v128);

// SAFETY of each method: loads and stores are the unaligned ones, on pointers valid for four values (the trait's
// condition); all else is safe where the module is compiled for it.
impl<const FUSED: bool> Vector for V128<FUSED> {
    const LANES: usize = 4;
    // 10 of 16 registers (of x86-64) hold sums; with 12 the compilers of browsers spill some.
    const ROWS: usize = 5;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(f32x4_splat(x))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { v128_load(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { v128_store(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn fetch(_: *const f32) {}

    #[inline(always)]
    fn opaque(at: *const f32) -> *const f32 {
        at
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        if FUSED {
            Self(f32x4_relaxed_madd(self.0, factor.0, sum.0))
        } else {
            // Rounded twice: there is no fused form.
            Self(f32x4_add(f32x4_mul(self.0, factor.0), sum.0))
        }
    }

    #[inline(always)]
    unsafe fn relu6(self) -> Self {
        // `pmax` and `pmin` give their first operand where one is NaN.
        let positive = f32x4_pmax(self.0, f32x4_splat(0.0));
        Self(f32x4_pmin(positive, f32x4_splat(6.0)))
    }

    #[inline(always)]
    unsafe fn positive(self) -> Self {
        Self(f32x4_pmax(f32x4_splat(0.0), self.0))
    }

    #[inline(always)]
    unsafe fn active(self) -> u16 {
        let above = f32x4_gt(self.0, f32x4_splat(0.0));
        let below = f32x4_lt(self.0, f32x4_splat(6.0));
        i32x4_bitmask(v128_and(above, below)).into()
    }

    #[inline(always)]
    unsafe fn keep(self, bits: u16) -> Self {
        let lanes = i32x4(1, 2, 4, 8);
        let set = v128_and(i32x4_splat(bits.into()), lanes);
        Self(v128_and(self.0, i32x4_eq(set, lanes)))
    }
}
