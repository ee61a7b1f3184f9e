//! Matrix products by tiles: registers of 16 rows of 64 bytes, one instruction for the product of two of them.

use std::mem::MaybeUninit;

use super::matmul::{Matmul, Panel, Sums};
use super::mode::{RAW, SINGLE, TWICE};
use super::vector::Integers;

/// Rows of a tile.
pub(super) const ROWS: usize = 16;

/// Bytes of a row of four tiles beside each other: from a row of a panel to the next.
pub(super) const PITCH: usize = 256;

/// A product of two row tiles of the left side with two column tiles of the right one.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Two tiles of `rows` rows, `row_bytes` apart.
    pub(super) left: [*const u8; 2],
    /// What [`Tiles::configure`] was told; the emulation needs it.
    #[cfg_attr(not(test), expect(dead_code))]
    pub(super) rows: usize,
    /// At most 64.
    pub(super) row_bytes: usize,
    /// Two tiles beside each other of `row_bytes / 4` rows, [`PITCH`] apart.
    pub(super) right: *const u8,
    /// Products that are added: bytes to the next on each side.
    pub(super) count: usize,
    pub(super) left_step: usize,
    pub(super) right_step: usize,
    /// What sums begin with: for each row tile the two tiles beside each other, rows `from_pitch` apart.
    pub(super) from: [*const u8; 2],
    pub(super) from_pitch: usize,
    /// Where sums go: rows [`PITCH`] apart, the second row tile behind the [`ROWS`] rows of the first.
    pub(super) to: *mut u8,
}

/// A unit that multiplies tiles.
///
/// # Safety
/// Of all methods: the processor has the unit. [`configure`](Self::configure) comes before and
/// [`release`](Self::release) after the products, on the same thread.
pub(super) trait Tiles {
    /// For left tiles of so many rows and bytes.
    unsafe fn configure(rows: usize, row_bytes: usize);
    /// All pointers are valid for what [`Block`] says.
    unsafe fn multiply(block: Block);
    unsafe fn release();
}

/// Sums of two row tiles and four column tiles.
#[repr(C, align(64))]
struct Area([[[u8; PITCH]; ROWS]; 2]);

/// Sums that are not levels yet.
struct Pending {
    panel: Panel,
    /// First rows of the two tiles.
    rows: [usize; 2],
    area: *const Area,
}

/// Rows of an area.
struct AreaRows {
    tile: *const i32,
    rows: usize,
}

impl<V: Integers> Sums<V> for AreaRows {
    #[inline(always)]
    fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    unsafe fn row(&self, r: usize) -> [V; 4] {
        // SAFETY: the caller's; a row has four vectors of sums.
        unsafe {
            let from = self.tile.add(r * PITCH / 4);
            [
                V::load(from),
                V::load(from.add(V::LANES)),
                V::load(from.add(2 * V::LANES)),
                V::load(from.add(3 * V::LANES)),
            ]
        }
    }
}

/// # Safety
/// [`Matmul::check`] has passed for `V`, which has 16 lanes; the processor has the instruction set of `V` and the tiles.
#[inline(always)]
pub(super) unsafe fn matmul<V: Integers, T: Tiles>(m: &mut Matmul) {
    // SAFETY: the caller's.
    unsafe {
        match m.right.after.mode {
            RAW => in_mode::<V, T, RAW>(m),
            SINGLE => in_mode::<V, T, SINGLE>(m),
            _ => in_mode::<V, T, TWICE>(m),
        }
    }
}

#[inline(always)]
unsafe fn in_mode<V: Integers, T: Tiles, const MODE: u8>(m: &mut Matmul) {
    if m.rows == 0 {
        return;
    }
    // Pairs of tiles, all of the same number of rows; where that does not divide, some rows are computed twice.
    let tiles = m.rows.div_ceil(ROWS).next_multiple_of(2);
    let rows = m.rows.div_ceil(tiles);
    let mut areas: [MaybeUninit<Area>; 2] = [MaybeUninit::uninit(), MaybeUninit::uninit()];
    let areas = areas.each_mut().map(MaybeUninit::as_mut_ptr);
    // SAFETY: the caller's; rows of a tile begin so early that all of them are rows of the product.
    unsafe {
        T::configure(rows, m.right.sizes.block);
        let mut pending: Option<Pending> = None;
        let mut index = 0;
        for panel in m.panels() {
            for pair in 0..tiles / 2 {
                let starts = [2 * pair, 2 * pair + 1].map(|i| (i * rows).min(m.rows - rows));
                multiply::<T>(m, &panel, starts, rows, areas[index % 2]);
                // The tiles are still at work on these sums while those before become levels.
                if let Some(pending) = pending.take() {
                    finish::<V, MODE>(m, &pending, rows);
                }
                pending = Some(Pending {
                    panel,
                    rows: starts,
                    area: areas[index % 2],
                });
                index += 1;
            }
        }
        if let Some(pending) = pending.take() {
            finish::<V, MODE>(m, &pending, rows);
        }
        T::release();
    }
}

/// The sums of two row tiles and a panel.
#[inline(always)]
unsafe fn multiply<T: Tiles>(
    m: &Matmul,
    panel: &Panel,
    starts: [usize; 2],
    rows: usize,
    area: *mut Area,
) {
    let (block, blocks) = (m.right.sizes.block, m.right.sizes.blocks);
    let left_step = m.pitch * block;
    let right_step = block / 4 * PITCH;
    // SAFETY: by `check` rows lie in the left side, panels in the right one, and every channel has a bias.
    unsafe {
        let right = m.right.weights().add(panel.index * m.right.panel_bytes());
        let bias = m.right.after.bias(panel.index * 64).cast::<u8>();
        for half in 0..2 {
            let to = area.cast::<u8>().add(128 * half);
            for part in 0..m.right.parts {
                let (from, from_pitch) = if part == 0 {
                    ([bias.add(128 * half); 2], 0)
                } else {
                    ([to.cast_const(), to.add(ROWS * PITCH)], PITCH)
                };
                T::multiply(Block {
                    left: starts.map(|start| m.left.as_ptr().add(start * block)),
                    rows,
                    row_bytes: block,
                    right: right.add(part * blocks * right_step + 128 * half),
                    count: blocks,
                    left_step,
                    right_step,
                    from,
                    from_pitch,
                    to,
                });
            }
        }
    }
}

#[inline(always)]
unsafe fn finish<V: Integers, const MODE: u8>(m: &mut Matmul, pending: &Pending, rows: usize) {
    for (tile, &row) in pending.rows.iter().enumerate() {
        // SAFETY: the area has the sums of these rows.
        unsafe {
            let tile = pending.area.cast::<i32>().add(tile * ROWS * PITCH / 4);
            m.write::<V, MODE>(&pending.panel, row, AreaRows { tile, rows });
        }
    }
}
