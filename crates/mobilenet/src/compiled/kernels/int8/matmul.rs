//! The matrix product of the stem, of every pointwise convolution and of the classifier.

use std::ops::Range;

use super::super::aligned::Aligned;
use super::mode::{RAW, SINGLE, TWICE};
use super::place::Out;
use super::requantize::{Ordered, Requantize, order};
use super::vector::{Integers, level_bytes};

/// Columns of a plane of a map: the bytes of a cache line.
pub(crate) const PLANE: usize = 64;

/// The sizes of a product's right side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Levels in a block of the depth: at most [`PLANE`], a multiple of 4.
    pub(crate) block: usize,
    pub(crate) blocks: usize,
    /// Columns of a plane that are there: [`PLANE`], or fewer of a single plane.
    pub(crate) wide: usize,
    pub(crate) planes: usize,
}

/// The right side of a product and what becomes of its sums, in panels of four vectors:
/// `[plane][panel][part][step][vector][lane][STEP]`.
///
/// A weight that does not fit a byte, since its zero point is subtracted, is the sum of two or three: the depth is then
/// run through as often.
pub(crate) struct Packed {
    pub(super) lanes: usize,
    pub(super) step: usize,
    pub(super) sizes: Sizes,
    pub(super) parts: usize,
    weights: Aligned<u8>,
    pub(super) after: Ordered,
}

/// As how many bytes, added, a weight is stored.
fn parts_of(weight: i32) -> usize {
    let most = if weight < 0 { 128 } else { 127 };
    weight.unsigned_abs().div_ceil(most).max(1) as usize
}

/// One of the bytes whose sum is a weight.
pub(super) fn part_of(weight: i32, part: usize) -> i8 {
    let mut rest = weight;
    for _ in 0..part {
        rest -= rest.clamp(-128, 127);
    }
    rest.clamp(-128, 127) as i8
}

/// The number of parts that all these weights need; 16 bits hold each in one.
pub(super) fn most_parts(weights: impl Iterator<Item = i32>, step: usize) -> usize {
    if step == 2 {
        1
    } else {
        weights.map(parts_of).max().unwrap_or(1)
    }
}

impl Packed {
    /// Packs `weight(k, column)` for the columns that belong to a channel.
    pub(super) fn new<V: Integers>(
        sizes: Sizes,
        requantize: &Requantize,
        channel: impl Fn(usize) -> Option<usize>,
        weight: impl Fn(usize, usize) -> i32,
    ) -> Self {
        let Sizes {
            block,
            blocks,
            wide,
            planes,
        } = sizes;
        assert!(
            block <= PLANE && block.is_multiple_of(4),
            "block of the depth"
        );
        assert!(wide <= PLANE && (planes == 1 || wide == PLANE), "planes");
        let depth = block * blocks;
        let panel = 4 * V::LANES;
        let panels = wide.div_ceil(panel);
        let raw = requantize.factors.is_empty();
        let permuted = order(4, V::LANES);
        // Column of a position in a panel.
        let column = |plane: usize, q: usize, i: usize| {
            let inside = q * panel + if raw { i } else { permuted(i) };
            (inside < wide).then_some(plane * PLANE + inside)
        };
        let columns = (0..planes).flat_map(|plane| plane * PLANE..plane * PLANE + wide);
        let used: Vec<usize> = columns.filter(|&c| channel(c).is_some()).collect();
        let all = used.iter().flat_map(|&c| (0..depth).map(move |k| (k, c)));
        let parts = most_parts(all.map(|(k, c)| weight(k, c)), V::STEP);
        let steps = depth / V::STEP;
        let mut weights = Aligned::zeros(planes * panels * parts * steps * 4 * panel);
        let places = (0..planes * panels * parts * steps).zip(weights.chunks_exact_mut(4 * panel));
        for (index, chunk) in places {
            let (step, rest) = (index % steps, index / steps);
            let (part, rest) = (rest % parts, rest / parts);
            for (i, bytes) in chunk.chunks_exact_mut(4).enumerate() {
                let column = column(rest / panels, rest % panels, i);
                let Some(c) = column.filter(|&c| channel(c).is_some()) else {
                    continue;
                };
                let width = bytes.len() / V::STEP;
                for (k, bytes) in bytes.chunks_exact_mut(width).enumerate() {
                    put(bytes, weight(step * V::STEP + k, c), part);
                }
            }
        }
        let at = |i: usize| {
            let (index, inside) = (i / panel, i % panel);
            column(index / panels, index % panels, inside).and_then(&channel)
        };
        Self {
            lanes: V::LANES,
            step: V::STEP,
            sizes,
            parts,
            weights,
            after: Ordered::new(requantize, planes * panels * panel, at),
        }
    }

    /// Panels of a plane.
    pub(super) fn panels(&self) -> usize {
        self.sizes.wide.div_ceil(4 * self.lanes)
    }

    /// Bytes of a panel.
    pub(super) fn panel_bytes(&self) -> usize {
        let depth = self.sizes.block * self.sizes.blocks;
        self.parts * depth / self.step * 16 * self.lanes
    }

    pub(super) fn weights(&self) -> *const u8 {
        self.weights.as_ptr()
    }

    /// Levels in a block of the depth.
    pub(crate) fn block(&self) -> usize {
        self.sizes.block
    }

    /// Planes of the result.
    pub(crate) fn planes(&self) -> usize {
        self.sizes.planes
    }
}

/// Stores a weight in one byte (one part of it) or in two.
pub(super) fn put(bytes: &mut [u8], weight: i32, part: usize) {
    match bytes {
        [byte] => *byte = part_of(weight, part) as u8,
        _ => bytes.copy_from_slice(&(weight as i16).to_le_bytes()),
    }
}

/// `out[r] = level(bias + sum)`, where `sum` is that over blocks b and k of
/// `left[b][r][k] * right[b * block + k]`.
pub(crate) struct Matmul<'a, 'b> {
    /// `[block][row][level]`.
    pub(crate) left: &'a [u8],
    /// Rows from one block to the next.
    pub(crate) pitch: usize,
    pub(crate) rows: usize,
    pub(crate) right: &'a Packed,
    /// Those of the right side to compute; `out` has no others.
    pub(crate) planes: Range<usize>,
    pub(crate) out: Out<'a, 'b>,
}

impl Matmul<'_, '_> {
    /// Panics where a slice is too short for the sizes: then what calls is wrong, never the user's data.
    pub(super) fn check(&self, lanes: usize, step: usize) {
        let Self {
            right,
            rows,
            planes,
            ..
        } = self;
        assert_eq!(
            (right.lanes, right.step),
            (lanes, step),
            "packed for another form"
        );
        assert!(
            planes.start <= planes.end && planes.end <= right.sizes.planes,
            "planes"
        );
        let panels = right.sizes.planes * right.panels();
        assert_eq!(
            right.weights.len(),
            panels * right.panel_bytes(),
            "right side"
        );
        assert_eq!(right.after.len(), panels * 4 * lanes, "channels");
        if *rows == 0 {
            return;
        }
        assert!(*rows <= self.pitch, "left side's blocks overlap");
        let row = right.sizes.block * 4 / step;
        let read = ((right.sizes.blocks - 1) * self.pitch + rows) * row;
        assert!(self.left.len() >= read, "left side is too short");
        match &self.out {
            Out::Levels { planes, place } => {
                assert_ne!(right.after.mode, RAW, "sums are wanted");
                assert_eq!(planes.len(), self.planes.len(), "planes");
                assert!(place.stride >= right.sizes.wide, "outputs overlap");
                assert!(place.first < place.width, "first row");
                let written = place.cursor(rows - 1).at + right.sizes.wide;
                assert!(
                    planes.iter().all(|plane| plane.len() >= written),
                    "output is too short"
                );
            }
            Out::Sums(out) => {
                assert_eq!(right.after.mode, RAW, "levels are wanted");
                assert_eq!(right.sizes.wide, PLANE, "sums are whole planes");
                assert!(
                    out.len() >= rows * planes.len() * PLANE,
                    "output is too short"
                );
            }
        }
    }

    /// # Safety
    /// [`check`](Self::check) has passed for `V`, `panel` is one of [`panels`](Self::panels), and `row` is below `rows`.
    #[inline(always)]
    pub(super) unsafe fn write<V: Integers, const MODE: u8>(
        &mut self,
        panel: &Panel,
        row: usize,
        sums: impl Sums<V>,
    ) {
        let count = sums.rows();
        // SAFETY: by `check` every row lies in the output, and each panel has its channels.
        unsafe {
            match &mut self.out {
                Out::Levels { planes, place } if MODE != RAW => {
                    let at = self.right.after.at(panel.index * 4 * V::LANES);
                    let plane = planes.get_unchecked_mut(panel.plane);
                    let to = plane.as_mut_ptr().add(panel.column);
                    let mut cursor = place.cursor(row);
                    for r in 0..count {
                        V::levels::<MODE>(sums.row(r), at, to.add(cursor.at), panel.count);
                        cursor.advance(*place);
                    }
                }
                Out::Sums(out) if MODE == RAW => {
                    let stride = self.planes.len() * PLANE;
                    let column = panel.plane * PLANE + panel.column;
                    for r in 0..count {
                        let to = out.as_mut_ptr().add((row + r) * stride + column);
                        let sums = sums.row(r);
                        each!(v of 0 1 2 3 => sums[v].store(to.add(v * V::LANES)));
                    }
                }
                _ => {}
            }
        }
    }

    /// The panels to compute.
    #[inline(always)]
    pub(super) fn panels(&self) -> impl Iterator<Item = Panel> + use<> {
        let (panels, width) = (self.right.panels(), 4 * self.right.lanes);
        let (first, wide) = (self.planes.start, self.right.sizes.wide);
        self.planes.clone().flat_map(move |plane| {
            (0..panels).map(move |q| Panel {
                index: plane * panels + q,
                plane: plane - first,
                column: q * width,
                count: width.min(wide - q * width),
            })
        })
    }
}

/// Rows of sums of four vectors.
pub(super) trait Sums<V> {
    fn rows(&self) -> usize;
    /// # Safety
    /// As of [`Integers`]; `r` is below [`rows`](Self::rows).
    unsafe fn row(&self, r: usize) -> [V; 4];
}

impl<V: Copy, const ROWS: usize> Sums<V> for [[V; 4]; ROWS] {
    #[inline(always)]
    fn rows(&self) -> usize {
        ROWS
    }

    #[inline(always)]
    unsafe fn row(&self, r: usize) -> [V; 4] {
        self[r]
    }
}

/// Four vectors of columns.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    /// Among all panels of the right side.
    pub(super) index: usize,
    /// Among the planes of the output.
    pub(super) plane: usize,
    /// In the plane.
    pub(super) column: usize,
    /// Columns that are there.
    pub(super) count: usize,
}

/// # Safety
/// [`Matmul::check`] has passed for `V`, and the processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn matmul<V: Integers>(m: &mut Matmul) {
    // SAFETY: the caller's.
    unsafe {
        match m.right.after.mode {
            RAW => in_mode::<V, RAW>(m),
            SINGLE => in_mode::<V, SINGLE>(m),
            _ => in_mode::<V, TWICE>(m),
        }
    }
}

#[inline(always)]
unsafe fn in_mode<V: Integers, const MODE: u8>(m: &mut Matmul) {
    // All tiles are equally high, to one row: a low tile at the end would be slow.
    let tiles = m.rows.div_ceil(V::ROWS);
    for panel in m.panels() {
        for i in 0..tiles {
            let row = i * m.rows / tiles;
            macro_rules! heights {
                ($($height:literal)*) => {
                    match (i + 1) * m.rows / tiles - row {
                        // SAFETY: as of this function; the rows lie inside the product.
                        $($height if $height <= V::ROWS => unsafe {
                            tile::<V, $height, MODE>(m, &panel, row);
                        },)*
                        _ => {}
                    }
                };
            }
            heights!(1 2 3 4 5 6);
        }
    }
}

/// The register tile: `ROWS` x 4 vectors of sums stay in registers over the depth.
///
/// # Safety
/// [`Matmul::check`] has passed, and the tile lies inside the product.
#[inline(always)]
unsafe fn tile<V: Integers, const ROWS: usize, const MODE: u8>(
    m: &mut Matmul,
    panel: &Panel,
    row: usize,
) {
    if ROWS > V::ROWS {
        return; // never called; keeps the compiler from generating it
    }
    let Sizes { block, blocks, .. } = m.right.sizes;
    let row_bytes = block * level_bytes::<V>();
    // SAFETY: by `check` all rows of the tile lie in `left`, each panel in `right`, and every channel has a bias.
    unsafe {
        let bias = m.right.after.bias(panel.index * 4 * V::LANES);
        let mut sums = [[V::load(bias); 4]; ROWS];
        each!(v of 0 1 2 3 => {
            let start = V::load(bias.add(v * V::LANES));
            unrolled!(r < ROWS => sums[r][v] = start);
        });
        let mut right = m.right.weights().add(panel.index * m.right.panel_bytes());
        for _ in 0..m.right.parts {
            for b in 0..blocks {
                let left = m.left.as_ptr().add((b * m.pitch + row) * row_bytes);
                for step in 0..block / V::STEP {
                    unrolled!(r < ROWS => {
                        let x = V::spread(left.add(r * row_bytes + 4 * step));
                        each!(v of 0 1 2 3 => {
                            sums[r][v] = sums[r][v].dot(x, right.add(v * 4 * V::LANES));
                        });
                    });
                    right = right.add(16 * V::LANES);
                }
            }
        }
        m.write::<V, MODE>(panel, row, sums);
    }
}
