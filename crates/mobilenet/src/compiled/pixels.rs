use crate::Result;
use crate::model::check_shape;

/// A batch of images as decoders give them: `[n, height, width, 3]`, rows of RGB, levels 0 to 255.
///
/// Normalisation is part of the network. All images of a batch have one size, with sides of 1 to 65,536 pixels (a whole
/// net with [`Padding::End`](crate::Padding::End) needs 32: less is padded to nothing).
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    values: Values<'a>,
    n: usize,
    height: usize,
    width: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Values<'a> {
    U8(&'a [u8]),
    F32(&'a [f32]),
}

impl<'a> Pixels<'a> {
    /// Bytes.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) where `values` has another length than n x height x width x 3, or a side is 0 or above 65,536.
    pub fn from_u8(values: &'a [u8], shape: [usize; 3]) -> Result<Self> {
        Self::new(Values::U8(values), values.len(), shape)
    }

    /// Levels with fractions, as baselines and interpolations have them.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) where `values` has another length than n x height x width x 3, or a side is 0 or above 65,536.
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

    /// No image at all?
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Height and width of the images.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The values of image `i`, which must be below `len()`.
    pub(super) fn image(&self, i: usize) -> Values<'a> {
        let length = self.height * self.width * 3;
        let range = i * length..(i + 1) * length;
        match self.values {
            Values::U8(values) => Values::U8(&values[range]),
            Values::F32(values) => Values::F32(&values[range]),
        }
    }
}

impl Values<'_> {
    /// Writes `(value - shift) * scale` for the values in `range`.
    pub(super) fn normalize(
        &self,
        range: std::ops::Range<usize>,
        scale: f32,
        shift: f32,
        out: &mut [f32],
    ) {
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
