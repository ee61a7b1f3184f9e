//! The matrix product of the stem (a 3x3 convolution), of every pointwise convolution and of their transposes.

use std::ops::Range;

use super::vector::Vector;
use super::{Affine, Finish, Place};

/// Depth of a block of the right side: 256 x 2 vectors of AVX2 are half of a first-level cache.
const DEPTH: usize = 256;

/// Steps of the depth a turn of the innermost loop.
const UNROLLED: usize = 4;

/// Values of a line of the caches.
const LINE: usize = 16;

/// Pointers to every third row of a tile: those between are one and two strides away, which an address can express.
/// Fourteen pointers would not fit the registers.
const GROUPS: usize = 14usize.div_ceil(3);

/// The right side of a product and what follows it, in panels of two vectors: `[panel][depth][2 * lanes]`, the last
/// panel one vector wide where the number of vectors is odd. Columns are padded with zeros to whole vectors.
pub(crate) struct Packed {
    lanes: usize,
    depth: usize,
    /// Padded to whole vectors.
    columns: usize,
    /// Without the padding.
    used: usize,
    panels: Vec<f32>,
    /// Where they begin: at the start of a cache line, so that no vector lies in two.
    first: usize,
    after: Affine,
}

impl Packed {
    /// Packs `weight[k * columns + column]` for vectors of `lanes` values.
    pub(crate) fn new(weight: &[f32], after: Affine, depth: usize, lanes: usize) -> Self {
        let columns = after.bias.len();
        assert_eq!(
            weight.len(),
            depth * columns,
            "a matrix has depth x columns values"
        );
        let padded = columns.next_multiple_of(lanes);
        let mut panels = vec![0.0; depth * padded + LINE];
        let first = panels.as_ptr().align_offset(4 * LINE).min(LINE);
        let mut rest = &mut panels[first..];
        for start in (0..padded).step_by(2 * lanes) {
            let width = (2 * lanes).min(padded - start);
            let used = width.min(columns.saturating_sub(start));
            for k in 0..depth {
                let (row, next) = rest.split_at_mut(width);
                row[..used].copy_from_slice(&weight[k * columns + start..][..used]);
                rest = next;
            }
        }
        Self {
            lanes,
            depth,
            columns: padded,
            used: columns,
            panels,
            first,
            after: after.padded(lanes),
        }
    }

    /// The transpose times `factor`, each column's factor in it and without a bias.
    pub(crate) fn transposed(&self, factor: f32) -> Self {
        let mut weight = vec![0.0; self.depth * self.used];
        for (column, row) in weight.chunks_exact_mut(self.depth).enumerate() {
            let panel = column / (2 * self.lanes) * 2 * self.lanes;
            let width = (2 * self.lanes).min(self.columns - panel);
            let values = self.panels[self.first + panel * self.depth..]
                .iter()
                .skip(column - panel)
                .step_by(width);
            let factor = factor * self.after.scale[column];
            for (to, from) in row.iter_mut().zip(values) {
                *to = from * factor;
            }
        }
        Self::new(&weight, Affine::none(self.depth), self.used, self.lanes)
    }

    /// Rows of the right side: products that are summed.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Columns, padded to whole vectors.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// `out[r] = finish(scale * sum + bias)`, where `sum` is that over segments s and k < depth of
/// `left[s][r * row_stride + k] * right[s * depth + k]`.
///
/// The order of each sum is fixed (s and k ascending, blocks of [`DEPTH`] by themselves), whatever the number of rows.
pub(crate) struct Matmul<'a> {
    pub(crate) left: &'a [&'a [f32]],
    pub(crate) depth: usize,
    pub(crate) row_stride: usize,
    pub(crate) rows: usize,
    pub(crate) right: &'a Packed,
    /// Those to compute, in whole panels; `out` has no others.
    pub(crate) columns: Range<usize>,
    pub(crate) out: &'a mut [f32],
    pub(crate) place: Place,
    pub(crate) finish: Finish<'a>,
}

impl Matmul<'_> {
    /// Panics where a slice is too short for the sizes: then what calls is wrong, never the user's data.
    pub(super) fn check(&self, lanes: usize) {
        let Self {
            right,
            rows,
            columns,
            ..
        } = self;
        assert!(
            columns.start.is_multiple_of(2 * lanes)
                && columns.start <= columns.end
                && columns.end <= right.columns
                && (columns.end == right.columns || columns.end.is_multiple_of(2 * lanes)),
            "columns are whole panels"
        );
        assert_eq!(right.lanes, lanes, "packed for another instruction set");
        assert_eq!(
            right.depth,
            self.depth * self.left.len(),
            "depth of both sides"
        );
        assert_eq!(
            right.panels.len(),
            right.depth * right.columns + LINE,
            "right side"
        );
        if *rows > 0 {
            let read = (rows - 1) * self.row_stride + self.depth;
            assert!(
                self.left.iter().all(|segment| segment.len() >= read),
                "left side is too short"
            );
            let stride = self.place.stride;
            assert!(stride >= columns.len(), "outputs overlap");
            let written = (self.place.gaps_before(rows - 1) + rows - 1) * stride + columns.len();
            assert!(self.out.len() >= written, "output is too short");
            self.finish.check(rows * columns.len() / lanes);
        }
    }
}

/// # Safety
/// [`Matmul::check`] has passed for `V::LANES`, and the processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn matmul<V: Vector>(m: &mut Matmul) {
    let panel_width = 2 * V::LANES;
    // More than one segment: short ones, of the stem.
    let block = if m.left.len() == 1 { DEPTH } else { m.depth };
    // All tiles are equally high, to one row: a low tile at the end would be slow.
    let tiles = m.rows.div_ceil(V::ROWS).max(1);
    let (height, higher) = (m.rows / tiles, m.rows % tiles);
    let first = m.place.at(0);
    for column in m.columns.clone().step_by(panel_width) {
        let wide = m.right.columns - column >= panel_width;
        for start in (0..m.depth).step_by(block) {
            let mut at = Tile {
                row: 0,
                column,
                start,
                depth: block.min(m.depth - start),
                index: 0,
                gaps: first.0,
                until_gap: first.1,
            };
            while at.index < tiles {
                let rows = height + usize::from(at.index < higher);
                // SAFETY: `check` has passed, and the tile lies inside the product.
                unsafe {
                    if wide {
                        tile_of::<V, 2>(m, rows, &mut at);
                    } else {
                        tile_of::<V, 1>(m, rows, &mut at);
                    }
                }
                at.row += rows;
                at.index += 1;
            }
        }
    }
}

/// Where a tile begins, and its part of the depth.
struct Tile {
    row: usize,
    column: usize,
    start: usize,
    depth: usize,
    /// Its number in this part of the depth.
    index: usize,
    /// Gaps before its first row, and rows from there to the next.
    gaps: usize,
    until_gap: usize,
}

impl Tile {
    /// Moves the rows of this tile that lie behind a gap.
    fn gaps_between(&mut self, out: &mut [usize], place: Place) {
        let before = self.gaps;
        for offset in out {
            *offset += (self.gaps - before) * place.stride;
            self.until_gap -= 1;
            if self.until_gap == 0 {
                self.gaps += 1;
                self.until_gap = place.width;
            }
        }
    }
}

#[inline(always)]
unsafe fn tile_of<V: Vector, const VECTORS: usize>(m: &mut Matmul, rows: usize, at: &mut Tile) {
    macro_rules! heights {
        ($($height:literal)*) => {
            match rows {
                // SAFETY: as of this function.
                $($height if $height <= V::ROWS => unsafe { tile::<V, $height, VECTORS>(m, at) },)*
                _ => {}
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// The register tile: `ROWS` x `VECTORS` sums stay in registers over the depth.
///
/// # Safety
/// [`Matmul::check`] has passed, and the tile lies inside the product.
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize>(m: &mut Matmul, at: &mut Tile) {
    if ROWS > V::ROWS {
        return; // never called; keeps the compiler from generating it
    }
    let column = at.column - m.columns.start;
    let mut out = [0; ROWS];
    unrolled!(r < ROWS => out[r] = (at.row + r + at.gaps) * m.place.stride + column);
    if at.until_gap > ROWS {
        at.until_gap -= ROWS;
    } else {
        at.gaps_between(&mut out, m.place);
    }
    // SAFETY: by `check` all rows of the tile lie in `left`, `right` and `out`; scale and bias have `columns`
    // values. What is
    // fetched ahead may lie behind the right side's end, where nothing is read, and so may the pointers to rows that
    // the tile does not have.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        let panel = m
            .right
            .panels
            .as_ptr()
            .add(m.right.first + m.right.depth * at.column);
        let mut right = panel.add(at.start * VECTORS * V::LANES);
        // The first tiles fetch the next part of the right side, which follows in memory, a quarter each.
        let part = at.depth * VECTORS * V::LANES;
        let (mut ahead, pace) = if at.index < UNROLLED {
            (
                right.wrapping_add(part + at.index * part / UNROLLED),
                VECTORS * V::LANES,
            )
        } else {
            (right, 0)
        };
        for segment in m.left {
            let first = segment.as_ptr().add(at.row * m.row_stride + at.start);
            let mut left = [first; GROUPS];
            for (g, left) in left.iter_mut().enumerate() {
                *left = left.wrapping_add(3 * g * m.row_stride);
            }
            // Four steps a turn, so that the rows' addresses are worked out once for all four.
            for _ in 0..at.depth / UNROLLED {
                unrolled!(line < (VECTORS * V::LANES).div_ceil(LINE) => V::fetch(ahead.wrapping_add(line * LINE)));
                ahead = ahead.wrapping_add(pace);
                // Else the compiler would work out all rows' addresses from one pointer again, and spill them.
                for left in left.iter_mut().take(ROWS.div_ceil(3)) {
                    *left = V::opaque(*left);
                }
                unrolled!(k < UNROLLED => {
                    step::<V, ROWS, VECTORS>(&mut sums, &left, k, m.row_stride, right);
                    right = right.add(VECTORS * V::LANES);
                });
                left = left.map(|left| left.wrapping_add(UNROLLED));
            }
            for _ in 0..at.depth % UNROLLED {
                step::<V, ROWS, VECTORS>(&mut sums, &left, 0, m.row_stride, right);
                right = right.add(VECTORS * V::LANES);
                left = left.map(|left| left.wrapping_add(1));
            }
        }
        let to = m.out.as_mut_ptr();
        if at.start > 0 {
            // Blocks are summed by themselves: a sum's steps round at the size that it has reached.
            let one = V::splat(1.0);
            unrolled!(r < ROWS => unrolled!(v < VECTORS => {
                sums[r][v] = one.mul_add(V::load(to.add(out[r] + v * V::LANES)), sums[r][v]);
            }));
        }
        if at.start + at.depth == m.depth {
            let Affine { scale, bias } = &m.right.after;
            unrolled!(v < VECTORS => {
                let scale = V::load(scale.as_ptr().add(at.column + v * V::LANES));
                let bias = V::load(bias.as_ptr().add(at.column + v * V::LANES));
                unrolled!(r < ROWS => sums[r][v] = sums[r][v].mul_add(scale, bias));
            });
            let vectors = m.columns.len() / V::LANES;
            let first = at.row * vectors + column / V::LANES;
            m.finish.apply(&mut sums, first, vectors);
        }
        unrolled!(r < ROWS => unrolled!(v < VECTORS => sums[r][v].store(to.add(out[r] + v * V::LANES))));
    }
}

/// Step `k` of the depth: a column of the left side times a row of the right side.
///
/// # Safety
/// `left` points to every third of `ROWS` rows, `stride` apart, of more than `k` values; `right` has `VECTORS` vectors.
#[inline(always)]
unsafe fn step<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    left: &[*const f32; GROUPS],
    k: usize,
    stride: usize,
    right: *const f32,
) {
    // SAFETY: as of this function.
    unsafe {
        let mut factors = [V::splat(0.0); VECTORS];
        unrolled!(v < VECTORS => factors[v] = V::load(right.add(v * V::LANES)));
        unrolled!(r < ROWS => {
            let x = V::splat(*left[r / 3].add(r % 3 * stride + k));
            unrolled!(v < VECTORS => sums[r][v] = x.mul_add(factors[v], sums[r][v]));
        });
    }
}
