//! One image as numbers: what a method explains.

use crate::error::{Error, Result, all_finite};
use image::RgbImage;

/// One image: `height x width x channels` values, row by row, channels together, in pixel levels (0 to 255).
///
/// Any other unit works as well, as long as the model takes the same; baselines such as
/// [`Baseline::White`](crate::Baseline::White) mean pixel levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl Pixels {
    /// Takes `values` of the shape height, width, channels.
    ///
    /// # Errors
    /// [`Error::Empty`] where a side is 0, [`Error::Length`] where the lengths differ,
    /// [`Error::NotFinite`] where a value is NaN or infinite.
    pub fn new(values: Vec<f32>, shape: [usize; 3]) -> Result<Self> {
        let expected = volume(shape);
        if expected == 0 {
            return Err(Error::Empty { what: "the image" });
        }
        if values.len() != expected {
            return Err(Error::Length {
                what: "pixels",
                expected,
                found: values.len(),
            });
        }
        all_finite("pixels", values.iter().map(|&v| f64::from(v)))?;
        Ok(Self { values, shape })
    }

    /// One colour everywhere.
    pub(crate) fn filled(shape: [usize; 3], value: f32) -> Self {
        Self {
            values: vec![value; shape.iter().product()],
            shape,
        }
    }

    /// Same shape, other values; the caller keeps the length.
    pub(crate) fn like(&self, values: Vec<f32>) -> Self {
        debug_assert_eq!(values.len(), self.values.len());
        Self {
            values,
            shape: self.shape,
        }
    }

    /// Fails unless `change` has this image's shape; otherwise the sum of both.
    pub(crate) fn plus(&self, what: &'static str, change: &Self) -> Result<Self> {
        self.same_shape(what, change)?;
        let pairs = self.values.iter().zip(&change.values);
        Ok(self.like(pairs.map(|(p, c)| p + c).collect()))
    }

    /// Every value plus what is drawn for it; added in f64.
    pub(crate) fn changed(&self, mut change: impl FnMut() -> f64) -> Self {
        let values = self.values.iter();
        self.like(values.map(|&p| (f64::from(p) + change()) as f32).collect())
    }

    /// The values, row by row, channels together.
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

/// How many values a shape has; of one beyond all memory, more than any slice has.
pub(crate) fn volume(shape: [usize; 3]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape
        .iter()
        .fold(1, |n: usize, &side| n.saturating_mul(side))
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
