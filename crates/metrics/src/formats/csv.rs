use std::io::Read;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use crate::checks::check_classes;
use crate::error::{Error, Place, Result};
use crate::formats::columns::{Class, Columns, Sample};
use crate::predictions::Predictions;

/// Names of columns that are not classes.
const FIXED: [&str; 4] = ["target", "weight", "file", "predicted"];

impl Predictions {
    /// Reads CSV with a header: a column `target` (index or name of a class), one column of probabilities for each
    /// class, named like the class, and optionally `weight`, `file` and `predicted`.
    ///
    /// Without `classes`, all other columns are classes, in the order of the file. With `classes`, their order is that
    /// of `classes`, and a column of another name is an error. If no column is named like a class, the column
    /// `predicted` and `classes` must be given. Where both are given, `predicted` must be the most probable class.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`Predictions`] fails; the error names
    /// the line.
    pub fn from_csv(mut reader: impl Read, classes: Option<&[String]>) -> Result<Self> {
        let mut text = Vec::new();
        reader
            .read_to_end(&mut text)
            .map_err(|source| Error::Stream {
                what: "cannot read the predictions".to_string(),
                source,
            })?;
        let mut lines = Lines {
            text: &text,
            at: 0,
            line: 1,
        };
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(&text[..]);
        let header = reader
            .headers()
            .map_err(|error| lines.error(error))?
            .clone();
        let header = Header::new(header, classes)?;
        let mut columns = Columns::new(Some(&header.classes))?;
        for record in reader.records() {
            let record = record.map_err(|error| lines.error(error))?;
            let place = lines.place(record.position());
            columns.push(place, header.sample(place, &record)?)?;
        }
        columns.finish()
    }
}

/// What each column of the file holds.
struct Header {
    columns: StringRecord,
    classes: Vec<String>,
    target: usize,
    /// For each class its column; `None` where only predicted classes are given.
    probabilities: Option<Vec<usize>>,
    predicted: Option<usize>,
    weight: Option<usize>,
    file: Option<usize>,
}

impl Header {
    fn new(columns: StringRecord, classes: Option<&[String]>) -> Result<Self> {
        let column = |name: &str| columns.iter().position(|column| column == name);
        let found: Vec<String> = columns
            .iter()
            .filter(|name| !FIXED.contains(name))
            .map(str::to_string)
            .collect();
        check_classes(found.len().max(1))?;
        let classes = classes.map_or_else(|| found.clone(), <[String]>::to_vec);
        let place = Place::Line(1);
        if let Some(name) = found.iter().find(|name| !classes.contains(name)) {
            return Err(Error::ClassName {
                place,
                what: "a column",
                name: name.clone(),
                classes,
            });
        }
        let required = |name: &str| {
            column(name).ok_or_else(|| Error::Parse {
                place,
                reason: format!(
                    "expected a column `{name}`, found: {}",
                    columns.iter().collect::<Vec<_>>().join(", ")
                ),
            })
        };
        let target = required("target")?;
        let probabilities = if found.is_empty() {
            None
        } else {
            let found = classes.iter().map(|name| required(name));
            Some(found.collect::<Result<Vec<_>>>()?)
        };
        Ok(Self {
            target,
            probabilities,
            predicted: column("predicted"),
            weight: column("weight"),
            file: column("file"),
            classes,
            columns,
        })
    }

    fn sample(&self, place: Place, record: &StringRecord) -> Result<Sample> {
        let text = |column: usize| record.get(column).unwrap_or_default();
        let number = |column: usize| {
            let text = text(column);
            text.parse::<f64>().map_err(|_| Error::Parse {
                place,
                reason: format!(
                    "column `{}`: expected a number, found `{text}`",
                    self.columns.get(column).unwrap_or_default()
                ),
            })
        };
        // A class named "7" is that class; only text that names no class is read as an index.
        let class = |column: usize| {
            let text = text(column);
            let known = self.classes.iter().position(|name| name == text);
            match (known, text.parse()) {
                (Some(index), _) | (None, Ok(index)) => Class::Index(index),
                (None, Err(_)) => Class::Name(text.to_string()),
            }
        };
        let row = self.probabilities.as_ref();
        Ok(Sample {
            target: class(self.target),
            probabilities: row
                .map(|columns| columns.iter().map(|&column| number(column)).collect())
                .transpose()?,
            predicted: self.predicted.map(class),
            weight: self.weight.map(number).transpose()?,
            file: self.file.map(|column| text(column).to_string()),
        })
    }
}

/// Counts the lines of a text that is read from front to back. The line number of the CSV reader is that of the end of
/// the record before, so it does not count empty lines and the second half of `\r\n` that follow.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn place(&mut self, position: Option<&Position>) -> Place {
        let from = position.map_or(self.at, |position| position.byte() as usize);
        let from = from.clamp(self.at, self.text.len());
        let ends = self.text[from..].iter();
        let to = from + ends.take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = self.text[self.at..to].split(|&byte| byte == b'\n');
        self.line += passed.count() as u64 - 1;
        self.at = to;
        Place::Line(self.line)
    }

    fn error(&mut self, error: csv::Error) -> Error {
        let place = self.place(error.position());
        match error.kind() {
            ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => Error::Parse {
                place,
                reason: format!("expected {expected_len} columns, found {len}"),
            },
            ErrorKind::Utf8 { .. } => Error::Syntax {
                place,
                expected: "UTF-8",
                source: error.into(),
            },
            _ => Error::Syntax {
                place,
                expected: "CSV",
                source: error.into(),
            },
        }
    }
}
