use std::io::Write;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;

use super::columns::file_and_class;
use crate::arrays::embedding_column;
use crate::embeddings::Embeddings;

/// Writes parts as row groups.
pub(super) struct RowGroups<'a, 'w> {
    to: &'w mut dyn Write,
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    classes: &'a [String],
}

impl<'a, 'w> RowGroups<'a, 'w> {
    pub(super) fn new(to: &'w mut dyn Write, classes: &'a [String], dim: usize) -> Result<Self> {
        let floats = Arc::new(Field::new_list_field(DataType::Float32, false));
        let embedding = DataType::FixedSizeList(floats, dim as i32);
        let schema = Arc::new(Schema::new(vec![
            Field::new("file", DataType::Utf8, false),
            Field::new("class", DataType::Utf8, false),
            Field::new("embedding", embedding, false),
        ]));
        let properties = WriterProperties::builder()
            // Hardly a float comes twice.
            .set_column_dictionary_enabled("embedding.list.item".into(), false)
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
        Ok(Self {
            to,
            writer,
            schema,
            classes,
        })
    }

    /// Writes a part; `from` is the number of its first row.
    pub(super) fn write(&mut self, set: &Embeddings, from: usize) -> Result<()> {
        self.writer.write(&self.batch(set, from)?)?;
        self.writer.flush()?;
        // What is finished leaves the memory. The writer counts the bytes by itself.
        let finished = std::mem::take(self.writer.inner_mut());
        Ok(self.to.write_all(&finished)?)
    }

    pub(super) fn finish(self) -> Result<()> {
        Ok(self.to.write_all(&self.writer.into_inner()?)?)
    }

    fn batch(&self, set: &Embeddings, from: usize) -> Result<RecordBatch, ArrowError> {
        let (files, classes): (Vec<_>, Vec<_>) = file_and_class(set, self.classes, from)
            .map(|[file, class]| (file, class))
            .unzip();
        let text = |column: &[std::borrow::Cow<'_, str>]| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(column))
        };
        let columns: Vec<Arc<dyn Array>> = vec![
            text(&files),
            text(&classes),
            Arc::new(embedding_column(set)?),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}
