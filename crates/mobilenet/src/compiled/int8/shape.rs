//! Sizes of the maps for one size of input, and how they lie in memory.

use crate::compiled::kernels::int8::{PLANE, SLACK};
use crate::compiled::stage::{Stage, stages};
use crate::config::MobileNetConfig;
use crate::error::Result;

/// A map of levels in memory: planes of 64 channels, each like a map of its own. A plane has a row beside the map, the
/// rows, a row beside it, and [`PLANE`] bytes before each row and after the last, so that a 3x3 kernel finds the zero point
/// everywhere beside the map.
///
/// Pixels of maps of up to 32 channels are narrower than a plane: 8, 16 or 32 bytes, so that several fill a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) height: usize,
    pub(super) width: usize,
    /// Bytes of a pixel in a plane.
    pub(super) wide: usize,
    pub(super) planes: usize,
}

/// Bytes of a pixel in a plane, for a map of so many channels.
pub(super) fn wide(channels: usize) -> usize {
    if channels > PLANE / 2 {
        PLANE
    } else {
        channels.next_power_of_two().max(8)
    }
}

impl Shape {
    fn new(height: usize, width: usize, channels: usize) -> Self {
        let wide = wide(channels);
        Self {
            height,
            width,
            wide,
            planes: channels.div_ceil(wide),
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Bytes from one row of a plane to the next.
    pub(super) fn pitch(&self) -> usize {
        self.width * self.wide + PLANE
    }

    pub(super) fn plane_len(&self) -> usize {
        (self.height + 2) * self.pitch() + PLANE
    }

    /// Bytes in memory, with what kernels may read behind them.
    pub(super) fn len(&self) -> usize {
        self.planes * self.plane_len() + 2 * SLACK
    }

    /// Where pixel `p` begins in a plane.
    pub(super) fn offset(&self, p: usize) -> usize {
        (p / self.width + 1) * self.pitch() + PLANE + p % self.width * self.wide
    }

    /// Where the part of a plane that belongs to the pixels from `p` on begins: what is beside the map belongs to the pixel
    /// before it, and what is before the first pixel to that.
    pub(super) fn cut(&self, p: usize) -> usize {
        match p {
            0 => 0,
            _ if p == self.pixels() => self.plane_len(),
            _ => self.offset(p),
        }
    }

    /// The channels of pixel `p`, plane by plane.
    pub(super) fn pixel<'a>(&self, map: &'a [u8], p: usize) -> impl Iterator<Item = &'a [u8]> {
        let (offset, wide) = (self.offset(p), self.wide);
        map.chunks_exact(self.plane_len())
            .take(self.planes)
            .map(move |plane| &plane[offset..offset + wide])
    }
}

/// All sizes for one size of input.
pub(super) struct Plan {
    pub(super) height: usize,
    pub(super) width: usize,
    /// The stem's map, then each block's.
    pub(super) stages: Vec<Stage<Shape>>,
}

impl Plan {
    pub(super) fn new(config: &MobileNetConfig, [height, width]: [usize; 2]) -> Result<Self> {
        let stages = stages(config, [height, width], |map| {
            Shape::new(map.height, map.width, map.channels)
        })?;
        Ok(Self {
            height,
            width,
            stages,
        })
    }

    pub(super) fn shape(&self, block: usize) -> Shape {
        self.stages[block].shape
    }
}
