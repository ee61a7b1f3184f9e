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
    /// The names of all labels, in the first sample of a file.
    labels: Option<Vec<String>>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [String]>,
}

const EXAMPLE: &str =
    "an object such as {\"targets\": [\"boat\", \"gull\"], \"probabilities\": [0.9, 0.1, 0.7]}";

impl MultilabelPredictions {
    /// Reads JSON lines: one object for each sample, such as
    /// `{"targets": ["boat", "gull"], "probabilities": [0.9, 0.1, 0.7], "weight": 1.0, "file": "a.jpg"}`.
    ///
    /// `targets` are the names of the labels that the sample has, in any order, or one `true` or `false` for each label. The
    /// names need `labels`: the names of all labels in the order of the probabilities, which the first line may also have as
    /// its list `labels`. Numbers are refused, because `[0, 1]` could mean two things. `weight` and `file` are optional. Empty
    /// lines are ignored. Without names, the first line sets the number of labels, and their names are their indices.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`MultilabelPredictions`] fails; the error
    /// names the line.
    pub fn from_json_lines(reader: impl BufRead, labels: Option<&[String]>) -> Result<Self> {
        let mut blocks = Blocks::new(reader, RecordEnds::Lines).map_err(unreadable)?;
        let mut columns = Columns::default();
        let mut layout: Option<Layout> = None;
        loop {
            let some = blocks.take(1).map_err(unreadable)?;
            let Some(block) = some.first() else {
                let layout = layout.ok_or(Error::Empty)?;
                return columns.finish(layout.labels, layout.names.as_deref());
            };
            for sample in samples::<Sample>(block, EXAMPLE) {
                let (place, sample) = sample?;
                let layout = match &mut layout {
                    Some(layout) => layout,
                    none => none.insert(Layout::new(labels, place, &sample)?),
                };
                let targets = layout.targets(place, &sample)?;
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

    /// Writes the samples as [`MultilabelPredictions::from_json_lines`] reads them, one sample per line. The first line also
    /// has the names of all labels. The thresholds are not written.
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
                labels: (sample == 0).then_some(self.labels()),
            };
            serde_json::to_writer(&mut writer, &line).map_err(|error| failed(error.into()))?;
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(())
    }
}

/// What holds for all samples of a file.
struct Layout {
    labels: usize,
    names: Option<Vec<String>>,
    by_name: HashMap<String, usize>,
    /// The names that the first line has.
    own: Option<Vec<String>>,
}

impl Layout {
    fn new(given: Option<&[String]>, place: Place, first: &Sample) -> Result<Self> {
        let own = first.labels.clone();
        if let (Some(given), Some(own)) = (given, &own)
            && given != own
        {
            let own = own.join(", ");
            let reason = format!("the labels of this file are {own}; others were given");
            return Err(Error::Parse { place, reason });
        }
        let names = given.map(<[String]>::to_vec).or_else(|| own.clone());
        let labels = names.as_ref().map_or(first.probabilities.len(), Vec::len);
        check_labels(labels)?;
        check_names(names.as_deref().unwrap_or_default())?;
        Ok(Self {
            labels,
            by_name: names.iter().flatten().cloned().zip(0..).collect(),
            names,
            own,
        })
    }

    /// Whether each label holds.
    fn targets(&self, place: Place, sample: &Sample) -> Result<Vec<bool>> {
        let wrong = |reason| Error::Parse { place, reason };
        if sample.labels.is_some() && sample.labels != self.own {
            // Such as those of two files that were put together.
            return Err(wrong(
                "the labels are not those of the first line".to_string(),
            ));
        }
        check_row(
            place,
            "probabilities",
            self.labels,
            sample.probabilities.len(),
        )?;
        let flags: Option<Vec<bool>> = sample.targets.iter().map(Value::as_bool).collect();
        if let Some(flags) = flags.filter(|flags| !flags.is_empty()) {
            check_row(place, "targets", self.labels, flags.len())?;
            return Ok(flags);
        }
        let mut held = vec![false; self.labels];
        for target in &sample.targets {
            let name = target.as_str().ok_or_else(|| {
                wrong(format!(
                    "expected the names of the labels that hold, or one true or false for each label, found {target}"
                ))
            })?;
            let label = self.by_name.get(name).copied();
            let label = label.ok_or_else(|| wrong(self.unknown(name)))?;
            if std::mem::replace(&mut held[label], true) {
                return Err(wrong(format!("the target `{name}` is given twice")));
            }
        }
        Ok(held)
    }

    fn unknown(&self, name: &str) -> String {
        match &self.names {
            Some(names) => {
                let names = names.join(", ");
                format!("the target `{name}` is not among the labels: {names}")
            }
            None => format!(
                "the target `{name}` is a name, which needs the names of all labels in the order of the probabilities"
            ),
        }
    }
}
