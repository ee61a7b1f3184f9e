//! Files of predictions with several labels.

mod csv;
mod json_lines;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::checks::check_weight;
use crate::error::{Error, Place, Result};
use crate::formats::PredictionsFormat;
use crate::multilabel::{MultilabelPredictions, check_probabilities, check_row};

impl MultilabelPredictions {
    /// Reads a file of predictions: as CSV if its name ends in `.csv`, `.tsv` or `.txt`, otherwise as JSON lines.
    ///
    /// `labels` are the names of the labels in the order of the probabilities. CSV can do without.
    ///
    /// # Errors
    /// If the file cannot be read, and the errors of [`MultilabelPredictions::from_csv`] and
    /// [`MultilabelPredictions::from_json_lines`]. The error names the file and the line.
    pub fn open(path: impl AsRef<Path>, labels: Option<&[String]>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let reader = BufReader::new(file);
        match PredictionsFormat::from_path(path) {
            Some(PredictionsFormat::Csv) => Self::from_csv(reader, labels),
            _ => Self::from_json_lines(reader, labels),
        }
        .map_err(|source| Error::File {
            path: path.to_path_buf(),
            source: Box::new(source),
        })
    }
}

/// The samples read so far. Each is checked when it is added, while its line is known.
#[derive(Default)]
struct Columns {
    samples: usize,
    targets: Vec<bool>,
    probabilities: Vec<f64>,
    weights: Vec<f64>,
    files: Vec<String>,
}

impl Columns {
    fn push(
        &mut self,
        place: Place,
        targets: &[bool],
        probabilities: &[f64],
        weight: Option<f64>,
        file: Option<String>,
    ) -> Result<()> {
        check_row(place, "probabilities", targets.len(), probabilities.len())?;
        check_probabilities(place, probabilities)?;
        if let Some(weight) = weight {
            check_weight(place, weight)?;
        }
        for (column, given, before) in [
            ("weight", weight.is_some(), self.weights.len()),
            ("file", file.is_some(), self.files.len()),
        ] {
            if self.samples > 0 && given != (before > 0) {
                return Err(Error::Uneven { place, column });
            }
        }
        self.samples += 1;
        self.targets.extend_from_slice(targets);
        self.probabilities.extend_from_slice(probabilities);
        self.weights.extend(weight);
        self.files.extend(file);
        Ok(())
    }

    fn finish(self, labels: usize, names: Option<&[String]>) -> Result<MultilabelPredictions> {
        if self.samples == 0 {
            return Err(Error::Empty);
        }
        let Self {
            targets,
            probabilities,
            weights,
            files,
            ..
        } = self;
        let mut predictions = MultilabelPredictions::from_flat(targets, probabilities, labels)?;
        if let Some(names) = names {
            predictions = predictions.with_labels(names)?;
        }
        if !weights.is_empty() {
            predictions = predictions.with_weights(weights)?;
        }
        if !files.is_empty() {
            predictions = predictions.with_files(files)?;
        }
        Ok(predictions)
    }
}
