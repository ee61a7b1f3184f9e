use std::io::{BufRead, Write};
use std::str;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checks::{check_classes, check_distinct};
use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Block, Blocks, RecordEnds};
use crate::formats::columns::{Layout, Sample, unreadable};
use crate::formats::reading::{Read, Reading};
use crate::predictions::Predictions;

/// One sample as it is written; [`Sample`] is the same as it is read.
#[derive(Serialize)]
struct Written<'a> {
    target: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<&'a [f64]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<&'a [String]>,
}

const EXAMPLE: &str = "an object such as {\"target\": 0, \"probabilities\": [0.9, 0.1]}";

impl Predictions {
    /// Reads JSON lines: one object for each sample, such as
    /// `{"target": 0, "probabilities": [0.9, 0.1], "weight": 1.0, "file": "a.jpg"}`.
    ///
    /// `target` is the index or the name of a class; `weight` and `file` are optional. A line may have `predicted`
    /// (index or name of a class) instead of `probabilities`. If it has both, `predicted` must be the most probable
    /// class, and at a tie the first of them. Empty lines are ignored. Without `classes`, the first line sets the
    /// number of classes, and their names are those of its list `classes` or, if it has none, their indices. A byte-order
    /// mark at the start is ignored.
    ///
    /// The text is read in blocks of about 1 MiB; several blocks are parsed in parallel.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`Predictions`] fails; the error names
    /// the line.
    pub fn from_json_lines(reader: impl BufRead, classes: Option<&[String]>) -> Result<Self> {
        let reading = Reading::new().with_classes(classes.map(<[String]>::to_vec));
        Ok(reading.json_lines(reader)?.predictions)
    }
}

impl Reading {
    /// Reads JSON lines; see [`Predictions::from_json_lines`]. Their names are fixed, so that names of columns do not count.
    ///
    /// # Errors
    /// As [`Predictions::from_json_lines`].
    pub fn json_lines(&self, reader: impl BufRead) -> Result<Read> {
        let classes = self.classes.as_deref();
        if let Some(names) = classes {
            check_classes(names.len())?;
            check_distinct(names)?;
        }
        let mut blocks = Blocks::new(reader, RecordEnds::Lines).map_err(unreadable)?;
        let mut named = None;
        let layout = loop {
            let Some(block) = blocks.peek().map_err(unreadable)? else {
                return Err(Error::Empty);
            };
            if let Some(first) = samples::<Sample>(block, EXAMPLE).next() {
                let (place, first) = first?;
                named.clone_from(&first.classes);
                let classes = names_of(classes, place, &first)?;
                break Layout::of_sample(classes, place, &first)?;
            }
            blocks.take(1).map_err(unreadable)?;
        };
        let layout = layout.with_scores(self.scores);
        layout.read(blocks, |layout, block, columns| {
            for sample in samples::<Sample>(block, EXAMPLE) {
                let (place, sample) = sample?;
                // Such as those of two files that were put together.
                if sample.classes.is_some() && sample.classes != named {
                    let reason = "the classes are not those of the first line".to_string();
                    return Err(Error::Parse { place, reason });
                }
                columns.push(layout, place, sample)?;
            }
            Ok(())
        })
    }
}

impl Predictions {
    /// Writes the samples as [`Predictions::from_json_lines`] reads them, one sample per line. The first line also has the
    /// names of the classes, unless these are their indices.
    ///
    /// # Errors
    /// If the writer fails.
    ///
    /// ```
    /// # use metrics::Predictions;
    /// # fn main() -> Result<(), metrics::Error> {
    /// let predictions = Predictions::new(vec![1], vec![vec![0.25, 0.75]])?.with_files(["a.jpg"])?;
    /// let mut lines = Vec::new();
    /// predictions.write_json_lines(&mut lines)?;
    /// assert_eq!(lines, b"{\"target\":1,\"probabilities\":[0.25,0.75],\"file\":\"a.jpg\"}\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_json_lines(&self, mut writer: impl Write) -> Result<()> {
        let failed = |source| Error::Stream {
            what: "cannot write the predictions".to_string(),
            source,
        };
        let indices = (0..self.classes.len()).map(|index| index.to_string());
        let named = !indices.eq(self.classes.iter().cloned());
        for (sample, &target) in self.targets.iter().enumerate() {
            let hard = self.probabilities.is_none();
            let line = Written {
                target,
                probabilities: self.row(sample),
                predicted: hard.then_some(self.predicted[sample]),
                weight: self.weights.as_ref().map(|weights| weights[sample]),
                file: self.files.as_ref().map(|files| files[sample].as_str()),
                classes: (named && sample == 0).then_some(&self.classes[..]),
            };
            serde_json::to_writer(&mut writer, &line).map_err(|error| failed(error.into()))?;
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(())
    }
}

/// The names of the classes: those that were given, or those of the file.
fn names_of<'a>(
    given: Option<&'a [String]>,
    place: Place,
    first: &'a Sample,
) -> Result<Option<&'a [String]>> {
    let Some(own) = first.classes.as_deref() else {
        return Ok(given);
    };
    check_classes(own.len())?;
    check_distinct(own)?;
    let Some(given) = given else {
        return Ok(Some(own));
    };
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    // Other names may be meant; the same ones in another order cannot be.
    if given.len() != own.len() || (given != own && sorted(given) == sorted(own)) {
        let own = own.join(", ");
        let reason = format!("the classes of this file are {own}; others were given");
        return Err(Error::Parse { place, reason });
    }
    Ok(Some(given))
}

/// The samples of a block, each with its place. Empty lines are left out.
pub(super) fn samples<S: DeserializeOwned>(
    block: &Block,
    expected: &'static str,
) -> impl Iterator<Item = Result<(Place, S)>> {
    let lines = block.text.split(|&byte| byte == b'\n').zip(block.line..);
    lines.filter_map(move |(line, number)| {
        let place = Place::Line(number);
        let line = match str::from_utf8(line) {
            Ok(line) if line.trim().is_empty() => return None,
            Ok(line) => line,
            Err(error) => {
                return Some(Err(Error::Syntax {
                    place,
                    expected: "UTF-8",
                    source: error.into(),
                }));
            }
        };
        let sample = serde_json::from_str(line).map_err(|error| Error::Syntax {
            place,
            expected,
            source: error.into(),
        });
        Some(sample.map(|sample| (place, sample)))
    })
}
