use std::collections::{HashMap, HashSet};
use std::io::Read;

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use crate::checks::{check_classes, check_distinct};
use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Block, Blocks, RecordEnds};
use crate::formats::columns::{Class, Layout, Sample, unreadable};
use crate::predictions::Predictions;

/// Names of columns that are not classes.
const FIXED: [&str; 4] = ["target", "weight", "file", "predicted"];

impl Predictions {
    /// Reads CSV with a header: a column `target` (index or name of a class), one column of probabilities for each
    /// class, named like the class, and optionally `weight`, `file` and `predicted`.
    ///
    /// Without `classes`, every other column is a class, in the order of the file. With `classes`, the classes have
    /// that order, and a column of any other name is an error. Two columns of the same name are always an error. If no
    /// column is named like a class, both the column `predicted` and `classes` must be given. If a file has both
    /// probabilities and `predicted`, `predicted` must be the most probable class. A byte-order mark at the start is
    /// ignored.
    ///
    /// The text is read in blocks of about 1 MiB; several blocks are parsed in parallel.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`Predictions`] fails; the error names
    /// the line.
    pub fn from_csv(reader: impl Read, classes: Option<&[String]>) -> Result<Self> {
        let mut blocks = Blocks::new(reader, RecordEnds::csv()).map_err(unreadable)?;
        let header = match blocks.peek().map_err(unreadable)? {
            Some(first) => {
                let header = table(first).headers().cloned();
                header.map_err(|error| Lines::of(first).error(error))?
            }
            None => StringRecord::new(),
        };
        let header = Header::new(header, classes)?;
        header.layout()?.read(blocks, |layout, block, columns| {
            let (mut reader, mut lines) = (table(block), Lines::of(block));
            let mut record = StringRecord::new();
            while reader
                .read_record(&mut record)
                .map_err(|error| lines.error(error))?
            {
                let place = lines.place(record.position());
                columns.push(layout, place, header.sample(layout, place, &record)?)?;
            }
            Ok(())
        })
    }
}

/// The records of a block. The first block of a text starts with the header.
fn table(block: &Block) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .trim(Trim::All)
        .flexible(true) // `Header::sample` counts the columns, also across blocks.
        .has_headers(block.line == 1)
        .from_reader(&block.text)
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
        let mut positions: HashMap<&str, usize> = HashMap::with_capacity(columns.len());
        let mut twice = None;
        for (position, name) in columns.iter().enumerate() {
            if positions.insert(name, position).is_some() {
                twice = twice.or(Some(name));
            }
        }
        let column = |name: &str| positions.get(name).copied();
        let found: Vec<String> = columns
            .iter()
            .filter(|name| !FIXED.contains(name))
            .map(str::to_string)
            .collect();
        check_classes(found.len().max(1))?;
        check_distinct(&found)?;
        let place = Place::Line(1);
        if let Some(name) = twice {
            return Err(Error::Parse {
                place,
                reason: format!("column `{name}` is given twice; names must differ"),
            });
        }
        let classes = classes.map_or_else(|| found.clone(), <[String]>::to_vec);
        let known: HashSet<&String> = classes.iter().collect();
        if let Some(name) = found.iter().find(|name| !known.contains(name)) {
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

    fn layout(&self) -> Result<Layout> {
        check_classes(self.classes.len())?;
        let (weight, file) = (self.weight.is_some(), self.file.is_some());
        Layout::of_columns(&self.classes, self.probabilities.is_some(), weight, file)
    }

    fn sample(&self, layout: &Layout, place: Place, record: &StringRecord) -> Result<Sample> {
        if record.len() != self.columns.len() {
            let (expected, found) = (self.columns.len(), record.len());
            return Err(Error::Parse {
                place,
                reason: format!("expected {expected} columns, found {found}"),
            });
        }
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
            match layout.index(text).or_else(|| text.parse().ok()) {
                Some(index) => Class::Index(index),
                None => Class::Name(text.to_string()),
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

/// Counts the lines of a block that is read from front to back. The line number of the CSV reader is that of the end of
/// the record before, so it does not count empty lines and the second half of `\r\n` that follow.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(block: &'a Block) -> Self {
        Self {
            text: &block.text,
            at: 0,
            line: block.line,
        }
    }

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
