use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::csv::Lines;
use super::format::TableFormat;
use super::npy::write_values;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

/// A table of embeddings that is written part by part, so that it does not have to fit in memory.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::table::{EmbeddingTable, TableFormat};
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path().join("embeddings.csv");
/// let set = transfer::Embeddings::new(vec![0.0, 1.0, 2.0, 0.1], 2, vec![0, 1])?
///     .with_names(vec!["boat/1.jpg".into(), "cloud/2.jpg".into()])?;
/// EmbeddingTable::new(2, 2)
///     .with_classes(vec!["boat".into(), "cloud".into()])
///     .write(TableFormat::Csv, &path, [Ok(set)])?;
/// let text = std::fs::read_to_string(&path).expect("the table");
/// assert_eq!(text, "file,class,e0,e1\nboat/1.jpg,boat,0,1\ncloud/2.jpg,cloud,2,0.1\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddingTable {
    rows: usize,
    dim: usize,
    classes: Vec<String>,
}

impl EmbeddingTable {
    /// A table of `rows` embeddings, each of `dim` numbers.
    pub fn new(rows: usize, dim: usize) -> Self {
        Self {
            rows,
            dim,
            classes: Vec::new(),
        }
    }

    /// The names of the classes, in the order of their indices. By default there are none, and the table has the
    /// indices.
    pub fn with_classes(mut self, classes: Vec<String>) -> Self {
        self.classes = classes;
        self
    }

    /// The files that [`write`](Self::write) makes, in the order in which they appear.
    ///
    /// # Errors
    /// [`Error::Setting`] if an array has the ending of the file that is written beside it.
    pub fn files(format: TableFormat, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let output = output.as_ref();
        if format != TableFormat::Npy {
            return Ok(vec![output.into()]);
        }
        let names = output.with_extension("csv");
        if names == output {
            return Err(Error::setting(
                "the file of the array",
                files::shown_path(output),
                "an ending other than csv, which the file with the names has",
            ));
        }
        Ok(vec![names, output.into()])
    }

    /// Refuses to replace a file that nobody has named: the file with the names, where it is there already and the array
    /// is not. Where both are there, they are those of an earlier call.
    ///
    /// # Errors
    /// [`Error::Io`] if that is so; the errors of [`files`](Self::files).
    pub fn check(format: TableFormat, output: impl AsRef<Path>) -> Result<()> {
        let output = output.as_ref();
        let beside = Self::files(format, output)?;
        let mut beside = beside.iter().filter(|path| *path != output);
        match beside.find(|path| path.exists() && !output.exists()) {
            None => Ok(()),
            Some(path) => {
                let message = "the names of the rows are written there, but it is there already: choose another name for the array";
                Err(at(path)(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    message,
                )))
            }
        }
    }

    /// Writes the table; its rows are those of all parts in order. Each file appears under its name only when it is
    /// complete; the NumPy array appears after the CSV file with its names. Returns the paths of the files.
    ///
    /// # Errors
    /// The errors of [`check`](Self::check); the first error of `parts`; [`Error::Mismatch`] if the parts have
    /// another number of rows or another `dim`; [`Error::Io`] if a file cannot be written; [`Error::Arrow`] where
    /// Parquet refuses the columns.
    pub fn write(
        &self,
        format: TableFormat,
        output: impl AsRef<Path>,
        parts: impl IntoIterator<Item = Result<Embeddings>>,
    ) -> Result<Vec<PathBuf>> {
        let output = output.as_ref();
        Self::check(format, output)?;
        let paths = Self::files(format, output)?;
        whole(output, |file| match format {
            TableFormat::Npy => {
                let mut names = Vec::new();
                let mut lines = Lines::new(&mut names, &self.classes, None).map_err(at(output))?;
                let header = files::npy_header(&[self.rows, self.dim]);
                file.write_all(&header).map_err(at(output))?;
                self.each(parts, |part, from| {
                    lines.write(part, from).map_err(at(output))?;
                    write_values(file, part).map_err(at(output))
                })?;
                lines.finish().map_err(at(output))?;
                Ok(files::write_bytes(&paths[0], &names)?)
            }
            TableFormat::Csv => {
                let lines = Lines::new(file, &self.classes, Some(self.dim));
                let mut lines = lines.map_err(at(output))?;
                self.each(parts, |part, from| {
                    lines.write(part, from).map_err(at(output))
                })?;
                lines.finish().map_err(at(output))
            }
            #[cfg(feature = "parquet")]
            TableFormat::Parquet => {
                use parquet::errors::ParquetError;
                let refused = |error: ParquetError| match error {
                    // A full disk is no matter of columns.
                    ParquetError::External(source) => match source.downcast::<io::Error>() {
                        Ok(source) => at(output)(*source),
                        Err(source) => Error::Arrow { source },
                    },
                    error => Error::Arrow {
                        source: error.into(),
                    },
                };
                let groups = super::parquet::RowGroups::new(file, &self.classes, self.dim);
                let mut groups = groups.map_err(refused)?;
                self.each(parts, |part, from| {
                    groups.write(part, from).map_err(refused)
                })?;
                groups.finish().map_err(refused)
            }
        })?;
        Ok(paths)
    }

    /// Gives each part to `write`, with the number of its first row, and checks that they are what was announced.
    fn each(
        &self,
        parts: impl IntoIterator<Item = Result<Embeddings>>,
        mut write: impl FnMut(&Embeddings, usize) -> Result<()>,
    ) -> Result<()> {
        let mut rows = 0;
        for part in parts {
            let part = part?;
            if part.dim() != self.dim {
                let what = "length of an embedding in the table";
                return Err(Error::mismatch(what, self.dim, part.dim()));
            }
            write(&part, rows)?;
            rows += part.len();
        }
        if rows != self.rows {
            return Err(Error::mismatch("rows of the table", self.rows, rows));
        }
        Ok(())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::io(path)
}

/// Writes a file that appears only when `write` succeeds.
fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut outcome = Ok(());
    let written = files::write_whole(path, |file| {
        outcome = write(file);
        match outcome {
            Ok(()) => Ok(()),
            Err(_) => Err(io::Error::other("not whole")),
        }
    });
    outcome?;
    Ok(written?)
}
