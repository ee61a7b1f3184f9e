use ndarray::{Array2, ArrayView2};

use crate::confusion::ConfusionMatrix;
use crate::error::Result;
use crate::predictions::Predictions;

impl Predictions {
    /// Makes predictions from probabilities `[n, classes]`, as [`Predictions::from_flat`] does (feature `ndarray`).
    ///
    /// # Errors
    /// The errors of [`Predictions::from_flat`].
    ///
    /// ```
    /// use metrics::Predictions;
    /// use ndarray::array;
    ///
    /// # fn main() -> Result<(), metrics::Error> {
    /// let probabilities = array![[0.9, 0.1], [0.4, 0.6]];
    /// let predictions = Predictions::from_ndarray(vec![0, 0], probabilities.view())?;
    /// assert_eq!(predictions.confusion().to_ndarray(), array![[1.0, 1.0], [0.0, 0.0]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_ndarray(targets: Vec<usize>, probabilities: ArrayView2<f64>) -> Result<Self> {
        let flat = probabilities.iter().copied().collect();
        Self::from_flat(targets, flat, probabilities.ncols())
    }

    /// Probabilities `[n, k]` as a view; `None` if only the predicted classes are known (feature `ndarray`).
    pub fn as_ndarray(&self) -> Option<ArrayView2<'_, f64>> {
        let shape = (self.len(), self.classes().len());
        ArrayView2::from_shape(shape, self.probabilities()?).ok()
    }
}

impl ConfusionMatrix {
    /// The counts `[target, predicted]` as an array (feature `ndarray`).
    pub fn to_ndarray(&self) -> Array2<f64> {
        let shape = (self.classes(), self.classes());
        Array2::from_shape_fn(shape, |(target, predicted)| self[target][predicted])
    }
}
