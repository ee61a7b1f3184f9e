use ndarray::ArrayView2;

use crate::embeddings::Embeddings;
use crate::error::Result;

impl Embeddings {
    /// Makes embeddings from an array `[n, dim]`, as [`Embeddings::new`] does (feature `ndarray`).
    ///
    /// # Errors
    /// As [`Embeddings::new`].
    ///
    /// ```
    /// use ndarray::array;
    /// use transfer::Embeddings;
    ///
    /// # fn main() -> transfer::Result<()> {
    /// let values = array![[1.0, 2.0], [3.0, 4.0]];
    /// let embeddings = Embeddings::from_ndarray(values.view(), vec![0, 1])?;
    /// assert_eq!(embeddings.as_ndarray(), values);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_ndarray(values: ArrayView2<'_, f32>, targets: Vec<usize>) -> Result<Self> {
        Self::new(values.iter().copied().collect(), values.ncols(), targets)
    }

    /// The embeddings `[n, dim]` as a view (feature `ndarray`).
    #[allow(clippy::missing_panics_doc)] // It cannot panic.
    pub fn as_ndarray(&self) -> ArrayView2<'_, f32> {
        let shape = (self.len(), self.dim());
        ArrayView2::from_shape(shape, self.values()).expect("as many values as `new` has checked")
    }
}
