use std::collections::HashMap;
use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Blocks, RecordEnds};
use crate::formats::columns::unreadable;
use crate::formats::json_lines::samples;
use crate::formats::multilabel::Columns;
use crate::multilabel::{MultilabelPredictions, check_labels, check_names, check_row};

/// One sample as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    targets: Vec<Value>,
    probabilities: Vec<f64>,
    weight: Option<f64>,
    file: Option<String>,
}

/// One sample as it is written.
#[derive(Serialize)]
struct Written<'a> {
    targets: Vec<&'a str>,
    probabilities: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

const EXAMPLE: &str =
    "an object such as {\"targets\": [\"boat\", \"gull\"], \"probabilities\": [0.9, 0.1, 0.7]}";

impl MultilabelPredictions {
    /// Reads JSON lines: one object for each sample, such as
    /// `{"targets": ["boat", "gull"], "probabilities": [0.9, 0.1, 0.7], "weight": 1.0, "file": "a.jpg"}`.
    ///
    /// `targets` are the names of the labels that the sample has, in any order, or one `true` or `false` for each label. The
    /// names need `labels`: the names of all labels in the order of the probabilities. Numbers are refused, because `[0, 1]`
    /// could mean two things. `weight` and `file` are optional. Empty lines are ignored. Without `labels`, the first line sets
    /// the number of labels, and their names are their indices.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`MultilabelPredictions`] fails; the error
    /// names the line.
    pub fn from_json_lines(reader: impl BufRead, labels: Option<&[String]>) -> Result<Self> {
        if let Some(names) = labels {
            check_labels(names.len())?;
            check_names(names)?;
        }
        let by_name: HashMap<&str, usize> = labels
            .unwrap_or_default()
            .iter()
            .map(String::as_str)
            .zip(0..)
            .collect();
        let mut count = labels.map(<[String]>::len);
        let mut columns = Columns::default();
        let mut blocks = Blocks::new(reader, RecordEnds::Lines).map_err(unreadable)?;
        loop {
            let some = blocks.take(1).map_err(unreadable)?;
            let Some(block) = some.first() else {
                return columns.finish(count.unwrap_or(1), labels);
            };
            for sample in samples::<Sample>(block, EXAMPLE) {
                let (place, sample) = sample?;
                let count = *count.get_or_insert(sample.probabilities.len());
                check_labels(count)?;
                check_row(place, "probabilities", count, sample.probabilities.len())?;
                let targets = targets(place, &sample.targets, count, &by_name)?;
                let Sample {
                    probabilities,
                    weight,
                    file,
                    ..
                } = sample;
                columns.push(place, &targets, &probabilities, weight, file)?;
            }
        }
    }

    /// Writes the samples as [`MultilabelPredictions::from_json_lines`] reads them, one sample per line. The names of the
    /// labels that no sample has, the order of the labels, and the thresholds are not written.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write_json_lines(&self, mut writer: impl Write) -> Result<()> {
        let failed = |source| Error::Stream {
            what: "cannot write the predictions".to_string(),
            source,
        };
        let l = self.labels().len();
        let rows = self.targets().chunks_exact(l);
        let rows = rows.zip(self.probabilities().chunks_exact(l));
        for (sample, (targets, probabilities)) in rows.enumerate() {
            let held = self.labels().iter().zip(targets);
            let held = held.filter(|&(_, &target)| target);
            let line = Written {
                targets: held.map(|(name, _)| name.as_str()).collect(),
                probabilities,
                weight: self.weights().map(|weights| weights[sample]),
                file: self.files().map(|files| files[sample].as_str()),
            };
            serde_json::to_writer(&mut writer, &line).map_err(|error| failed(error.into()))?;
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(())
    }
}

/// Whether each label holds.
fn targets(
    place: Place,
    given: &[Value],
    labels: usize,
    by_name: &HashMap<&str, usize>,
) -> Result<Vec<bool>> {
    let flags: Option<Vec<bool>> = given.iter().map(Value::as_bool).collect();
    if let Some(flags) = flags.filter(|flags| !flags.is_empty()) {
        check_row(place, "targets", labels, flags.len())?;
        return Ok(flags);
    }
    let mut held = vec![false; labels];
    for target in given {
        let Some(name) = target.as_str() else {
            let reason = format!(
                "expected the names of the labels that hold, or one true or false for each label, found {target}"
            );
            return Err(Error::Parse { place, reason });
        };
        let Some(&label) = by_name.get(name) else {
            let mut known: Vec<&str> = by_name.keys().copied().collect();
            known.sort_by_key(|name| by_name[name]);
            let reason = if known.is_empty() {
                format!(
                    "the target `{name}` is a name, which needs the names of all labels in the order of the probabilities"
                )
            } else {
                let known = known.join(", ");
                format!("the target `{name}` is not among the labels: {known}")
            };
            return Err(Error::Parse { place, reason });
        };
        if held[label] {
            let reason = format!("the target `{name}` is given twice");
            return Err(Error::Parse { place, reason });
        }
        held[label] = true;
    }
    Ok(held)
}
