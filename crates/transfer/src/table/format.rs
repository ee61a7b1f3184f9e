use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The format of a table of embeddings. The names on command lines, which `Display` and `FromStr` use, are `npy`, `csv` and
/// `parquet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// A NumPy array of 32-bit floats, `[images, dim]`. A CSV file beside it, with the ending `csv` instead of the
    /// array's, has the columns `file` and `class`: one line for each row of the array.
    Npy,
    /// The columns `file`, `class`, `e0`, `e1` and so on. The decimal numbers are exact: read as 32-bit floats, they are the
    /// same bits again.
    Csv,
    /// Apache Parquet (feature `parquet`) with the columns `file` and `class` (strings) and `embedding` (a list of `dim`
    /// 32-bit floats).
    #[cfg(feature = "parquet")]
    Parquet,
}

const FORMATS: &[(TableFormat, &str)] = &[
    (TableFormat::Npy, "npy"),
    (TableFormat::Csv, "csv"),
    #[cfg(feature = "parquet")]
    (TableFormat::Parquet, "parquet"),
];

#[cfg(feature = "parquet")]
const EXPECTED: &str = "npy, csv or parquet";
#[cfg(not(feature = "parquet"))]
const EXPECTED: &str =
    "npy or csv (parquet needs a program that was built with --features parquet)";

impl TableFormat {
    /// The format that the ending of a file names.
    ///
    /// # Errors
    /// [`Error::Setting`] if the file has no ending, or that of another format.
    pub fn of_path(path: impl AsRef<Path>) -> Result<Self> {
        let ending = path.as_ref().extension().unwrap_or_default();
        let ending = ending.to_string_lossy().to_lowercase();
        ending.parse().map_err(|_| {
            let shown = files::shown_path(path.as_ref());
            let expected = format!(
                "an ending that names the format, {EXPECTED}, or the format itself (--format)"
            );
            Error::setting("the file of the table", shown, expected)
        })
    }
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(format, _)| format == self);
        f.pad(found.map_or("", |(_, name)| name))
    }
}

impl FromStr for TableFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = FORMATS.iter().find(|(_, name)| *name == text);
        found
            .map(|&(format, _)| format)
            .ok_or_else(|| Error::setting("format of the table", format!("'{text}'"), EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for (format, name) in FORMATS {
            assert_eq!(format.to_string(), *name);
            assert_eq!(name.parse::<TableFormat>().unwrap(), *format);
        }
        assert_eq!(TableFormat::of_path("a/b.NPY").unwrap(), TableFormat::Npy);
        assert!(TableFormat::of_path("a.b/csv").is_err());
        let error = "arff".parse::<TableFormat>().unwrap_err().to_string();
        assert!(error.contains("'arff'; expected npy"), "{error}");
        #[cfg(not(feature = "parquet"))]
        {
            let error = "parquet".parse::<TableFormat>().unwrap_err().to_string();
            assert!(error.contains("--features parquet"), "{error}");
        }
    }
}
