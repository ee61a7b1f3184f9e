//! What becomes of sums.

/// Sums are left as they are.
pub(super) const RAW: u8 = 0;
/// Sums become levels as XNNPACK rounds: an f32 product, halves to even.
pub(super) const SINGLE: u8 = 1;
/// Sums become levels as TensorFlow Lite's reference kernels round: in fixed point, twice.
pub(super) const TWICE: u8 = 2;
