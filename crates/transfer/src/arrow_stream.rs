//! Embeddings for other programs, batch by batch through pipes: Apache Arrow's stream format in and out.
//!
//! An engine that distributes tables over machines (Spark, Ray, Daft, Dask, Flink) starts a program that calls
//! [`Backbone::embed_stream`] and passes record batches through it. What needs to be known of a picture travels in the
//! other columns.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeListArray, Float32Array,
    LargeBinaryArray, RecordBatch, StringArray,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::backbone::Backbone;
use crate::error::{Error, Result};

/// The column of the bytes of images.
const IMAGE: &str = "image";
/// The columns that are added.
const ADDED: [&str; 2] = ["embedding", "error"];
/// The key of the schema's metadata with the [recipe](Backbone::recipe).
const RECIPE: &str = "recipe";
/// Images whose pixels are in memory at once.
const AT_ONCE: usize = 64;

/// What went through [`Backbone::embed_stream`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Rows.
    pub rows: usize,
    /// Rows with an error.
    pub failed: usize,
}

impl Backbone {
    /// Reads a stream of record batches with a column `image` (binary: the bytes of image files), and writes a stream of
    /// the same rows without that column, and with `embedding` (`FixedSizeList<Float32>`) and `error` (`Utf8`). Where
    /// there is an error, the embedding is zeros. Each batch is written before the next one is read. The metadata of the
    /// schema has the [recipe](Self::recipe) in hexadecimal.
    ///
    /// # Errors
    /// [`Error::Arrow`] if the input is not a stream, is cut off, has no column `image` of bytes or has a column with the
    /// name of one that is added, or if the output cannot be written. An image that cannot be used is not an error.
    pub fn embed_stream(&self, input: impl Read, output: impl Write) -> Result<StreamCounts> {
        self.embed_batches(input, output)
            .map_err(|error| Error::Arrow {
                source: error.into(),
            })
    }

    fn embed_batches(
        &self,
        input: impl Read,
        output: impl Write,
    ) -> Result<StreamCounts, ArrowError> {
        let batches = StreamReader::try_new(input, None)?;
        let (image, schema) = self.stream_schema(&batches.schema())?;
        let mut writer = StreamWriter::try_new(output, &schema)?;
        let mut counts = StreamCounts::default();
        for batch in batches {
            let mut batch = batch?;
            let images = batch.remove_column(image);
            let (vectors, errors) = self.stream_columns(&bytes(&images)?)?;
            counts.rows += batch.num_rows();
            counts.failed += errors.len() - errors.null_count();
            let mut columns = batch.columns().to_vec();
            columns.extend([Arc::new(vectors) as ArrayRef, Arc::new(errors)]);
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
            // The other side may wait for this batch before it sends the next one.
            writer.flush()?;
        }
        writer.finish()?;
        Ok(counts)
    }

    /// The index of the column of images, and the schema of the output.
    fn stream_schema(&self, schema: &Schema) -> Result<(usize, SchemaRef), ArrowError> {
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let Some(image) = names.iter().position(|name| *name == IMAGE) else {
            let message = format!(
                "the stream has no column `{IMAGE}`, but {}",
                names.join(", ")
            );
            return Err(ArrowError::SchemaError(message));
        };
        if let Some(taken) = ADDED.iter().find(|name| names.contains(name)) {
            let message =
                format!("the stream has a column `{taken}`, which would be added: rename it");
            return Err(ArrowError::SchemaError(message));
        }
        let mut fields = schema.fields().to_vec();
        fields.remove(image);
        let vectors = DataType::FixedSizeList(item(), self.dim() as i32);
        fields.push(Arc::new(Field::new(ADDED[0], vectors, false)));
        fields.push(Arc::new(Field::new(ADDED[1], DataType::Utf8, true)));
        let mut metadata = schema.metadata().clone();
        metadata.insert(RECIPE.to_string(), files::hex(&self.recipe()));
        Ok((image, Arc::new(Schema::new_with_metadata(fields, metadata))))
    }

    fn stream_columns(
        &self,
        images: &[Option<&[u8]>],
    ) -> Result<(FixedSizeListArray, StringArray), ArrowError> {
        let mut values = Vec::with_capacity(images.len() * self.dim());
        let mut errors = Vec::with_capacity(images.len());
        for some in images.chunks(AT_ONCE) {
            let present: Vec<&[u8]> = some.iter().flatten().copied().collect();
            let mut rows = self.embed_bytes(&present).into_iter();
            for image in some {
                let error = match image.and_then(|_| rows.next()) {
                    Some(Ok(row)) => {
                        values.extend(row);
                        None
                    }
                    Some(Err(error)) => Some(error.to_string()),
                    None => Some("there is no image: the value is null".to_string()),
                };
                if error.is_some() {
                    values.resize(values.len() + self.dim(), 0.0);
                }
                errors.push(error);
            }
        }
        let values = Arc::new(Float32Array::from(values));
        let vectors = FixedSizeListArray::try_new(item(), self.dim() as i32, values, None)?;
        Ok((vectors, StringArray::from(errors)))
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Float32, false))
}

/// The bytes of each row of a column.
fn bytes(column: &ArrayRef) -> Result<Vec<Option<&[u8]>>, ArrowError> {
    let any = column.as_any();
    if let Some(column) = any.downcast_ref::<BinaryArray>() {
        return Ok(column.iter().collect());
    }
    if let Some(column) = any.downcast_ref::<LargeBinaryArray>() {
        return Ok(column.iter().collect());
    }
    if let Some(column) = any.downcast_ref::<BinaryViewArray>() {
        return Ok(column.iter().collect());
    }
    let found = column.data_type();
    let message =
        format!("the column `{IMAGE}` holds {found}; expected the bytes of images (binary)");
    Err(ArrowError::SchemaError(message))
}
