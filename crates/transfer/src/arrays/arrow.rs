use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

impl Embeddings {
    /// The embeddings as a record batch of Apache Arrow (feature `arrow`).
    ///
    /// The columns are `embedding` (`FixedSizeList<Float32>`), `target` (`UInt64`, class indices) and, if names are
    /// known, `name` (`Utf8`).
    ///
    /// # Errors
    /// [`Error::Arrow`] if Arrow refuses the columns.
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// let embeddings = transfer::Embeddings::new(vec![1.0, 2.0, 3.0, 4.0], 2, vec![0, 1])?;
    /// let batch = embeddings.to_record_batch()?;
    /// assert_eq!((batch.num_rows(), batch.num_columns()), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_record_batch(&self) -> Result<RecordBatch> {
        self.record_batch().map_err(|error| Error::Arrow {
            source: error.into(),
        })
    }

    fn record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let rows = embedding_column(self)?;
        let targets = self.targets().iter().map(|&target| target as u64);
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("embedding", Arc::new(rows)),
            ("target", Arc::new(UInt64Array::from_iter_values(targets))),
        ];
        if !self.names().is_empty() {
            let names = self.names().iter().map(String::as_str);
            columns.push(("name", Arc::new(StringArray::from_iter_values(names))));
        }
        let field =
            |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), false);
        let fields: Vec<Field> = columns.iter().map(field).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// The embeddings as a column: `FixedSizeList<Float32>`.
pub(crate) fn embedding_column(set: &Embeddings) -> Result<FixedSizeListArray, ArrowError> {
    let field = Arc::new(Field::new_list_field(DataType::Float32, false));
    let values = Arc::new(Float32Array::from(set.values().to_vec()));
    FixedSizeListArray::try_new(field, set.dim() as i32, values, None)
}
