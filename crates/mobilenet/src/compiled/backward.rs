//! The gradient of one image with respect to its pixels, by the masks that the forward pass left.
//!
//! The mirror of the forward pass: the transpose of a depthwise convolution gives a band of the gradient at the
//! pointwise convolution before it, which goes through that one's transpose while it is in the cache.

use std::ops::Range;

use super::fold::Filters;
use super::forward::{BAND, in_bands};
use super::kernels::{Depthwise, Finish, Matmul, Place, Spread};
use super::masks::Masks;
use super::net::CompiledMobileNet;
use super::plan::Plan;
use super::threads;
use super::transposed::Transposed;

/// Where a gradient comes from on its way back to a map.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// From the pool alone.
    Pool,
    /// From the map between the next block's depthwise and pointwise convolutions.
    Depthwise(&'a [f32]),
}

/// What a backward pass of one image needs.
pub(super) struct Backward<'a> {
    pub(super) net: &'a CompiledMobileNet,
    pub(super) transposed: &'a Transposed,
    pub(super) plan: &'a Plan,
    pub(super) masks: &'a Masks,
    pub(super) guided: bool,
    pub(super) parts: usize,
    /// Of each block, the gradient that comes from its pool: the same at every pixel, padded channels. Empty where
    /// nothing comes from there, but for the last block.
    pub(super) pools: Vec<Vec<f32>>,
}

impl Backward<'_> {
    /// From the gradient at the pools to the one at the pixels, `[height][width][3]`.
    pub(super) fn to_pixels(&self, out: &mut [f32]) {
        self.to_map(0, |source| self.stem(source, out));
    }

    /// From the gradient at the pools to the one at the map after `block`, `[height][width][channels]`.
    pub(super) fn to_block(&self, block: usize, out: &mut [f32]) {
        let shape = self.plan.shape(block);
        let channels = out.len() / shape.pixels();
        self.to_map(block, |source| {
            self.net.bands.with(shape.width * shape.channels, |row| {
                for (y, out) in out.chunks_exact_mut(shape.width * channels).enumerate() {
                    let pixels = y * shape.width..(y + 1) * shape.width;
                    self.gather(source, block, pixels, None, row);
                    for (to, from) in out
                        .chunks_exact_mut(channels)
                        .zip(row.chunks_exact(shape.channels))
                    {
                        to.copy_from_slice(&from[..channels]);
                    }
                }
            });
        });
    }

    /// Calls `then` with where the gradient at the map after `block` comes from.
    fn to_map(&self, block: usize, then: impl FnOnce(Source)) {
        let last = self.plan.stages.len() - 1;
        if block == last {
            return then(Source::Pool);
        }
        let longest = (block + 1..=last)
            .map(|b| self.plan.depthwise_shape(b).len())
            .max()
            .unwrap_or(0);
        self.net.maps.with(longest, |input| {
            self.net.maps.with(longest, |output| {
                let (mut input, mut output) = (&mut *input, &mut *output);
                for b in (block + 1..=last).rev() {
                    let source = if b == last {
                        Source::Pool
                    } else {
                        Source::Depthwise(input)
                    };
                    self.pointwise(source, b, &mut output[..self.plan.depthwise_shape(b).len()]);
                    std::mem::swap(&mut input, &mut output);
                }
                then(Source::Depthwise(input));
            });
        });
    }

    /// The gradient at the map between `block`'s depthwise and pointwise convolutions, before its ReLU6.
    fn pointwise(&self, source: Source, block: usize, out: &mut [f32]) {
        let (shape, between) = (self.plan.shape(block), self.plan.depthwise_shape(block));
        let (_, right) = &self.transposed.blocks[block - 1];
        let [depthwise_mask, mask] = &self.masks.blocks[block - 1];
        let per_pixel = between.channels / self.net.kernels.lanes;
        in_bands(
            between,
            BAND / shape.channels,
            self.parts,
            out,
            Default::default(),
            |band| {
                self.net
                    .bands
                    .with(band.pixels.len() * shape.channels, |gradient| {
                        self.gather(source, block, band.pixels.clone(), Some(mask), gradient);
                        self.net.kernels.matmul(Matmul {
                            left: &[gradient],
                            depth: right.depth(),
                            row_stride: shape.channels,
                            rows: band.pixels.len(),
                            right,
                            columns: 0..right.columns(),
                            out: between.with_zeros(band.map, &band.pixels),
                            place: Place {
                                stride: between.stride,
                                width: between.width,
                                first: band.pixels.start % between.width,
                            },
                            finish: Finish::Gradient {
                                mask: &depthwise_mask
                                    [band.pixels.start * per_pixel..band.pixels.end * per_pixel],
                                guided: self.guided,
                            },
                        });
                    });
            },
        );
    }

    /// The gradient at `pixels` of the map after `block`, through its ReLU6 where there is a mask.
    fn gather(
        &self,
        source: Source,
        block: usize,
        pixels: Range<usize>,
        mask: Option<&[u16]>,
        out: &mut [f32],
    ) {
        let shape = self.plan.shape(block);
        let per_pixel = shape.channels / self.net.kernels.lanes;
        let mask = mask.map(|mask| &mask[pixels.start * per_pixel..pixels.end * per_pixel]);
        let pool = &self.pools[block];
        match source {
            Source::Pool => {
                for out in out.chunks_exact_mut(shape.channels) {
                    out.copy_from_slice(pool);
                }
            }
            Source::Depthwise(map) => {
                let mut done = 0;
                for (y, x, count) in shape.rows(pixels) {
                    let out = &mut out[done * shape.channels..(done + count) * shape.channels];
                    let finish = match mask {
                        Some(mask) if pool.is_empty() => Finish::Gradient {
                            mask: &mask[done * per_pixel..(done + count) * per_pixel],
                            guided: self.guided,
                        },
                        _ => Finish::Raw,
                    };
                    self.depthwise(map, block + 1, (y, x), out, finish);
                    done += count;
                }
                if pool.is_empty() {
                    return;
                }
                for out in out.chunks_exact_mut(shape.channels) {
                    out.iter_mut()
                        .zip(pool)
                        .for_each(|(out, pool)| *out += pool);
                }
            }
        }
        if let Some(mask) = mask {
            for (out, bits) in out.chunks_exact_mut(self.net.kernels.lanes).zip(mask) {
                for (lane, x) in out.iter_mut().enumerate() {
                    let passes = bits >> lane & 1 == 1 && !(self.guided && *x <= 0.0);
                    *x = if passes { *x } else { 0.0 };
                }
            }
        }
    }

    /// Part of a row of the transpose of `block`'s depthwise convolution.
    fn depthwise(
        &self,
        map: &[f32],
        block: usize,
        (y, x): (usize, usize),
        out: &mut [f32],
        finish: Finish,
    ) {
        let shape = self.plan.depthwise_shape(block);
        let (top, left) = self.plan.stages[block].before;
        let (Filters { weight, after }, _) = &self.transposed.blocks[block - 1];
        let channels = shape.channels;
        let row = |y: isize| shape.row(map, y, &self.plan.zeros);
        if self.net.layers.blocks[block - 1].stride == 1 {
            let rows = [0, 1, 2].map(|ky| row((y + ky) as isize - 1));
            self.net.kernels.depthwise(Depthwise {
                rows,
                offset: x,
                stride: 1,
                channels,
                pitch: shape.stride,
                weight,
                after,
                out,
                finish,
            });
        } else {
            // Row `y` was under row `ky` of the kernel for the output row (y + top - ky) / 2.
            let position = y + top;
            let middle = (position / 2) as isize;
            let rows = [(position % 2, row(middle)), (2, row(middle - 1))];
            let rows = if position.is_multiple_of(2) {
                &rows[..]
            } else {
                &rows[..1]
            };
            self.net.kernels.spread(Spread {
                rows,
                offset: x + left,
                channels,
                pitch: shape.stride,
                weight,
                out,
                finish,
            });
        }
    }

    /// The gradient at the pixels.
    fn stem(&self, source: Source, out: &mut [f32]) {
        let (shape, plan) = (self.plan.shape(0), self.plan);
        let (top, left) = plan.stages[0].before;
        let right = &self.transposed.stem;
        let row_len = plan.width * 3;
        // Bands of rows of the image, equally many for each part.
        let bands = (plan.height * row_len)
            .div_ceil(BAND)
            .next_multiple_of(self.parts)
            .min(plan.height);
        let height = plan.height.div_ceil(bands);
        let run = |(band, out): (usize, &mut [f32])| {
            out.fill(0.0);
            let (from, to) = (band * height, band * height + out.len() / row_len);
            let first = (from + top).saturating_sub(1) / 2;
            let last = (to + top).div_ceil(2).min(shape.height);
            let columns = right.columns();
            let reached = (2 * shape.width + 1) * 3;
            let memory = shape.width * (shape.channels + columns) + reached;
            self.net.bands.with(memory, |memory| {
                let (gradient, memory) = memory.split_at_mut(shape.width * shape.channels);
                let (taps, reached) = memory.split_at_mut(shape.width * columns);
                for y in first..last {
                    let pixels = y * shape.width..(y + 1) * shape.width;
                    self.gather(source, 0, pixels, Some(&self.masks.stem), gradient);
                    self.net.kernels.matmul(Matmul {
                        left: &[gradient],
                        depth: right.depth(),
                        row_stride: shape.channels,
                        rows: shape.width,
                        right,
                        columns: 0..columns,
                        out: taps,
                        place: Place::dense(columns),
                        finish: Finish::Raw,
                    });
                    for ky in 0..3 {
                        let row = (2 * y + ky)
                            .checked_sub(top)
                            .filter(|row| (from..to).contains(row));
                        let Some(row) = row else { continue };
                        let out = &mut out[(row - from) * row_len..(row - from + 1) * row_len];
                        let taps = taps.chunks_exact(columns);
                        spread_taps(taps.map(|taps| &taps[9 * ky..]), reached);
                        for (to, from) in out.iter_mut().zip(&reached[3 * left..]) {
                            *to += from;
                        }
                    }
                }
            });
        };
        let bands = out.chunks_mut(height * row_len).enumerate();
        if self.parts == 1 {
            bands.for_each(run);
        } else {
            threads::for_each(bands, run);
        }
    }
}

/// What each pixel of a row of the image, counted from its padding, is due from one row of the kernel: `taps` has
/// three pixels of three values for each pixel of the map, which are two pixels of the image apart.
fn spread_taps<'a>(taps: impl Iterator<Item = &'a [f32]>, row: &mut [f32]) {
    // The third pixel is the next one's first.
    let mut third = [0.0; 3];
    let (pairs, last) = row.as_chunks_mut::<6>();
    for (pair, taps) in pairs.iter_mut().zip(taps) {
        for (i, to) in pair.iter_mut().enumerate() {
            *to = if i < 3 { third[i] + taps[i] } else { taps[i] };
        }
        third.copy_from_slice(&taps[6..9]);
    }
    last.copy_from_slice(&third);
}
