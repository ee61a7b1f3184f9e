use ndarray::{ArrayView2, ShapeError};

use crate::embeddings::Embeddings;
use crate::error::Result;

impl Embeddings {
    /// Makes embeddings from an array `[n, dim]`, as [`Embeddings::new`] does (feature `ndarray`).
    ///
    /// # Errors
    /// The errors of [`Embeddings::new`].
    ///
    /// ```
    /// use ndarray::array;
    /// use transfer::Embeddings;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let values = array![[1.0, 2.0], [3.0, 4.0]];
    /// let embeddings = Embeddings::from_ndarray(values.view(), vec![0, 1])?;
    /// assert_eq!(embeddings.as_ndarray()?, values);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_ndarray(values: ArrayView2<'_, f32>, targets: Vec<usize>) -> Result<Self> {
        Self::new(values.iter().copied().collect(), values.ncols(), targets)
    }

    /// The embeddings `[n, dim]` as a view (feature `ndarray`).
    ///
    /// # Errors
    /// If `ndarray` refuses the shape. It accepts every shape that [`Embeddings::new`] accepts.
    pub fn as_ndarray(&self) -> Result<ArrayView2<'_, f32>, ShapeError> {
        ArrayView2::from_shape((self.len(), self.dim()), self.values())
    }
}
