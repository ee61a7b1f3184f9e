//! One image as numbers: what a method explains.

use crate::check;
use crate::error::{Error, Result};
use image::RgbImage;

/// One image: `height x width x channels` values, row by row, the channels of a pixel together, in pixel levels (0 to 255).
///
/// Any other unit works as well if the model takes the same unit. Baselines of a fixed level, such as
/// [`Baseline::White`](crate::Baseline::White), are always in pixel levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl Pixels {
    /// Makes an image from `values` of the shape height, width, channels.
    ///
    /// # Errors
    /// [`Error::Empty`] if a side is 0, [`Error::Length`] if the number of values differs from the shape,
    /// [`Error::NotFinite`] if a value is NaN or infinite.
    pub fn new(values: Vec<f32>, shape: [usize; 3]) -> Result<Self> {
        check::values("the image", values.iter().map(|&v| f64::from(v)), shape)?;
        Ok(Self { values, shape })
    }

    /// The same value everywhere.
    pub(crate) fn filled(shape: [usize; 3], value: f32) -> Self {
        Self {
            values: vec![value; shape.iter().product()],
            shape,
        }
    }

    /// Other values in the same shape; the caller keeps the length.
    pub(crate) fn like(&self, values: Vec<f32>) -> Self {
        debug_assert_eq!(values.len(), self.values.len());
        Self {
            values,
            shape: self.shape,
        }
    }

    /// The sum of both images; fails unless they have the same shape.
    pub(crate) fn plus(&self, what: &'static str, change: &Self) -> Result<Self> {
        self.same_shape(what, change)?;
        let pairs = self.values.iter().zip(&change.values);
        Ok(self.like(pairs.map(|(p, c)| p + c).collect()))
    }

    /// Every value plus what `change` gives for it, added in f64.
    pub(crate) fn changed(&self, mut change: impl FnMut() -> f64) -> Self {
        let values = self.values.iter();
        self.like(values.map(|&p| (f64::from(p) + change()) as f32).collect())
    }

    /// The values, row by row, the channels of a pixel together.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Each value minus that of another image of the same shape, in f64.
    pub(crate) fn minus(&self, other: &Self) -> impl Iterator<Item = f64> {
        let pairs = self.values.iter().zip(&other.values);
        pairs.map(|(&a, &b)| f64::from(a) - f64::from(b))
    }

    /// Smallest and largest value.
    pub(crate) fn range(&self) -> (f32, f32) {
        self.values
            .iter()
            .fold((f32::MAX, f32::MIN), |(low, high), &v| {
                (low.min(v), high.max(v))
            })
    }

    /// Fails unless `other` has this image's shape.
    pub(crate) fn same_shape(&self, what: &'static str, other: &Self) -> Result<()> {
        if other.shape == self.shape {
            Ok(())
        } else {
            Err(Error::Shape {
                what,
                expected: self.shape,
                found: other.shape,
            })
        }
    }
}

/// Appends the image at `t` (0 to 1) of the way from one image to the other; `t` is asked for the index of each value.
pub(crate) fn push_between(
    images: &mut Vec<f32>,
    from: &Pixels,
    to: &Pixels,
    t: impl Fn(usize) -> f64,
) {
    let pairs = from.values.iter().zip(&to.values).enumerate();
    images.extend(pairs.map(|(i, (&a, &b))| {
        let (a, b) = (f64::from(a), f64::from(b));
        (a + t(i) * (b - a)) as f32
    }));
}

/// The values, row by row, the channels of a pixel together.
impl AsRef<[f32]> for Pixels {
    fn as_ref(&self) -> &[f32] {
        &self.values
    }
}

/// An RGB image: three channels, levels 0 to 255. An image without pixels stays one and is refused by the methods.
impl From<&RgbImage> for Pixels {
    fn from(image: &RgbImage) -> Self {
        Self {
            values: image
                .as_raw()
                .iter()
                .map(|&level| f32::from(level))
                .collect(),
            shape: [image.height() as usize, image.width() as usize, 3],
        }
    }
}
