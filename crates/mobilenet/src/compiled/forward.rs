//! The forward pass of one image: the stem, then each block's depthwise and pointwise convolution, fused.

use std::ops::Range;

use super::kernels::{Depthwise, Finish, Matmul, Place};
use super::masks::Masks;
use super::net::CompiledMobileNet;
use super::plan::{Plan, Shape};
use super::threads;
use crate::blocks::Blocks;
use crate::image_batch::Values;

/// Values of a band that stay in a core's second-level cache (224 KiB) between depthwise and pointwise. The last map at 224
/// pixels is one band.
pub(super) const BAND: usize = 56 * 1024;

/// A run of pixels of a map, with their memory and their masks (empty where not wanted).
pub(super) struct Band<'a> {
    pub(super) pixels: Range<usize>,
    pub(super) map: &'a mut [f32],
    masks: [&'a mut [u16]; 2],
}

/// Cuts a map into bands of at most `limit` pixels, as many for each of `parts`, and hands them to `run`: in
/// parallel where there are parts.
pub(super) fn in_bands(
    shape: Shape,
    limit: usize,
    parts: usize,
    mut map: &mut [f32],
    mut masks: [&mut [u16]; 2],
    run: impl Fn(Band) + Send + Sync,
) {
    let pixels = shape.pixels();
    let count = pixels
        .div_ceil(limit.max(1))
        .next_multiple_of(parts)
        .min(pixels);
    let per_pixel = [masks[0].len() / pixels, masks[1].len() / pixels];
    let bands = (0..count).map(|i| {
        let range = i * pixels / count..(i + 1) * pixels / count;
        let (band, rest) = shape.split(std::mem::take(&mut map), range.start, range.end);
        map = rest;
        let mut i = 0;
        let masks = masks.each_mut().map(|mask| {
            let (band, rest) = std::mem::take(mask).split_at_mut(range.len() * per_pixel[i]);
            *mask = rest;
            i += 1;
            band
        });
        Band {
            pixels: range,
            map: band,
            masks,
        }
    });
    if parts == 1 {
        bands.for_each(run);
    } else {
        threads::for_each(bands, run);
    }
}

fn relu6(mask: &mut [u16]) -> Finish<'_> {
    if mask.is_empty() {
        Finish::Relu6
    } else {
        Finish::Relu6Masked(mask)
    }
}

impl CompiledMobileNet {
    /// Runs one image up to `last` and shows `visit` the map after every block (0: the stem).
    ///
    /// `parts`: how many threads to split the image over.
    pub(super) fn forward(
        &self,
        plan: &Plan,
        image: Values,
        last: usize,
        parts: usize,
        masks: &mut Masks,
        mut visit: impl FnMut(usize, &[f32]),
    ) {
        let len = |block| plan.shape(block).len();
        let longest = (0..=last).map(len).max().unwrap_or(0);
        self.maps.in_turns(longest, last, |block, input, output| {
            let output = &mut output[..len(block)];
            if let Some(index) = block.checked_sub(1) {
                let masks = match masks.blocks.get_mut(index) {
                    Some([depthwise, pointwise]) => [&mut depthwise[..], &mut pointwise[..]],
                    None => Default::default(),
                };
                self.block(plan, block, parts, input, output, masks);
            } else {
                self.stem(plan, image, parts, output, &mut masks.stem);
            }
            visit(block, output);
        });
    }

    fn stem(&self, plan: &Plan, image: Values, parts: usize, map: &mut [f32], mask: &mut [u16]) {
        let shape = plan.shape(0);
        let (top, left) = plan.stages[0].before;
        let row_len = (plan.width + 2) * 3;
        let (scale, mean) = ((1.0 / self.config.std) as f32, self.config.mean as f32);
        // A band's input rows, normalized, are the left side of its product: no larger than other bands.
        let limit = (BAND / (2 * row_len)).max(1) * shape.width;
        in_bands(shape, limit, parts, map, [mask, &mut []], |mut band| {
            let first = (2 * (band.pixels.start / shape.width)) as isize - top as isize;
            let last = 2 * ((band.pixels.end - 1) / shape.width) as isize - top as isize + 2;
            self.bands
                .with((last - first + 1) as usize * row_len, |rows| {
                    // Padding is zeros after normalization.
                    for (y, row) in (first..=last).zip(rows.chunks_exact_mut(row_len)) {
                        let inside = usize::try_from(y).ok().filter(|&y| y < plan.height);
                        if let Some(y) = inside {
                            let range = y * plan.width * 3..(y + 1) * plan.width * 3;
                            row[..3].fill(0.0);
                            image.normalize(range, scale, mean, &mut row[3..row_len - 3]);
                            row[row_len - 3..].fill(0.0);
                        } else {
                            row.fill(0.0);
                        }
                    }
                    let out = shape.with_zeros(band.map, &band.pixels);
                    let start = shape.offset(band.pixels.start);
                    for (y, x, count) in shape.rows(band.pixels.clone()) {
                        let top_row = (2 * y as isize - top as isize - first) as usize;
                        let from = (2 * x + 1 - left) * 3;
                        let left_side = [0, 1, 2].map(|ky| {
                            &rows[(top_row + ky) * row_len + from..(top_row + ky + 1) * row_len]
                        });
                        let mask = &mut band.masks[0];
                        let per_row = if mask.is_empty() {
                            0
                        } else {
                            count * shape.channels / self.kernels.lanes
                        };
                        let (row_mask, rest) = std::mem::take(mask).split_at_mut(per_row);
                        *mask = rest;
                        self.kernels.matmul(Matmul {
                            left: &left_side,
                            depth: 9,
                            row_stride: 6,
                            rows: count,
                            right: &self.layers.stem,
                            columns: 0..self.layers.stem.columns(),
                            out: &mut out[shape.offset(y * shape.width + x) - start..],
                            place: Place::dense(shape.stride),
                            finish: relu6(row_mask),
                        });
                    }
                });
        });
    }

    fn block(
        &self,
        plan: &Plan,
        block: usize,
        parts: usize,
        input: &[f32],
        output: &mut [f32],
        masks: [&mut [u16]; 2],
    ) {
        let layers = &self.layers.blocks[block - 1];
        let (from, shape) = (plan.shape(block - 1), plan.shape(block));
        let (top, left) = plan.stages[block].before;
        let channels = from.channels;
        in_bands(shape, BAND / channels, parts, output, masks, |mut band| {
            self.bands.with(band.pixels.len() * channels, |middle| {
                let mut rest = &mut middle[..];
                for (y, x, count) in shape.rows(band.pixels.clone()) {
                    let (out, next) = rest.split_at_mut(count * channels);
                    rest = next;
                    let mask = &mut band.masks[0];
                    let per_row = if mask.is_empty() {
                        0
                    } else {
                        out.len() / self.kernels.lanes
                    };
                    let (row_mask, next) = std::mem::take(mask).split_at_mut(per_row);
                    *mask = next;
                    let top_row = (y * layers.stride) as isize - top as isize;
                    self.kernels.depthwise(Depthwise {
                        rows: [0, 1, 2].map(|ky| from.row(input, top_row + ky, &plan.zeros)),
                        offset: x * layers.stride + 1 - left,
                        stride: layers.stride,
                        channels,
                        pitch: from.stride,
                        weight: &layers.depthwise.weight,
                        after: &layers.depthwise.after,
                        out,
                        finish: relu6(row_mask),
                    });
                }
                let first = band.pixels.start % shape.width;
                self.kernels.matmul(Matmul {
                    left: &[middle],
                    depth: layers.pointwise.depth(),
                    row_stride: channels,
                    rows: band.pixels.len(),
                    right: &layers.pointwise,
                    columns: 0..layers.pointwise.columns(),
                    out: shape.with_zeros(band.map, &band.pixels),
                    place: Place {
                        stride: shape.stride,
                        width: shape.width,
                        first,
                    },
                    finish: relu6(band.masks[1]),
                });
            });
        });
    }

    /// Shown the map after every block, writes the means of those wanted to `out`, one after the other.
    pub(super) fn pools<'a>(
        &'a self,
        plan: &'a Plan,
        blocks: Blocks,
        mut out: &'a mut [f32],
    ) -> impl FnMut(usize, &[f32]) + 'a {
        move |block, map| {
            if blocks.contains(block) {
                let channels = self.config.channels_after(block);
                let (pool, rest) = std::mem::take(&mut out).split_at_mut(channels);
                mean(plan.shape(block), map, pool);
                out = rest;
            }
        }
    }
}

/// The mean over a map, in f64, its padded channels left out.
fn mean(shape: Shape, map: &[f32], out: &mut [f32]) {
    let mut sums = vec![0.0f64; out.len()];
    for p in 0..shape.pixels() {
        for (sum, &x) in sums.iter_mut().zip(&map[shape.offset(p)..]) {
            *sum += f64::from(x);
        }
    }
    let n = shape.pixels() as f64;
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = (sum / n) as f32;
    }
}
