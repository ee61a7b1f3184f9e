//! Depthwise 3x3 convolutions, and their transposes.

use super::vector::Vector;
use super::{Affine, Finish};

/// Outputs computed at once: widths of MobileNet's maps at 224 pixels are multiples of it, and seven sums, a
/// weight and an input fit every register file.
const COLUMNS: usize = 7;

/// Part of a row: `out[x] = finish(scale * sum + bias)`, the sum over ky, kx of `rows[ky][offset + x * stride + kx] * weight[ky][kx]`,
/// with vectors of `channels` values as elements.
pub(crate) struct Depthwise<'a> {
    /// The three rows under the kernel, with what is beside the map (zeros).
    pub(crate) rows: [&'a [f32]; 3],
    pub(crate) offset: usize,
    /// 1 or 2.
    pub(crate) stride: usize,
    pub(crate) channels: usize,
    /// Values from an input pixel to the next.
    pub(crate) pitch: usize,
    /// `[9][channels]`.
    pub(crate) weight: &'a [f32],
    pub(crate) after: &'a Affine,
    /// `[count][channels]`.
    pub(crate) out: &'a mut [f32],
    pub(crate) finish: Finish<'a>,
}

impl Depthwise<'_> {
    /// Panics where a slice is too short for the sizes: then what calls is wrong, never the user's data.
    pub(super) fn check(&self, lanes: usize) {
        let channels = self.channels;
        assert!(
            channels > 0 && channels.is_multiple_of(lanes),
            "channels are padded to whole vectors"
        );
        assert!(self.stride == 1 || self.stride == 2, "stride");
        assert_eq!(self.weight.len(), 9 * channels, "weight");
        let Affine { scale, bias } = self.after;
        assert_eq!(
            (scale.len(), bias.len()),
            (channels, channels),
            "scale and bias"
        );
        let count = self.out.len() / channels;
        assert_eq!(count * channels, self.out.len(), "output is whole pixels");
        if count > 0 {
            let read = (self.offset + (count - 1) * self.stride + 2) * self.pitch + channels;
            assert!(
                self.rows.iter().all(|row| row.len() >= read),
                "input rows are too short"
            );
            self.finish.check(self.out.len() / lanes);
        }
    }
}

/// Calls `$kernel` for tiles of at most [`COLUMNS`] of `$count` columns, as wide as each other to one column: with
/// the first column, and with the width and the form (`$one` or `$two`) as constants.
macro_rules! in_tiles {
    ($kernel:ident($job:expr), $count:expr, |$x:ident| $form:expr => $one:literal $two:literal) => {
        in_tiles!(@ $kernel, $job, $count, $x, $form, $one, $two, 1 2 3 4 5 6 7)
    };
    (@ $kernel:ident, $job:expr, $count:expr, $x:ident, $form:expr, $one:literal, $two:literal, $($width:literal)*) => {
        let count = $count;
        let tiles = count.div_ceil(COLUMNS);
        for tile in 0..tiles {
            let $x = tile * count / tiles;
            let columns = (tile + 1) * count / tiles - $x;
            match (columns, $form) {
                // SAFETY: `check` has passed, and the columns lie inside the row.
                $(($width, $one) => unsafe { $kernel::<V, $width, $one>($job, $x) },
                  ($width, _) => unsafe { $kernel::<V, $width, $two>($job, $x) },)*
                _ => {}
            }
        }
    };
}

/// # Safety
/// [`Depthwise::check`] has passed for `V::LANES`, and the processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn depthwise<V: Vector>(d: &mut Depthwise) {
    in_tiles!(columns_of(d), d.out.len() / d.channels, |x| d.stride => 1 2);
}

#[inline(always)]
unsafe fn columns_of<V: Vector, const COLUMNS: usize, const STRIDE: usize>(
    d: &mut Depthwise,
    x: usize,
) {
    let channels = d.channels;
    let vectors = channels / V::LANES;
    let first = (d.offset + x * STRIDE) * d.pitch;
    // SAFETY: by `check` the rows reach to the last tap of the last column, and all else has `channels` values.
    unsafe {
        let rows = d.rows.map(|row| row.as_ptr().add(first));
        let out = d.out.as_mut_ptr().add(x * channels);
        for vector in 0..vectors {
            let c = vector * V::LANES;
            let mut sums = [[V::splat(0.0)]; COLUMNS];
            for (ky, row) in rows.into_iter().enumerate() {
                let weights: [V; 3] = std::array::from_fn(|kx| {
                    V::load(d.weight.as_ptr().add((ky * 3 + kx) * channels + c))
                });
                if STRIDE == 1 {
                    // Each input is loaded once for all the columns under whose kernel it lies.
                    for x in 0..COLUMNS + 2 {
                        let input = V::load(row.add(x * d.pitch + c));
                        for (kx, &weight) in weights.iter().enumerate() {
                            if x >= kx && x - kx < COLUMNS {
                                let [sum] = &mut sums[x - kx];
                                *sum = input.mul_add(weight, *sum);
                            }
                        }
                    }
                } else {
                    for (column, [sum]) in sums.iter_mut().enumerate() {
                        for (kx, &weight) in weights.iter().enumerate() {
                            let x = column * STRIDE + kx;
                            *sum = V::load(row.add(x * d.pitch + c)).mul_add(weight, *sum);
                        }
                    }
                }
            }
            let scale = V::load(d.after.scale.as_ptr().add(c));
            let bias = V::load(d.after.bias.as_ptr().add(c));
            for [sum] in &mut sums {
                *sum = sum.mul_add(scale, bias);
            }
            d.finish.apply(&mut sums, x * vectors + vector, vectors);
            for (column, [sum]) in sums.into_iter().enumerate() {
                sum.store(out.add(column * channels + c));
            }
        }
    }
}

/// Part of a row of the transpose of a convolution of stride 2: each input pixel gathers from the one or two
/// output pixels in each direction that it took part in.
pub(crate) struct Spread<'a> {
    /// Rows of the gradient, each with the row of the kernel that reached it, ascending; zeros beside the map.
    pub(crate) rows: &'a [(usize, &'a [f32])],
    /// First column of the input, counted from the padding before it.
    pub(crate) offset: usize,
    pub(crate) channels: usize,
    /// Values from a pixel of the gradient to the next.
    pub(crate) pitch: usize,
    /// `[9][channels]`.
    pub(crate) weight: &'a [f32],
    /// `[count][channels]`.
    pub(crate) out: &'a mut [f32],
    pub(crate) finish: Finish<'a>,
}

impl Spread<'_> {
    /// Panics where a slice is too short for the sizes: then what calls is wrong, never the user's data.
    pub(super) fn check(&self, lanes: usize) {
        let channels = self.channels;
        assert!(
            channels > 0 && channels.is_multiple_of(lanes),
            "channels are padded to whole vectors"
        );
        assert_eq!(self.weight.len(), 9 * channels, "weight");
        let count = self.out.len() / channels;
        assert_eq!(count * channels, self.out.len(), "output is whole pixels");
        if count > 0 {
            let read = ((self.offset + count - 1) / 2 + 1) * self.pitch + channels;
            assert!(
                self.rows
                    .iter()
                    .all(|(ky, row)| *ky < 3 && row.len() >= read),
                "rows are too short"
            );
            self.finish.check(self.out.len() / lanes);
        }
    }
}

/// # Safety
/// [`Spread::check`] has passed for `V::LANES`, and the processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn spread<V: Vector>(s: &mut Spread) {
    in_tiles!(spread_columns(s), s.out.len() / s.channels, |x| (s.offset + x) % 2 => 0 1);
}

/// `ODD`: of the first column, counted from the padding.
#[inline(always)]
unsafe fn spread_columns<V: Vector, const COLUMNS: usize, const ODD: usize>(
    s: &mut Spread,
    x: usize,
) {
    let channels = s.channels;
    let vectors = channels / V::LANES;
    let position = s.offset + x;
    let first = position / 2 * s.pitch;
    // SAFETY: by `check` the rows reach to column (offset + x) / 2 + 1 of the last column, and all else has
    // `channels` values.
    unsafe {
        let out = s.out.as_mut_ptr().add(x * channels);
        for vector in 0..vectors {
            let c = vector * V::LANES;
            let mut sums = [[V::splat(0.0)]; COLUMNS];
            for &(ky, row) in s.rows {
                let row = row.as_ptr().add(first + c);
                let weights: [V; 3] = std::array::from_fn(|kx| {
                    V::load(s.weight.as_ptr().add((ky * 3 + kx) * channels + c))
                });
                // Column `g` of the gradient, whose first is one beside the map, reached 2 * (g - 1) + kx.
                let last = COLUMNS - 1 + ODD;
                for g in (ODD..last / 2 + 2).rev() {
                    let gradient = V::load(row.add(g * s.pitch));
                    for (kx, &weight) in weights.iter().enumerate() {
                        let column = (2 * g + kx).wrapping_sub(2 + ODD);
                        if column < COLUMNS {
                            let [sum] = &mut sums[column];
                            *sum = gradient.mul_add(weight, *sum);
                        }
                    }
                }
            }
            s.finish.apply(&mut sums, x * vectors + vector, vectors);
            unrolled!(column < COLUMNS => sums[column][0].store(out.add(column * channels + c)));
        }
    }
}
