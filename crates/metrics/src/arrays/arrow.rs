use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, FixedSizeListArray, Float64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::confusion::ConfusionMatrix;
use crate::error::{Error, Result};
use crate::predictions::Predictions;

impl Predictions {
    /// The samples as a record batch of Apache Arrow (feature `arrow`).
    ///
    /// The columns are `target` and `predicted` (`UInt64`, class indices) and, if they are known, `probabilities`
    /// (`FixedSizeList<Float64>`, one value for each class), `weight` (`Float64`) and `file` (`Utf8`). The metadata of
    /// the schema holds the class names under the key `classes`, as a JSON list.
    ///
    /// # Errors
    /// If Arrow refuses the columns.
    ///
    /// ```
    /// # use metrics::Predictions;
    /// # fn main() -> Result<(), metrics::Error> {
    /// let predictions = Predictions::new(vec![0, 1], vec![vec![0.9, 0.1], vec![0.4, 0.6]])?;
    /// let batch = predictions.to_record_batch()?;
    /// assert_eq!((batch.num_rows(), batch.num_columns()), (2, 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_record_batch(&self) -> Result<RecordBatch> {
        let indices = |classes: &[usize]| -> ArrayRef {
            let classes = classes.iter().map(|&class| class as u64);
            Arc::new(UInt64Array::from_iter_values(classes))
        };
        let mut columns = vec![
            ("target", indices(self.targets())),
            ("predicted", indices(self.predicted())),
        ];
        if let Some(probabilities) = self.probabilities() {
            let rows = rows(probabilities, self.classes().len()).map_err(refused)?;
            columns.push(("probabilities", Arc::new(rows)));
        }
        if let Some(weights) = self.weights() {
            columns.push(("weight", Arc::new(Float64Array::from(weights.to_vec()))));
        }
        if let Some(files) = self.files() {
            let files = files.iter().map(String::as_str);
            columns.push(("file", Arc::new(StringArray::from_iter_values(files))));
        }
        let field =
            |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), false);
        let fields: Vec<Field> = columns.iter().map(field).collect();
        let classes = serde_json::Value::from(self.classes()).to_string();
        let metadata = HashMap::from([("classes".to_string(), classes)]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(schema, arrays).map_err(refused)
    }
}

impl ConfusionMatrix {
    /// The counts as an array of Apache Arrow: one `FixedSizeList<Float64>` for each target class (feature `arrow`).
    ///
    /// # Errors
    /// If Arrow refuses the values.
    pub fn to_arrow(&self) -> Result<FixedSizeListArray> {
        rows(&self.to_vec(), self.classes()).map_err(refused)
    }
}

fn rows(values: &[f64], columns: usize) -> Result<FixedSizeListArray, ArrowError> {
    let field = Arc::new(Field::new_list_field(DataType::Float64, false));
    let values = Arc::new(Float64Array::from(values.to_vec()));
    FixedSizeListArray::try_new(field, columns as i32, values, None)
}

fn refused(source: ArrowError) -> Error {
    Error::Arrow {
        source: source.into(),
    }
}
