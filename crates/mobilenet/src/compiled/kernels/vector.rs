//! What the kernels ask of an instruction set: a vector of `f32` and what is done with it.

/// A vector register of `LANES` values.
///
/// Every multiply-add is fused and every sum runs in the same order in the vector forms, so that they give the
/// same bits; the portable form fuses only where the target does.
///
/// # Safety
/// Of all methods: the processor has the instruction set of the type; pointers are valid for `LANES` values
/// (they need no alignment). The methods are inlined into a function that enables the instruction set.
pub(super) trait Vector: Copy {
    /// Values in a vector.
    const LANES: usize;
    /// Rows of a register tile: as many as fill the register file with two vectors of sums each.
    const ROWS: usize;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Asks for a line of memory to be in the caches soon; `at` may be any address.
    unsafe fn fetch(at: *const f32);
    /// The same pointer, of which the compiler no longer knows where it comes from.
    fn opaque(at: *const f32) -> *const f32;
    /// `self * factor + sum`.
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self;
    /// Clamped to 0..=6; NaN stays NaN.
    unsafe fn relu6(self) -> Self;
    /// Where 0 < x: below 0 (and NaN) becomes 0.
    unsafe fn positive(self) -> Self;
    /// A bit a lane, the first lane lowest: is 0 < x < 6, so that ReLU6 passes a gradient?
    unsafe fn active(self) -> u16;
    /// Zero where the bit is not set.
    unsafe fn keep(self, bits: u16) -> Self;
}
