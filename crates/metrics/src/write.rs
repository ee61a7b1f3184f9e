//! Predictions as JSON lines, for other tools and for later.

use std::io::Write;

use serde::Serialize;

use crate::{Error, Predictions, Result};

/// One sample as [`Predictions::from_json_lines`] reads it.
#[derive(Serialize)]
struct Sample<'a> {
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
    /// Writes what [`Predictions::from_json_lines`] reads, one sample a line; the names of the classes are not in it.
    ///
    /// # Errors
    /// Where it cannot be written.
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
        let failed = |source| Error::Io {
            what: "predictions as JSON lines".to_string(),
            source,
        };
        for (sample, &target) in self.targets.iter().enumerate() {
            let line = Sample {
                target,
                probabilities: self.row(sample),
                predicted: self
                    .probabilities
                    .is_none()
                    .then_some(self.predicted[sample]),
                weight: self.weights.as_ref().map(|weights| weights[sample]),
                file: self.files.as_ref().map(|files| files[sample].as_str()),
            };
            serde_json::to_writer(&mut writer, &line).map_err(|error| failed(error.into()))?;
            writer.write_all(b"\n").map_err(failed)?;
        }
        Ok(())
    }
}
