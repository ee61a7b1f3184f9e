//! Images in the form that the engines take.

use std::ops::Range;

use crate::error::{Error, Result};

/// A borrowed batch of images in the form that decoders produce: `[n, height, width, 3]`, rows of RGB pixels, levels 0
/// to 255.
///
/// The network normalizes the levels itself. All images of a batch have the same size; each side has 1 to 65,536
/// pixels. A whole net with [`Padding::End`](crate::Padding::End) needs at least 32, because its convolutions leave
/// nothing of smaller images.
#[derive(Debug, Clone, Copy)]
pub struct ImageBatch<'a> {
    values: Values<'a>,
    n: usize,
    height: usize,
    width: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    U8(&'a [u8]),
    F32(&'a [f32]),
}

impl<'a> ImageBatch<'a> {
    /// Makes a batch of images whose levels are bytes. `shape` is `[n, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] if `values` has another length than `n * height * width * 3`, or if a side is 0 or above
    /// 65,536.
    pub fn from_u8(values: &'a [u8], shape: [usize; 3]) -> Result<Self> {
        Self::new(Values::U8(values), values.len(), shape)
    }

    /// Makes a batch of images with fractional levels, for example baselines and interpolations of attribution methods.
    /// `shape` is `[n, height, width]`.
    ///
    /// # Errors
    /// The errors of [`from_u8`](Self::from_u8).
    pub fn from_f32(values: &'a [f32], shape: [usize; 3]) -> Result<Self> {
        Self::new(Values::F32(values), values.len(), shape)
    }

    fn new(values: Values<'a>, length: usize, shape: [usize; 3]) -> Result<Self> {
        check_shape(length, shape)?;
        let [n, height, width] = shape;
        Ok(Self {
            values,
            n,
            height,
            width,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether the batch has no image.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Height and width of the images, in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The levels of image `i`, which must be below `len()`.
    pub(crate) fn image(&self, i: usize) -> Values<'a> {
        let length = self.height * self.width * 3;
        self.values.slice(i * length..(i + 1) * length)
    }

    /// The levels of the images `range` as numbers.
    #[cfg(feature = "burn")]
    pub(crate) fn levels(&self, range: Range<usize>) -> Vec<f32> {
        let length = self.height * self.width * 3;
        match self.values.slice(range.start * length..range.end * length) {
            Values::U8(values) => values.iter().map(|&level| f32::from(level)).collect(),
            Values::F32(values) => values.to_vec(),
        }
    }
}

/// The longest side of an image, in pixels.
const LONGEST: usize = 1 << 16;

/// Refuses a number of pixel values that is not that of `[n, height, width, 3]`, and sides that no image has: an empty
/// batch of them would still be planned for.
pub(crate) fn check_shape(length: usize, [n, height, width]: [usize; 3]) -> Result<()> {
    let expected = [height, width, 3]
        .iter()
        .try_fold(n, |product, &side| product.checked_mul(side));
    let sides = 1..=LONGEST;
    if !sides.contains(&height) || !sides.contains(&width) || expected != Some(length) {
        return Err(Error::Input(format!(
            "{length} pixel values for shape [{n}, {height}, {width}, 3]; expected one value per channel and sides of 1 to {LONGEST} pixels"
        )));
    }
    Ok(())
}

impl<'a> Values<'a> {
    fn slice(self, range: Range<usize>) -> Values<'a> {
        match self {
            Self::U8(values) => Values::U8(&values[range]),
            Self::F32(values) => Values::F32(&values[range]),
        }
    }
}

impl Values<'_> {
    /// Writes the levels in `range`, rounded to bytes.
    pub(crate) fn levels(&self, range: Range<usize>, out: &mut [u8]) {
        match self {
            Self::U8(values) => out.copy_from_slice(&values[range]),
            Self::F32(values) => {
                for (out, &value) in out.iter_mut().zip(&values[range]) {
                    // The cast saturates.
                    *out = value.round_ties_even() as u8;
                }
            }
        }
    }

    /// Writes `(value - shift) * scale` for the values in `range`.
    pub(crate) fn normalize(&self, range: Range<usize>, scale: f32, shift: f32, out: &mut [f32]) {
        match self {
            Self::U8(values) => {
                for (out, &value) in out.iter_mut().zip(&values[range]) {
                    *out = (f32::from(value) - shift) * scale;
                }
            }
            Self::F32(values) => {
                for (out, &value) in out.iter_mut().zip(&values[range]) {
                    *out = (value - shift) * scale;
                }
            }
        }
    }
}
