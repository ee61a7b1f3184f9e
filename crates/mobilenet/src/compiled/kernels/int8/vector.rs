//! What the integer kernels ask of an instruction set.

use super::requantize::At;

/// A vector register of `LANES` sums of 32 bits, and products of bytes that are added to it. Sums are exact (they wrap
/// around where 32 bits are not enough, which no compiled net reaches), so every form gives the same integers.
///
/// The left side of a product comes in steps of four bytes: `STEP` levels, as bytes or as 16 bits each.
///
/// Four vectors of sums become one vector of levels. Packing works within 128 bits, so that position `p` of vector `t`
/// belongs to column `16 * (p / 4) + 4 * t + p % 4`: weights and what belongs to channels are stored in that order.
///
/// # Safety
/// Of all methods: the processor has the instruction set of the type; pointers are valid for what is read or written
/// (they need no alignment). The methods are inlined into a function that enables the instruction set.
pub(super) trait Integers: Copy {
    /// Sums in a vector.
    const LANES: usize;
    /// Levels in four bytes of the left side: 4, or 2 where they have 16 bits.
    const STEP: usize;
    /// Rows of a register tile of four vectors each.
    const ROWS: usize;
    /// Channels of a depthwise convolution that are computed at once.
    const CHANNELS: usize;
    /// The levels of `CHANNELS` channels under one column of a 3x3 kernel.
    type Column: Copy;
    /// Sums of `CHANNELS` channels.
    type Channels: Copy;

    unsafe fn load(from: *const i32) -> Self;
    unsafe fn store(self, to: *mut i32);
    /// Four bytes of the left side, in every lane.
    unsafe fn spread(from: *const u8) -> Self;
    /// Adds to each lane the products of `STEP` levels and as many weights; `right` has `4 * LANES` bytes.
    unsafe fn dot(self, left: Self, right: *const u8) -> Self;
    /// Levels of four vectors of sums; `count` of their `4 * LANES` bytes are written.
    unsafe fn levels<const MODE: u8>(sums: [Self; 4], at: At, to: *mut u8, count: usize);

    /// Reads `CHANNELS` bytes of each row.
    unsafe fn column(rows: [*const u8; 3]) -> Self::Column;
    /// Sums before the first product: one for each channel.
    unsafe fn channels(from: *const i32) -> Self::Channels;
    /// Adds the products of a column of levels and a column of weights.
    unsafe fn filter(
        sums: Self::Channels,
        column: Self::Column,
        weight: *const u8,
    ) -> Self::Channels;
    /// Writes `CHANNELS` levels as the left side of a product.
    unsafe fn channel_levels<const MODE: u8>(sums: Self::Channels, at: At, to: *mut u8);
}

/// Bytes of the left side for each level.
pub(super) const fn level_bytes<V: Integers>() -> usize {
    4 / V::STEP
}
