use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// Formats of a file of predictions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PredictionsFormat {
    /// One JSON object for each line; file names end in `.jsonl` or `.json`.
    JsonLines,
    /// Comma-separated values with a header; file names end in `.csv`.
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
            "csv" => Some(Self::Csv),
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
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let reader = BufReader::new(file);
        match PredictionsFormat::from_path(path) {
            Some(PredictionsFormat::Csv) => Self::from_csv(reader, classes),
            _ => Self::from_json_lines(reader, classes),
        }
        .map_err(|source| Error::File {
            path: path.to_path_buf(),
            source: Box::new(source),
        })
    }
}
