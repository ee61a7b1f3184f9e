//! The portable form: arrays that the compiler turns into what the target has (SSE2, NEON, ...). The oracle of
//! the tests for every other form.

use super::vector::Vector;

#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 4]);

impl Vector for Portable {
    const LANES: usize = 4;
    // 32 vector registers on AArch64, 16 (or fewer) elsewhere.
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 12 } else { 6 };

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller gives a pointer to four values; arrays of f32 may be read unaligned.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller gives a pointer to four writable values.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn fetch(_: *const f32) {}

    #[inline(always)]
    fn opaque(at: *const f32) -> *const f32 {
        at
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // Without an instruction for it `f32::mul_add` is a slow library call.
        Self(std::array::from_fn(|i| {
            if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                self.0[i].mul_add(factor.0[i], sum.0[i])
            } else {
                self.0[i] * factor.0[i] + sum.0[i]
            }
        }))
    }

    #[inline(always)]
    unsafe fn relu6(self) -> Self {
        Self(self.0.map(|x| {
            let x = if x < 0.0 { 0.0 } else { x };
            if x > 6.0 { 6.0 } else { x }
        }))
    }

    #[inline(always)]
    unsafe fn positive(self) -> Self {
        Self(self.0.map(|x| if x > 0.0 { x } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn active(self) -> u16 {
        let bit = |i: usize| u16::from(self.0[i] > 0.0 && self.0[i] < 6.0) << i;
        bit(0) | bit(1) | bit(2) | bit(3)
    }

    #[inline(always)]
    unsafe fn keep(self, bits: u16) -> Self {
        Self(std::array::from_fn(|i| {
            if bits >> i & 1 == 1 { self.0[i] } else { 0.0 }
        }))
    }
}
