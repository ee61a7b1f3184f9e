//! Tables with true and predicted classes alone.

use std::collections::{BTreeSet, HashMap};

use csv::StringRecord;

use crate::error::{Error, Place, Result};
use crate::formats::header::Header;
use crate::formats::reading::Read;
use crate::predictions::Predictions;

/// The samples read so far, with the classes as they stand in the file.
#[derive(Default)]
pub(super) struct Hard {
    targets: Vec<String>,
    predicted: Vec<String>,
    weights: Vec<f64>,
    files: Vec<String>,
}

impl Hard {
    pub fn push(&mut self, header: &Header, place: Place, record: &StringRecord) -> Result<()> {
        header.check(place, record)?;
        let text = |column: usize| record.get(column).unwrap_or_default().to_string();
        self.targets.push(text(header.target));
        self.predicted.extend(header.predicted.map(text));
        self.files.extend(header.file.map(text));
        if let Some(column) = header.weight {
            self.weights.push(header.number(place, record, column)?);
        }
        Ok(())
    }

    /// The classes are those that the file names: in their order, or, where all are indices, all up to the largest.
    pub fn finish(self) -> Result<Read> {
        if self.targets.is_empty() {
            return Err(Error::Empty);
        }
        let names: BTreeSet<&str> = self
            .targets
            .iter()
            .chain(&self.predicted)
            .map(String::as_str)
            .collect();
        let indices: Option<Vec<usize>> = names.iter().map(|name| name.parse().ok()).collect();
        let classes: Vec<String> = match indices.and_then(|indices| indices.into_iter().max()) {
            Some(last) if last < Predictions::MAX_CLASSES => {
                (0..=last).map(|index| index.to_string()).collect()
            }
            _ => names.iter().map(ToString::to_string).collect(),
        };
        let index: HashMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
        let of = |names: &[String]| -> Vec<usize> {
            let of_name = |name: &String| {
                let number = || name.parse().unwrap_or_default();
                index.get(name.as_str()).copied().unwrap_or_else(number)
            };
            names.iter().map(of_name).collect()
        };
        let (targets, predicted) = (of(&self.targets), of(&self.predicted));
        let count = classes.len();
        let mut predictions = Predictions::from_classes(targets, predicted, count)?;
        predictions = predictions.with_classes(classes)?;
        if !self.weights.is_empty() {
            predictions = predictions.with_weights(self.weights)?;
        }
        if !self.files.is_empty() {
            predictions = predictions.with_files(self.files)?;
        }
        let remarks = vec![
            "there are no probabilities, so that scores that need them (areas under curves, log loss, calibration) are not computed".to_string(),
        ];
        Ok(Read {
            predictions,
            remarks,
        })
    }
}
