use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::error::{Error, Result};
use crate::formats::reading::{Read, Reading};
use crate::predictions::Predictions;

/// Formats of a file of predictions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PredictionsFormat {
    /// One JSON object for each line; file names end in `.jsonl` or `.json`.
    JsonLines,
    /// Values with a header, separated by commas, semicolons or tabs; file names end in `.csv`, `.tsv` or `.txt`.
    Csv,
}

impl PredictionsFormat {
    /// The format for the ending of a file name, in upper or lower case; `None` for an unknown ending.
    ///
    /// ```
    /// use metrics::formats::PredictionsFormat;
    ///
    /// assert_eq!(PredictionsFormat::from_path("a.CSV"), Some(PredictionsFormat::Csv));
    /// assert_eq!(PredictionsFormat::from_path("boats.safetensors"), None);
    /// ```
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        let ending = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "jsonl" | "json" => Some(Self::JsonLines),
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            _ => None,
        }
    }
}

impl Predictions {
    /// Reads a file of predictions: as CSV if its name ends in `.csv`, otherwise as JSON lines.
    ///
    /// `classes` are the names of the classes in the order of the probabilities. Without them, CSV takes them from its
    /// header, and JSON lines numbers the classes.
    ///
    /// # Errors
    /// If the file cannot be read, and the errors of [`Predictions::from_csv`] and [`Predictions::from_json_lines`].
    /// The error names the file and the line.
    pub fn open(path: impl AsRef<Path>, classes: Option<&[String]>) -> Result<Self> {
        let reading = Reading::new().with_classes(classes.map(<[String]>::to_vec));
        Ok(reading.open(path)?.predictions)
    }
}

impl Reading {
    /// Reads a file of predictions: as CSV if its name ends in `.csv`, `.tsv` or `.txt`, otherwise as JSON lines.
    ///
    /// # Errors
    /// If the file cannot be read, or as [`Reading::csv`] and [`Reading::json_lines`]; the error names the file and the line.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Read> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let reader = BufReader::new(file);
        match PredictionsFormat::from_path(path) {
            Some(PredictionsFormat::Csv) => self.csv(reader),
            _ => self.json_lines(reader),
        }
        .map_err(|source| Error::File {
            path: path.to_path_buf(),
            source: Box::new(source),
        })
    }
}
