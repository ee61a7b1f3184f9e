//! The portable form: arrays of `N` sums. The oracle of the tests for every other form; with 16, beside emulated tiles.

use super::mode::TWICE;
use super::requantize::{At, order, twice};
use super::vector::Integers;

#[derive(Clone, Copy)]
pub(super) struct Portable<const N: usize>([i32; N]);

/// As the vector forms: added to 1.5 * 2^23, a number is rounded to a whole one, halves to even; beyond 2^22 every level
/// is the lowest or highest anyway. The standard function is a library call on x86-64 without SSE4.1.
fn round(x: f32) -> i32 {
    const WHOLE: f32 = 12_582_912.0;
    const MOST: f32 = 4_194_304.0;
    ((x.clamp(-MOST, MOST) + WHOLE) - WHOLE) as i32
}

impl<const N: usize> Portable<N> {
    /// Level of a lane.
    ///
    /// # Safety
    /// The numbers of the lane exist.
    #[inline(always)]
    unsafe fn level<const MODE: u8>(self, lane: usize, at: At) -> u8 {
        let x = self.0[lane];
        // SAFETY: the caller's.
        let rounded = unsafe {
            if MODE == TWICE {
                let (left, right) = (*at.left.add(lane), *at.right.add(lane));
                twice(x, *at.multiplier.add(lane), left, right)
            } else {
                round(x as f32 * *at.scale.add(lane))
            }
        };
        let level = rounded.saturating_add(i32::from(at.zero_point));
        level
            .clamp(0, 255)
            .clamp(i32::from(at.low), i32::from(at.high)) as u8
    }
}

impl<const N: usize> Integers for Portable<N> {
    const LANES: usize = N;
    const STEP: usize = 4;
    const ROWS: usize = 2;
    const CHANNELS: usize = 4 * N;
    /// Rows, then quarters of the channels.
    type Column = [[[u8; N]; 4]; 3];
    type Channels = [Self; 4];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller gives a pointer to `N` sums.
        Self(unsafe { from.cast::<[i32; N]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller gives a pointer to `N` sums.
        unsafe { to.cast::<[i32; N]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self {
        // SAFETY: the caller gives a pointer to four bytes.
        Self([i32::from_le_bytes(unsafe { from.cast::<[u8; 4]>().read() }); N])
    }

    #[inline(always)]
    unsafe fn dot(self, left: Self, right: *const u8) -> Self {
        let mut sums = self.0;
        for (lane, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller gives a pointer to four bytes for each lane.
            let weights = unsafe { right.add(4 * lane).cast::<[u8; 4]>().read() };
            for (level, weight) in left.0[lane].to_le_bytes().into_iter().zip(weights) {
                *sum = sum.wrapping_add(i32::from(level) * i32::from(weight as i8));
            }
        }
        Self(sums)
    }

    #[inline(always)]
    unsafe fn levels<const MODE: u8>(sums: [Self; 4], at: At, to: *mut u8, count: usize) {
        let channel = order(4, N);
        for (v, sums) in sums.into_iter().enumerate() {
            for lane in 0..N {
                let column = channel(v * N + lane);
                if column < count {
                    // SAFETY: the caller gives a pointer to `count` bytes and the numbers of four vectors.
                    unsafe { *to.add(column) = sums.level::<MODE>(lane, at.ahead(v * N)) };
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn column(rows: [*const u8; 3]) -> Self::Column {
        // SAFETY: the caller gives pointers to `4 * N` bytes.
        rows.map(|row| unsafe { row.cast::<[[u8; N]; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn channels(from: *const i32) -> Self::Channels {
        // SAFETY: the caller gives a pointer to `4 * N` sums.
        [0, 1, 2, 3].map(|v| unsafe { Self::load(from.add(v * N)) })
    }

    #[inline(always)]
    unsafe fn filter(
        mut sums: Self::Channels,
        column: Self::Column,
        weight: *const u8,
    ) -> Self::Channels {
        let channel = order(4, N);
        for i in 0..4 * N {
            let c = channel(i);
            for (ky, row) in column.iter().enumerate() {
                // SAFETY: the caller gives a pointer to four bytes for each channel.
                let weight = unsafe { *weight.add(4 * i + ky) } as i8;
                let sum = &mut sums[i / N].0[i % N];
                *sum = sum.wrapping_add(i32::from(row[c / N][c % N]) * i32::from(weight));
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn channel_levels<const MODE: u8>(sums: Self::Channels, at: At, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { Self::levels::<MODE>(sums, at, to, 4 * N) }
    }
}
