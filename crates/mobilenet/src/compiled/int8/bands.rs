//! Parts of a map that one thread computes.

use std::ops::Range;

use super::shape::Shape;
use crate::compiled::kernels::int8::{PLANE, Place};

/// A run of pixels of a map, with their memory in each plane.
pub(super) struct Band<'a> {
    pub(super) pixels: Range<usize>,
    shape: Shape,
    planes: Vec<&'a mut [u8]>,
}

/// Cuts a map into bands of about `limit` pixels, at multiples of `unit` pixels; as many for each of `parts`.
pub(super) fn cut(
    shape: Shape,
    unit: usize,
    limit: usize,
    parts: usize,
    map: &mut [u8],
) -> Vec<Band<'_>> {
    let units = shape.pixels() / unit;
    let count = shape
        .pixels()
        .div_ceil(limit.max(1))
        .next_multiple_of(parts);
    let count = count.min(units);
    let planes = map.chunks_exact_mut(shape.plane_len());
    let mut rest: Vec<&mut [u8]> = planes.take(shape.planes).collect();
    let bands = (0..count).map(|i| {
        let pixels = i * units / count * unit..(i + 1) * units / count * unit;
        let len = shape.cut(pixels.end) - shape.cut(pixels.start);
        let planes = rest.iter_mut().map(|plane| {
            let (band, after) = std::mem::take(plane).split_at_mut(len);
            *plane = after;
            band
        });
        Band {
            planes: planes.collect(),
            pixels,
            shape,
        }
    });
    bands.collect()
}

impl Band<'_> {
    /// The planes from the first pixel on.
    pub(super) fn planes_on_map(&mut self) -> Vec<&mut [u8]> {
        let start = self.pixels.start;
        let lead = self.shape.offset(start) - self.shape.cut(start);
        let planes = self.planes.iter_mut();
        planes.map(|plane| &mut plane[lead..]).collect()
    }

    /// Where rows of a product go that are `at_once` pixels each; a row of the map may end within the last.
    pub(super) fn place(&self, at_once: usize) -> Place {
        let (width, stride) = (
            self.shape.width.div_ceil(at_once),
            at_once * self.shape.wide,
        );
        Place {
            stride,
            width,
            first: self.pixels.start % self.shape.width / at_once,
            gap: self.shape.pitch() - width * stride,
        }
    }

    /// Writes what is beside the map.
    pub(super) fn surround(&mut self, level: u8) {
        let (shape, pixels) = (self.shape, &self.pixels);
        let start = shape.cut(pixels.start);
        let rows = pixels.start / shape.width..pixels.end / shape.width;
        for plane in &mut self.planes {
            if pixels.start == 0 {
                plane[..shape.offset(0)].fill(level);
            }
            for y in rows.clone() {
                let end = (y + 2) * shape.pitch() - start;
                plane[end..end + PLANE].fill(level);
            }
            if pixels.end == shape.pixels() {
                let end = (shape.height + 1) * shape.pitch() - start;
                plane[end..].fill(level);
            }
        }
    }
}
