//! Depthwise 3x3 convolutions.

use std::ops::Range;

use super::super::aligned::Aligned;
use super::matmul::{PLANE, most_parts, put};
use super::mode::{SINGLE, TWICE};
use super::requantize::{Ordered, Requantize, order};
use super::vector::{Integers, level_bytes};

/// Bytes behind the last pixel of a plane that may be read, and behind the last pixel of an output that may be written:
/// narrow maps are computed several pixels at a time.
pub(crate) const SLACK: usize = 2 * PLANE;

/// A 3x3 filter for each channel, and what becomes of the sums: `[plane][block][part][column of the kernel]`, then as the
/// vectors of the form want them.
pub(crate) struct Filters {
    pub(super) channels: usize,
    wide: usize,
    planes: usize,
    parts: usize,
    weights: Aligned<u8>,
    after: Ordered,
}

impl Filters {
    /// Packs `weight(tap, channel)` for so many channels in planes of `wide` bytes a pixel.
    pub(super) fn new<V: Integers>(
        wide: usize,
        requantize: &Requantize,
        weight: impl Fn(usize, usize) -> i32,
    ) -> Self {
        assert!(wide <= PLANE && wide.is_power_of_two(), "bytes of a pixel");
        let channels = requantize.bias.len();
        let planes = channels.div_ceil(wide);
        let blocks = (wide / V::CHANNELS).max(1);
        let permuted = order(V::CHANNELS / V::LANES, V::LANES);
        // Where pixels are narrower than a vector, it has the channels of several.
        let channel = |i: usize| {
            let (index, inside) = (i / V::CHANNELS, permuted(i % V::CHANNELS));
            let c = index / blocks * wide + (index % blocks * V::CHANNELS + inside) % wide;
            (c < channels).then_some(c)
        };
        let all = (0..9 * channels).map(|i| weight(i % 9, i / 9));
        let parts = most_parts(all, V::STEP);
        // The taps of a column of the kernel: four bytes, or twice two of 16 bits.
        let groups = level_bytes::<V>();
        let chunk = V::CHANNELS * 4 * groups;
        let mut weights = Aligned::zeros(planes * blocks * parts * 3 * chunk);
        for (index, chunk) in weights.chunks_exact_mut(chunk).enumerate() {
            let (kx, part, block) = (index % 3, index / 3 % parts, index / 3 / parts);
            for (i, bytes) in chunk.chunks_exact_mut(4).enumerate() {
                let (vector, group, lane) =
                    (i / V::LANES / groups, i / V::LANES % groups, i % V::LANES);
                let Some(c) = channel(block * V::CHANNELS + vector * V::LANES + lane) else {
                    continue;
                };
                for (k, bytes) in bytes.chunks_exact_mut(groups).enumerate() {
                    let ky = group * V::STEP + k;
                    if ky < 3 {
                        put(bytes, weight(ky * 3 + kx, c), part);
                    }
                }
            }
        }
        Self {
            channels: V::CHANNELS,
            wide,
            planes,
            parts,
            weights,
            after: Ordered::new(requantize, planes * blocks * V::CHANNELS, channel),
        }
    }
}

/// Some pixels of one plane of a depthwise convolution, as the left side of a product.
pub(crate) struct Depthwise<'a> {
    /// From the plane's first byte on: a row beside the map, its rows, a row beside it, each with [`PLANE`] bytes before
    /// its first pixel, and with what follows the plane.
    pub(crate) input: &'a [u8],
    /// Bytes from one row of the input to the next.
    pub(crate) pitch: usize,
    /// 1 or 2.
    pub(crate) stride: usize,
    /// Rows and columns before the input that the first pixel reads: 0 or 1.
    pub(crate) before: (usize, usize),
    /// Of the output, in pixels.
    pub(crate) width: usize,
    pub(crate) pixels: Range<usize>,
    pub(crate) filters: &'a Filters,
    pub(crate) plane: usize,
    /// `[pixel][level]`, and [`SLACK`] levels of any content.
    pub(crate) out: &'a mut [u8],
}

impl Depthwise<'_> {
    /// Panics where a slice is too short for the sizes: then what calls is wrong, never the user's data.
    pub(super) fn check(&self, channels: usize, level_bytes: usize) {
        let Self { filters, .. } = self;
        assert_eq!(filters.channels, channels, "packed for another form");
        assert!(self.plane < filters.planes, "plane");
        assert!(self.stride == 1 || self.stride == 2, "stride");
        assert!(self.before.0 <= 1 && self.before.1 <= 1, "padding");
        if self.pixels.is_empty() {
            return;
        }
        assert!(self.width > 0, "width");
        let levels = self.pixels.len() * filters.wide + SLACK;
        assert!(
            self.out.len() >= levels * level_bytes,
            "output is too short"
        );
        let row = (self.pixels.end - 1) / self.width * self.stride + 3 - self.before.0;
        let columns = ((self.width - 1) * self.stride + 3 - self.before.1) * filters.wide;
        // A group of narrow pixels begins before the last one and reads at most a plane's width more.
        let read = row * self.pitch + PLANE + columns + SLACK;
        assert!(self.input.len() >= read, "input is too short");
    }
}

/// # Safety
/// [`Depthwise::check`] has passed for `V`, and the processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn depthwise<V: Integers>(d: &mut Depthwise) {
    // Pixels at once: in a vector, where there is none between them.
    let group = match d.stride {
        1 => (V::CHANNELS / d.filters.wide).max(1),
        _ => 1,
    };
    // SAFETY: the caller's.
    unsafe {
        match (d.filters.after.mode, d.stride * group) {
            (SINGLE, 1) => in_mode::<V, SINGLE, 1>(d, group),
            (SINGLE, 2) => in_mode::<V, SINGLE, 2>(d, group),
            (SINGLE, _) => in_mode::<V, SINGLE, 3>(d, group),
            (_, 1) => in_mode::<V, TWICE, 1>(d, group),
            (_, 2) => in_mode::<V, TWICE, 2>(d, group),
            (_, _) => in_mode::<V, TWICE, 3>(d, group),
        }
    }
}

/// `SHIFT`: input columns from one output to the next; 3 for more, where none is read twice.
#[inline(always)]
unsafe fn in_mode<V: Integers, const MODE: u8, const SHIFT: usize>(
    d: &mut Depthwise,
    group: usize,
) {
    let wide = d.filters.wide;
    let blocks = (wide / V::CHANNELS).max(1);
    for block in 0..blocks {
        let mut p = d.pixels.start;
        while p < d.pixels.end {
            let (y, x) = (p / d.width, p % d.width);
            let count = (d.width - x).min(d.pixels.end - p);
            // SAFETY: by `check` the rows and columns lie in the input and the pixels in the output, with what groups
            // go beyond.
            unsafe {
                let row = (y * d.stride + 1 - d.before.0) * d.pitch + PLANE;
                let from = d
                    .input
                    .as_ptr()
                    .add(row + x * d.stride * wide + block * V::CHANNELS);
                let from = from.sub(d.before.1 * wide);
                let pixel = (p - d.pixels.start) * wide + block * V::CHANNELS;
                let to = d.out.as_mut_ptr().add(pixel * level_bytes::<V>());
                row_of::<V, MODE, SHIFT>(d, block, group, count, from, to);
            }
            p += count;
        }
    }
}

/// # Safety
/// As of [`depthwise`]; the pixels lie in the map and in the output.
#[inline(always)]
unsafe fn row_of<V: Integers, const MODE: u8, const SHIFT: usize>(
    d: &Depthwise,
    block: usize,
    group: usize,
    count: usize,
    from: *const u8,
    to: *mut u8,
) {
    let Filters {
        wide, parts, after, ..
    } = d.filters;
    let index = d.plane * (wide / V::CHANNELS).max(1) + block;
    let kernel = V::CHANNELS * 4 * level_bytes::<V>();
    // SAFETY: the caller's; each block has its weights and channels.
    unsafe {
        let bias = after.bias(index * V::CHANNELS);
        let at = after.at(index * V::CHANNELS);
        let weights = d.filters.weights.as_ptr().add(index * parts * 3 * kernel);
        macro_rules! column {
            ($x:expr) => {{
                let from = from.add($x * wide);
                V::column([from, from.add(d.pitch), from.add(2 * d.pitch)])
            }};
        }
        let (mut left, mut middle) = (column!(0), column!(1));
        for i in 0..count.div_ceil(group) {
            let x = i * d.stride * group;
            if SHIFT > 1 && i > 0 {
                middle = column!(x + 1);
                if SHIFT > 2 {
                    left = column!(x);
                }
            }
            let right = column!(x + 2);
            let mut sums = V::channels(bias);
            for part in 0..*parts {
                let weights = weights.add(part * 3 * kernel);
                sums = V::filter(sums, left, weights);
                sums = V::filter(sums, middle, weights.add(kernel));
                sums = V::filter(sums, right, weights.add(2 * kernel));
            }
            V::channel_levels::<MODE>(sums, at, to.add(i * group * wide * level_bytes::<V>()));
            if SHIFT == 1 {
                left = middle;
                middle = right;
            } else if SHIFT == 2 {
                left = right;
            }
        }
    }
}
