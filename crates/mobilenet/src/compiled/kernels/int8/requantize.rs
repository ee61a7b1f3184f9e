//! From sums to levels: the numbers of each channel, in the order of the kernels' vectors.

use super::super::aligned::Aligned;
use super::mode::{RAW, SINGLE, TWICE};

/// How the sums of one channel become levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Factor {
    /// An f32 product, halves to even.
    Single(f32),
    /// A fixed-point product of 31 bits, and a shift: positive to the left.
    Twice {
        /// At least 0.
        multiplier: i32,
        /// -31 to 31.
        shift: i32,
    },
}

/// What a layer adds to its sums, and how they become levels.
#[derive(Debug, Clone)]
pub(crate) struct Requantize {
    /// What each channel's sum begins with.
    pub(crate) bias: Vec<i32>,
    /// For each channel, all of one kind; none where sums are the result.
    pub(crate) factors: Vec<Factor>,
    pub(crate) zero_point: u8,
    pub(crate) low: u8,
    pub(crate) high: u8,
}

/// The order in which channels lie in `vectors` vectors of `lanes` lanes: number `i` of the result belongs to channel
/// `order(i)`.
pub(super) fn order(vectors: usize, lanes: usize) -> impl Fn(usize) -> usize {
    let block = vectors * lanes;
    move |i| {
        let (start, vector, position) = (i / block * block, i % block / lanes, i % lanes);
        start + 4 * vectors * (position / 4) + 4 * vector + position % 4
    }
}

/// [`Requantize`] in the order of vectors, padded.
pub(super) struct Ordered {
    bias: Aligned<i32>,
    scale: Aligned<f32>,
    multiplier: Aligned<i32>,
    left: Aligned<i32>,
    right: Aligned<i32>,
    zero_point: u8,
    low: u8,
    high: u8,
    pub(super) mode: u8,
}

impl Ordered {
    /// For `len` channels, of which those that do not exist stay 0; number `i` belongs to channel `channel(i)`.
    pub(super) fn new(
        requantize: &Requantize,
        len: usize,
        channel: impl Fn(usize) -> Option<usize>,
    ) -> Self {
        let pick = |value: &dyn Fn(usize) -> i32| {
            Aligned::of((0..len).map(|i| channel(i).map_or(0, value)))
        };
        let factor = |c: usize| match requantize.factors.get(c) {
            Some(Factor::Single(scale)) => (*scale, 0, 0),
            Some(&Factor::Twice { multiplier, shift }) => (0.0, multiplier, shift),
            None => (0.0, 0, 0),
        };
        Self {
            bias: pick(&|c| requantize.bias[c]),
            scale: Aligned::of((0..len).map(|i| channel(i).map_or(0.0, |c| factor(c).0))),
            multiplier: pick(&|c| factor(c).1),
            left: pick(&|c| factor(c).2.max(0)),
            right: pick(&|c| (-factor(c).2).max(0)),
            zero_point: requantize.zero_point,
            low: requantize.low,
            high: requantize.high,
            mode: match requantize.factors.first() {
                None => RAW,
                Some(Factor::Single(_)) => SINGLE,
                Some(Factor::Twice { .. }) => TWICE,
            },
        }
    }

    /// Number of channels, padded.
    pub(super) fn len(&self) -> usize {
        self.bias.len()
    }

    /// What the channels from `first` on begin with.
    ///
    /// # Safety
    /// `first` is below [`len`](Self::len).
    #[inline(always)]
    pub(super) unsafe fn bias(&self, first: usize) -> *const i32 {
        // SAFETY: the caller's.
        unsafe { self.bias.as_ptr().add(first) }
    }

    /// The numbers of the channels from `first` on.
    ///
    /// # Safety
    /// `first` is below [`len`](Self::len).
    #[inline(always)]
    pub(super) unsafe fn at(&self, first: usize) -> At {
        // SAFETY: all have the same length.
        unsafe {
            At {
                scale: self.scale.as_ptr().add(first),
                multiplier: self.multiplier.as_ptr().add(first),
                left: self.left.as_ptr().add(first),
                right: self.right.as_ptr().add(first),
                zero_point: self.zero_point,
                low: self.low,
                high: self.high,
            }
        }
    }
}

/// Where the numbers of some channels lie.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) scale: *const f32,
    pub(super) multiplier: *const i32,
    pub(super) left: *const i32,
    pub(super) right: *const i32,
    pub(super) zero_point: u8,
    pub(super) low: u8,
    pub(super) high: u8,
}

impl At {
    /// The same for channels `lanes` further on.
    ///
    /// # Safety
    /// There are that many channels.
    #[inline(always)]
    pub(super) unsafe fn ahead(self, lanes: usize) -> Self {
        // SAFETY: the caller's.
        unsafe {
            Self {
                scale: self.scale.add(lanes),
                multiplier: self.multiplier.add(lanes),
                left: self.left.add(lanes),
                right: self.right.add(lanes),
                ..self
            }
        }
    }
}

/// gemmlowp's product of 31 bits, halves rounded up, and its shift, halves rounded away from zero.
pub(super) fn twice(x: i32, multiplier: i32, left: i32, right: i32) -> i32 {
    let shifted = i64::from(x.wrapping_shl(left as u32));
    let high = ((shifted * i64::from(multiplier) + (1 << 30)) >> 31) as i32;
    if right == 0 {
        return high;
    }
    let half = (1 << (right - 1)) - i32::from(high < 0);
    high.wrapping_add(half) >> right
}
