use std::io::{Cursor, Read, Write};

use csv::{StringRecord, Writer};

use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Blocks, RecordEnds};
use crate::formats::columns::unreadable;
use crate::formats::csv::{FIRST_LINE, Lines, records, separator, table};
use crate::formats::multilabel::Columns;
use crate::multilabel::{MultilabelPredictions, check_labels, check_names};

/// What the names of the columns start with, before the name of the label. The first of each is written.
const TARGET: [&str; 2] = ["target_", "true_"];
const PROBABILITY: [&str; 2] = ["probability_", "prob_"];

impl MultilabelPredictions {
    /// Reads CSV with a header: for each label a column `target_` and its name with 1 or 0 (or `true` or `false`), and a
    /// column `probability_` and its name with a probability; optionally `weight` and `file`. `true_` and `prob_` are
    /// understood, too. The columns may be separated by commas, semicolons or tabs, and may be in any order.
    ///
    /// The labels are in the order of `labels`, or else of their columns `target_`. Other columns are errors that name them.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`MultilabelPredictions`] fails; the error
    /// names the line.
    ///
    /// ```
    /// # use metrics::MultilabelPredictions;
    /// # fn main() -> Result<(), metrics::Error> {
    /// let text = "file,target_boat,target_gull,probability_boat,probability_gull\na.jpg,1,0,0.9,0.2\n";
    /// let predictions = MultilabelPredictions::from_csv(text.as_bytes(), None)?;
    /// assert_eq!(predictions.labels(), ["boat", "gull"]);
    /// assert_eq!(predictions.targets(), [true, false]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_csv(mut reader: impl Read, labels: Option<&[String]>) -> Result<Self> {
        let mut start = Vec::new();
        let first = reader.by_ref().take(FIRST_LINE);
        { first }.read_to_end(&mut start).map_err(unreadable)?;
        let separator = separator(&start);
        let text = Cursor::new(start).chain(reader);
        let mut blocks = Blocks::new(text, RecordEnds::csv(separator)).map_err(unreadable)?;
        let names = match blocks.peek().map_err(unreadable)? {
            None => return Err(Error::Empty),
            Some(block) => table(block, separator)
                .headers()
                .cloned()
                .map_err(|error| Lines::of(block).error(error))?,
        };
        let header = Header::new(names, labels)?;
        let mut columns = Columns::default();
        loop {
            let some = blocks.take(1).map_err(unreadable)?;
            let Some(block) = some.first() else {
                return columns.finish(header.labels.len(), Some(&header.labels));
            };
            records(block, separator, |place, record| {
                header.push(&mut columns, place, record)
            })?;
        }
    }

    /// Writes CSV as [`MultilabelPredictions::from_csv`] reads it, with commas. The thresholds are not written.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write_csv(&self, writer: impl Write) -> Result<()> {
        let failed = |source| Error::Stream {
            what: "cannot write the predictions".to_string(),
            source,
        };
        let mut writer = Writer::from_writer(writer);
        let of = |prefix: &'static str| {
            self.labels()
                .iter()
                .map(move |name| [prefix, name].concat())
        };
        let optional = [
            ("file", self.files().is_some()),
            ("weight", self.weights().is_some()),
        ];
        let optional = optional.iter().filter(|(_, given)| *given);
        let header = optional.map(|(name, _)| (*name).to_string());
        let header: Vec<String> = header
            .chain(of(TARGET[0]))
            .chain(of(PROBABILITY[0]))
            .collect();
        writer
            .write_record(&header)
            .map_err(|error| failed(error.into()))?;
        let l = self.labels().len();
        for sample in 0..self.len() {
            let own = sample * l..(sample + 1) * l;
            let file = self.files().map(|files| files[sample].clone());
            let weight = self.weights().map(|weights| weights[sample].to_string());
            let targets = self.targets()[own.clone()].iter();
            let targets = targets.map(|&target| u8::from(target).to_string());
            let values = self.probabilities()[own].iter().map(ToString::to_string);
            let record = file.into_iter().chain(weight).chain(targets).chain(values);
            writer
                .write_record(record)
                .map_err(|error| failed(error.into()))?;
        }
        writer.flush().map_err(failed)
    }
}

/// What each column of the file holds.
struct Header {
    columns: StringRecord,
    labels: Vec<String>,
    /// For each label its column of targets and of probabilities.
    of_labels: Vec<(usize, usize)>,
    weight: Option<usize>,
    file: Option<usize>,
}

impl Header {
    fn new(columns: StringRecord, labels: Option<&[String]>) -> Result<Self> {
        let wrong = |reason| Error::Parse {
            place: Place::Line(1),
            reason,
        };
        let (mut weight, mut file) = (None, None);
        let (mut targets, mut probabilities) = (Vec::new(), Vec::new());
        for (at, name) in columns.iter().enumerate() {
            let after = |prefixes: &[&str]| {
                let mut rest = prefixes
                    .iter()
                    .filter_map(|prefix| name.strip_prefix(prefix));
                rest.next().map(|label| (label.to_string(), at))
            };
            let before = match name {
                "weight" => weight.replace(at).is_some(),
                "file" => file.replace(at).is_some(),
                _ => {
                    let (all, found) = match (after(&TARGET), after(&PROBABILITY)) {
                        (Some(found), _) => (&mut targets, found),
                        (_, Some(found)) => (&mut probabilities, found),
                        _ => {
                            return Err(wrong(format!(
                                "column `{name}` is none of file, weight, target_LABEL and probability_LABEL; leave it out \
                                 or name it so"
                            )));
                        }
                    };
                    let twice = all.iter().any(|(label, _)| *label == found.0);
                    all.push(found);
                    twice
                }
            };
            if before {
                return Err(wrong(format!("column `{name}` is given twice")));
            }
        }
        let labels: Vec<String> = match labels {
            Some(labels) => labels.to_vec(),
            None => targets.iter().map(|(label, _)| label.clone()).collect(),
        };
        check_labels(labels.len())?;
        check_names(&labels)?;
        for (prefix, found) in [(TARGET[0], &targets), (PROBABILITY[0], &probabilities)] {
            if let Some((label, _)) = found.iter().find(|(label, _)| !labels.contains(label)) {
                return Err(wrong(format!(
                    "column `{prefix}{label}`: `{label}` is not among the labels: {}",
                    labels.join(", ")
                )));
            }
        }
        let find = |prefix: &str, found: &[(String, usize)], label: &String| {
            let column = found.iter().find(|(name, _)| name == label);
            let missing = || wrong(format!("expected a column `{prefix}{label}`"));
            column.map(|(_, at)| *at).ok_or_else(missing)
        };
        let of_label = |label: &String| {
            let target = find(TARGET[0], &targets, label)?;
            Ok((target, find(PROBABILITY[0], &probabilities, label)?))
        };
        Ok(Self {
            of_labels: labels.iter().map(of_label).collect::<Result<_>>()?,
            columns,
            labels,
            weight,
            file,
        })
    }

    fn push(&self, columns: &mut Columns, place: Place, record: &StringRecord) -> Result<()> {
        if record.len() != self.columns.len() {
            let (expected, found) = (self.columns.len(), record.len());
            let reason = format!("expected {expected} columns, found {found}");
            return Err(Error::Parse { place, reason });
        }
        let wrong = |at: usize, expected: &str| Error::Parse {
            place,
            reason: format!(
                "column `{}`: expected {expected}, found `{}`",
                &self.columns[at], &record[at]
            ),
        };
        let number = |at: usize| record[at].parse::<f64>().map_err(|_| wrong(at, "a number"));
        let (mut targets, mut probabilities) = (Vec::new(), Vec::new());
        for &(target, probability) in &self.of_labels {
            targets.push(match record[target].to_ascii_lowercase().as_str() {
                "1" | "1.0" | "true" => true,
                "0" | "0.0" | "false" => false,
                _ => return Err(wrong(target, "1 or 0")),
            });
            probabilities.push(number(probability)?);
        }
        let weight = self.weight.map(number).transpose()?;
        let file = self.file.map(|at| record[at].to_string());
        columns.push(place, &targets, &probabilities, weight, file)
    }
}
