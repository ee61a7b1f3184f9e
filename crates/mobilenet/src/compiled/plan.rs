//! Sizes of the maps for one size of input, and how they lie in memory.

use std::ops::Range;

use super::stage::{Stage, stages};
use super::threads;
use crate::config::MobileNetConfig;
use crate::error::Result;

/// A map in memory: rows of pixels, one pixel of zeros before each row and after the last, so that a 3x3 kernel
/// finds zeros beside the map: `zeros, row 0, zeros, row 1, ..., zeros`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) height: usize,
    pub(super) width: usize,
    /// Padded to whole vectors.
    pub(super) channels: usize,
    /// Values from a pixel to the next.
    pub(super) stride: usize,
}

impl Shape {
    /// Pixels of many channels are a line of the caches further apart than they need to be: a multiple of 1 KiB
    /// apart, all under a 3x3 kernel would compete for few sets of the first-level cache.
    fn new(height: usize, width: usize, channels: usize) -> Self {
        let stride = channels + if channels >= 256 { 16 } else { 0 };
        Self {
            height,
            width,
            channels,
            stride,
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values in memory.
    pub(super) fn len(&self) -> usize {
        (self.height * (self.width + 1) + 1) * self.stride
    }

    /// Values of a row with the zeros on both sides.
    pub(super) fn row_len(&self) -> usize {
        (self.width + 2) * self.stride
    }

    /// Where pixel `p` begins.
    pub(super) fn offset(&self, p: usize) -> usize {
        (p + p / self.width + 1) * self.stride
    }

    /// Row `y` with the zeros on both sides; above and below the map, zeros.
    pub(super) fn row<'a>(&self, map: &'a [f32], y: isize, zeros: &'a [f32]) -> &'a [f32] {
        match usize::try_from(y) {
            Ok(y) if y < self.height => {
                let start = y * (self.width + 1) * self.stride;
                &map[start..start + self.row_len()]
            }
            _ => &zeros[..self.row_len()],
        }
    }

    /// Where the part of memory that belongs to the pixels from `p` on begins: zeros belong to the pixel before
    /// them, and the first to pixel 0.
    fn cut(&self, p: usize) -> usize {
        if p == 0 {
            0
        } else {
            self.offset(p - 1) + self.stride * (1 + usize::from(p.is_multiple_of(self.width)))
        }
    }

    /// Splits a map at pixel boundaries: `map` is the memory of the pixels from `from` on.
    pub(super) fn split<'a>(
        &self,
        map: &'a mut [f32],
        from: usize,
        at: usize,
    ) -> (&'a mut [f32], &'a mut [f32]) {
        map.split_at_mut(self.cut(at) - self.cut(from))
    }

    /// The part of `pixels`' memory that begins with its first pixel, after the zeros beside the map are written.
    pub(super) fn with_zeros<'a>(
        &self,
        memory: &'a mut [f32],
        pixels: &Range<usize>,
    ) -> &'a mut [f32] {
        let stride = self.stride;
        let start = self.cut(pixels.start);
        if pixels.start == 0 {
            memory[..stride].fill(0.0);
        }
        let rows = pixels.start / self.width..pixels.end / self.width;
        for y in rows {
            let zeros = (y + 1) * (self.width + 1) * stride - start;
            memory[zeros..zeros + stride].fill(0.0);
        }
        let lead = self.offset(pixels.start) - start;
        &mut memory[lead..]
    }

    /// The pixels in `range`, row by row: `(y, first x, number)`.
    pub(super) fn rows(&self, range: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> {
        let width = self.width;
        let mut p = range.start;
        std::iter::from_fn(move || {
            let (y, x) = (p / width, p % width);
            let count = (width - x).min(range.end.checked_sub(p).filter(|&left| left > 0)?);
            p += count;
            Some((y, x, count))
        })
    }
}

/// All sizes for one size of input.
pub(super) struct Plan {
    pub(super) height: usize,
    pub(super) width: usize,
    /// The stem's map, then each block's.
    pub(super) stages: Vec<Stage<Shape>>,
    /// As many zeros as the longest row has values.
    pub(super) zeros: Vec<f32>,
    pub(super) threads: usize,
}

impl Plan {
    pub(super) fn new(
        config: &MobileNetConfig,
        lanes: usize,
        [height, width]: [usize; 2],
    ) -> Result<Self> {
        let stages = stages(config, [height, width], |map| {
            let channels = map.channels.next_multiple_of(lanes);
            Shape::new(map.height, map.width, channels)
        })?;
        let longest = stages
            .iter()
            .map(|stage| stage.shape.row_len())
            .max()
            .unwrap_or(0);
        // The map between depthwise and pointwise has the channels of the stage before, which are never more.
        let zeros = vec![0.0; longest.max((width + 2) * 3)];
        Ok(Self {
            height,
            width,
            stages,
            zeros,
            threads: threads::count(),
        })
    }

    pub(super) fn shape(&self, block: usize) -> Shape {
        self.stages[block].shape
    }

    /// The map of `block` with the channels of the one before: after its depthwise convolution.
    pub(super) fn depthwise_shape(&self, block: usize) -> Shape {
        let Shape { height, width, .. } = self.shape(block);
        Shape::new(height, width, self.shape(block - 1).channels)
    }
}
