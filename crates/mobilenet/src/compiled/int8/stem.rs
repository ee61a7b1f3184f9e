//! The stem: pixels are gathered to the left side of a product.

use super::bands;
use super::layers::columns_under;
use super::net::CompiledQuantizedNet;
use super::shape::Plan;
use crate::compiled::kernels::int8::{Matmul, Out};
use crate::compiled::threads;
use crate::image_batch::Values;

/// Pixels of the output that are computed at once: their left side stays in the second-level cache.
const LIMIT: usize = 2048;

impl CompiledQuantizedNet {
    pub(super) fn stem(&self, plan: &Plan, image: Values, parts: usize, map: &mut [u8]) {
        let shape = plan.shape(0);
        let bands = bands::cut(shape, shape.width, LIMIT, parts, map);
        threads::in_parts(parts, bands, |mut band| {
            let rows = band.pixels.start / shape.width..band.pixels.end / shape.width;
            let stem = &self.layers.stem;
            let per_row = shape.width.div_ceil(stem.at_once);
            let count = rows.len() * per_row;
            let block = stem.packed.block() * self.kernels.level_bytes;
            self.bands.with(count * block, |left| {
                self.gather(plan, image, rows, left);
                let place = band.place(stem.at_once);
                self.kernels.matmul(Matmul {
                    left,
                    pitch: count,
                    rows: count,
                    right: &stem.packed,
                    planes: 0..stem.packed.planes(),
                    out: Out::Levels {
                        planes: &mut band.planes_on_map(),
                        place,
                    },
                });
            });
            band.surround(self.zero_points[0]);
        });
    }

    /// The levels under the kernel for the pixels of some rows: `[pixels][rows of the kernel][columns][RGB]`, what is left
    /// of each block being of any content.
    fn gather(&self, plan: &Plan, image: Values, rows: std::ops::Range<usize>, left: &mut [u8]) {
        let stem = &self.layers.stem;
        let (top, before) = plan.stages[0].before;
        let shape = plan.shape(0);
        let bytes = self.kernels.level_bytes;
        let block = stem.packed.block() * bytes;
        let columns = 3 * columns_under(stem.at_once);
        let per_row = shape.width.div_ceil(stem.at_once);
        // A row of the image with what is beside it; the last pixels may read some columns more.
        let row_len = (1 + plan.width + columns) * 3;
        let mut row = vec![self.input_zero_point; row_len];
        for (y, left) in rows.zip(left.chunks_exact_mut(per_row * block)) {
            for ky in 0..3 {
                let inside = (2 * y + ky).checked_sub(top).filter(|&y| y < plan.height);
                match inside {
                    Some(y) => {
                        let range = y * plan.width * 3..(y + 1) * plan.width * 3;
                        image.levels(range, &mut row[3..3 + plan.width * 3]);
                    }
                    None => row.fill(self.input_zero_point),
                }
                let row = &row[3 * (1 - before)..];
                let pixels = left.chunks_exact_mut(block);
                match stem.at_once {
                    1 => copy::<9>(row, 6, ky, bytes, pixels),
                    _ => copy::<15>(row, 12, ky, bytes, pixels),
                }
            }
        }
    }
}

/// Copies `COUNT` levels for row `ky` of each left side, `step` levels apart; each becomes `bytes` bytes.
fn copy<'a, const COUNT: usize>(
    row: &[u8],
    step: usize,
    ky: usize,
    bytes: usize,
    pixels: impl Iterator<Item = &'a mut [u8]>,
) {
    for (i, left) in pixels.enumerate() {
        let from = &row[step * i..][..COUNT];
        let to = &mut left[ky * COUNT * bytes..][..COUNT * bytes];
        if bytes == 1 {
            // Of a size that the compiler knows: two moves instead of a call.
            to[..COUNT].copy_from_slice(from);
        } else {
            for (to, &from) in to.chunks_exact_mut(2).zip(from) {
                to.copy_from_slice(&u16::from(from).to_le_bytes());
            }
        }
    }
}
