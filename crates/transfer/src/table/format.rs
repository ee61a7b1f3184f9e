use std::fmt;
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
        let error = "arff".parse::<TableFormat>().unwrap_err().to_string();
        assert!(error.contains("'arff'; expected npy"), "{error}");
        #[cfg(not(feature = "parquet"))]
        {
            let error = "parquet".parse::<TableFormat>().unwrap_err().to_string();
            assert!(error.contains("--features parquet"), "{error}");
        }
    }
}
