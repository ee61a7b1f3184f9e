use std::io::{BufRead, Write};

use serde::Serialize;

use crate::error::{Error, Place, Result};
use crate::formats::columns::{Columns, Sample};
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
}

impl Predictions {
    /// Reads JSON lines: one object for each sample, such as
    /// `{"target": 0, "probabilities": [0.9, 0.1], "weight": 1.0, "file": "a.jpg"}`.
    ///
    /// `target` is the index or the name of a class; `weight` and `file` are optional. Instead of `probabilities` there
    /// may be `predicted` (index or name of a class). Where both are given, `predicted` must be the most probable
    /// class, the first of them at a tie. Empty lines are ignored. Without `classes`, the first line sets the number of
    /// classes, and their names are their indices.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`Predictions`] fails; the error names
    /// the line.
    pub fn from_json_lines(reader: impl BufRead, classes: Option<&[String]>) -> Result<Self> {
        let mut columns = Columns::new(classes)?;
        for (index, line) in reader.lines().enumerate() {
            let place = Place::Line(index as u64 + 1);
            let line = line.map_err(|source| Error::Stream {
                what: place.to_string(),
                source,
            })?;
            if line.trim().is_empty() {
                continue;
            }
            let sample: Sample = serde_json::from_str(&line).map_err(|error| Error::Syntax {
                place,
                expected: "an object such as {\"target\": 0, \"probabilities\": [0.9, 0.1]}",
                source: error.into(),
            })?;
            columns.push(place, sample)?;
        }
        columns.finish()
    }

    /// Writes the samples as [`Predictions::from_json_lines`] reads them, one sample per line. The names of the classes
    /// are not written.
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
        for (sample, &target) in self.targets.iter().enumerate() {
            let hard = self.probabilities.is_none();
            let line = Written {
                target,
                probabilities: self.row(sample),
                predicted: hard.then_some(self.predicted[sample]),
                weight: self.weights.as_ref().map(|weights| weights[sample]),
                file: self.files.as_ref().map(|files| files[sample].as_str()),
            };
            serde_json::to_writer(&mut writer, &line).map_err(|error| failed(error.into()))?;
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(())
    }
}
