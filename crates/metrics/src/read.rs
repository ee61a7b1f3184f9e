//! Predictions that any tool wrote: JSON lines and CSV.

use std::io::{BufRead, Read};

use serde::Deserialize;

use crate::predictions::{
    argmax, check_class, check_classes, check_columns, check_distinct, check_probabilities,
    check_weight,
};
use crate::{Error, Place, Predictions, Result};

/// A class by index or by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Class {
    Index(usize),
    Name(String),
}

/// One sample as text files give it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    target: Class,
    probabilities: Option<Vec<f64>>,
    predicted: Option<Class>,
    weight: Option<f64>,
    file: Option<String>,
}

impl Predictions {
    /// From JSON lines, one object a sample:
    /// `{"target": 0, "probabilities": [0.9, 0.1], "weight": 1.0, "file": "a.jpg"}`.
    ///
    /// `target` is an index or a class name; `weight` and `file` are optional; instead of `probabilities`
    /// there may be `predicted` (index or name); beside them it must be the most probable class, at a tie the
    /// first. Empty lines are passed over. Without `classes` the number
    /// of columns is that of the first line, and names are the indices.
    ///
    /// # Errors
    /// Names the line that is not as said above, or whose numbers are not as [`Predictions`] demands.
    pub fn from_json_lines(reader: impl BufRead, classes: Option<&[String]>) -> Result<Self> {
        let mut columns = Columns::new(classes)?;
        for (index, line) in reader.lines().enumerate() {
            let place = Place::Line(index as u64 + 1);
            let line = line.map_err(|source| Error::Io {
                what: place.to_string(),
                source,
            })?;
            if line.trim().is_empty() {
                continue;
            }
            let sample: Sample = serde_json::from_str(&line).map_err(|error| Error::Parse {
                place,
                reason: format!(
                    "expected an object such as {{\"target\": 0, \"probabilities\": [0.9, 0.1]}}: {error}"
                ),
            })?;
            columns.push(place, sample)?;
        }
        columns.finish()
    }

    /// From CSV with a header: a column `target` (index or class name), one column of probabilities for
    /// each class, named by the class, and optionally `weight`, `file`, `predicted`.
    ///
    /// Without `classes` all other columns are classes, in the order of the file; with it, their order is
    /// that of `classes`, and a column that is no class is an error. Where no column names a class,
    /// `predicted` and `classes` must be given; beside probabilities `predicted` must be the most probable class.
    ///
    /// # Errors
    /// Names the line that is not as said above, or whose numbers are not as [`Predictions`] demands.
    pub fn from_csv(mut reader: impl Read, classes: Option<&[String]>) -> Result<Self> {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).map_err(|source| Error::Io {
            what: "the predictions".to_string(),
            source,
        })?;
        let mut lines = Lines {
            text: &text,
            at: 0,
            line: 1,
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(&text[..]);
        let header = reader
            .headers()
            .map_err(|error| lines.error(&error))?
            .clone();
        let column = |name: &str| header.iter().position(|column| column == name);
        let found: Vec<String> = header
            .iter()
            .filter(|name| !["target", "weight", "file", "predicted"].contains(name))
            .map(str::to_string)
            .collect();
        check_classes(found.len().max(1))?;
        let names = match classes {
            Some(classes) => classes.to_vec(),
            None => found.clone(),
        };
        if let Some(name) = found.iter().find(|name| !names.contains(name)) {
            return Err(Error::ClassName {
                place: Place::Line(1),
                what: "a column",
                name: name.clone(),
                classes: names,
            });
        }
        let missing = |name: &str| Error::Parse {
            place: Place::Line(1),
            reason: format!(
                "expected a column `{name}`, found: {}",
                header.iter().collect::<Vec<_>>().join(", ")
            ),
        };
        let target = column("target").ok_or_else(|| missing("target"))?;
        let (weight, file, predicted) = (column("weight"), column("file"), column("predicted"));
        let of_classes = if found.is_empty() {
            None
        } else {
            let found = names
                .iter()
                .map(|name| column(name).ok_or_else(|| missing(name)));
            Some(found.collect::<Result<Vec<_>>>()?)
        };

        let mut columns = Columns::new(Some(&names))?;
        for record in reader.records() {
            let record = record.map_err(|error| lines.error(&error))?;
            let place = lines.place(record.position());
            let number = |column: usize| {
                let text = record.get(column).unwrap_or_default();
                text.parse::<f64>().map_err(|_| Error::Parse {
                    place,
                    reason: format!(
                        "column `{}`: expected a number, found `{text}`",
                        header.get(column).unwrap_or_default()
                    ),
                })
            };
            // A class called "7" is that class; only what names no class is read as an index.
            let class = |column: usize| {
                let text = record.get(column).unwrap_or_default();
                match (names.iter().position(|name| name == text), text.parse()) {
                    (Some(index), _) | (None, Ok(index)) => Class::Index(index),
                    (None, Err(_)) => Class::Name(text.to_string()),
                }
            };
            columns.push(
                place,
                Sample {
                    target: class(target),
                    probabilities: of_classes
                        .as_ref()
                        .map(|columns| columns.iter().map(|&column| number(column)).collect())
                        .transpose()?,
                    predicted: predicted.map(class),
                    weight: weight.map(number).transpose()?,
                    file: file
                        .and_then(|column| record.get(column))
                        .map(str::to_string),
                },
            )?;
        }
        columns.finish()
    }
}

/// Lines of a text that is read from front to back. The reader's own count is of where the record before ends: ahead of
/// empty lines, and of the second half of `\r\n`.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn place(&mut self, position: Option<&csv::Position>) -> Place {
        let from = position.map_or(self.at, |position| position.byte() as usize);
        let from = from.clamp(self.at, self.text.len());
        let ends = self.text[from..].iter();
        let to = from + ends.take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = self.text[self.at..to].split(|&byte| byte == b'\n');
        self.line += passed.count() as u64 - 1;
        self.at = to;
        Place::Line(self.line)
    }

    fn error(&mut self, error: &csv::Error) -> Error {
        let reason = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => format!("expected {expected_len} columns, found {len}"),
            csv::ErrorKind::Utf8 { err, .. } => format!("not UTF-8: {err}"),
            _ => error.to_string(),
        };
        Error::Parse {
            place: self.place(error.position()),
            reason,
        }
    }
}

/// Samples read so far, each checked where its line is still known.
struct Columns {
    names: Option<Vec<String>>,
    classes: usize,
    targets: Vec<usize>,
    predicted: Vec<usize>,
    probabilities: Vec<f64>,
    weights: Vec<f64>,
    files: Vec<String>,
}

impl Columns {
    fn new(names: Option<&[String]>) -> Result<Self> {
        if let Some(names) = names {
            check_classes(names.len())?;
            check_distinct(names)?;
        }
        Ok(Self {
            names: names.map(<[String]>::to_vec),
            classes: names.map_or(0, <[String]>::len),
            targets: Vec::new(),
            predicted: Vec::new(),
            probabilities: Vec::new(),
            weights: Vec::new(),
            files: Vec::new(),
        })
    }

    fn push(&mut self, place: Place, sample: Sample) -> Result<()> {
        if self.names.is_none() && self.targets.is_empty() {
            self.classes = sample.probabilities.as_ref().map_or(0, Vec::len);
            if self.classes == 0 {
                return Err(Error::Parse {
                    place,
                    reason: "without probabilities the classes must be given by name".to_string(),
                });
            }
            check_classes(self.classes)?;
        }
        let before = self.targets.len();
        self.targets
            .push(self.class(place, "the target", sample.target)?);
        let said = sample.predicted;
        let said = said.map(|class| self.class(place, "the prediction", class));
        match (sample.probabilities, said.transpose()?) {
            (Some(row), said) => {
                check_columns(place, self.classes, row.len())?;
                check_probabilities(place, &row)?;
                let best = argmax(&row);
                if let Some(said) = said.filter(|&said| said != best) {
                    return Err(Error::Parse {
                        place,
                        reason: format!(
                            "the prediction is class {said}, but the most probable one (at a tie the first) is \
                             class {best}; leave out `predicted`, or the probabilities"
                        ),
                    });
                }
                self.probabilities.extend(row);
            }
            (None, Some(class)) => self.predicted.push(class),
            (None, None) => {
                return Err(Error::Parse {
                    place,
                    reason: "expected `probabilities` or `predicted`, found neither".to_string(),
                });
            }
        }
        if !self.probabilities.is_empty() && !self.predicted.is_empty() {
            return Err(Error::Uneven {
                place,
                column: "probabilities",
            });
        }
        if let Some(weight) = sample.weight {
            check_weight(place, weight)?;
        }
        even(place, "weight", &mut self.weights, sample.weight, before)?;
        even(place, "file", &mut self.files, sample.file, before)
    }

    fn class(&self, place: Place, what: &'static str, class: Class) -> Result<usize> {
        match class {
            Class::Index(index) => check_class(place, what, index, self.classes).map(|()| index),
            Class::Name(name) => {
                let names = self.names.as_deref().unwrap_or_default();
                names
                    .iter()
                    .position(|known| *known == name)
                    .ok_or_else(|| Error::ClassName {
                        place,
                        what,
                        name,
                        classes: names.to_vec(),
                    })
            }
        }
    }

    fn finish(self) -> Result<Predictions> {
        if self.targets.is_empty() {
            return Err(Error::Empty);
        }
        let mut predictions = if self.predicted.is_empty() {
            Predictions::from_flat(self.targets, self.probabilities, self.classes)?
        } else {
            Predictions::from_classes(self.targets, self.predicted, self.classes)?
        };
        if let Some(names) = self.names {
            predictions = predictions.with_classes(names)?;
        }
        if !self.weights.is_empty() {
            predictions = predictions.with_weights(self.weights)?;
        }
        if !self.files.is_empty() {
            predictions = predictions.with_files(self.files)?;
        }
        Ok(predictions)
    }
}

/// Appends to an optional column: what the first sample has, all must have.
fn even<T>(
    place: Place,
    column: &'static str,
    values: &mut Vec<T>,
    value: Option<T>,
    before: usize,
) -> Result<()> {
    if before > 0 && value.is_some() == values.is_empty() {
        return Err(Error::Uneven { place, column });
    }
    values.extend(value);
    Ok(())
}
