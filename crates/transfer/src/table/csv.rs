use std::fmt::Write as _;
use std::io::{self, Write};

use super::columns::file_and_class;
use crate::embeddings::Embeddings;

/// Writes lines with `file` and `class`, and with the embeddings where they are asked for.
pub(super) struct Lines<'a, W: Write> {
    writer: csv::Writer<W>,
    classes: &'a [String],
    with_values: bool,
}

impl<'a, W: Write> Lines<'a, W> {
    /// Writes the header; with `dim`, the lines have the embeddings, too.
    pub(super) fn new(to: W, classes: &'a [String], dim: Option<usize>) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        let values = (0..dim.unwrap_or(0)).map(|column| format!("e{column}"));
        let names = ["file", "class"].map(String::from);
        writer.write_record(names.into_iter().chain(values))?;
        Ok(Self {
            writer,
            classes,
            with_values: dim.is_some(),
        })
    }

    /// Writes the rows of a part, the first of which has the number `from`.
    pub(super) fn write(&mut self, set: &Embeddings, from: usize) -> io::Result<()> {
        let rows = set.values().chunks_exact(set.dim());
        let mut number = String::new();
        for (names, values) in file_and_class(set, self.classes, from).zip(rows) {
            for name in &names {
                self.writer.write_field(name.as_ref())?;
            }
            for value in values.iter().filter(|_| self.with_values) {
                number.clear();
                // Writing into a string does not fail.
                let _ = write!(number, "{value}");
                self.writer.write_field(&number)?;
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// Hands the rest of the lines over.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
