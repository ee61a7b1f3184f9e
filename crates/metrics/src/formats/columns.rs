use serde::Deserialize;

use crate::checks::{
    check_class, check_classes, check_columns, check_distinct, check_probabilities, check_weight,
};
use crate::error::{Error, Place, Result};
use crate::numeric::argmax;
use crate::predictions::Predictions;

/// A class, given by index or by name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Class {
    Index(usize),
    Name(String),
}

/// One sample as it stands in a text file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub target: Class,
    pub probabilities: Option<Vec<f64>>,
    pub predicted: Option<Class>,
    pub weight: Option<f64>,
    pub file: Option<String>,
}

/// The samples read so far. Each is checked when it is added, while its line is known.
pub(super) struct Columns {
    names: Option<Vec<String>>,
    classes: usize,
    targets: Vec<usize>,
    predicted: Vec<usize>,
    probabilities: Vec<f64>,
    weights: Vec<f64>,
    files: Vec<String>,
}

impl Columns {
    pub fn new(names: Option<&[String]>) -> Result<Self> {
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

    pub fn push(&mut self, place: Place, sample: Sample) -> Result<()> {
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
        let predicted = sample.predicted;
        let predicted = predicted.map(|class| self.class(place, "the prediction", class));
        match (sample.probabilities, predicted.transpose()?) {
            (Some(row), predicted) => {
                check_columns(place, self.classes, row.len())?;
                check_probabilities(place, &row)?;
                let best = argmax(&row);
                if let Some(predicted) = predicted.filter(|&class| class != best) {
                    return Err(Error::Parse {
                        place,
                        reason: format!(
                            "the prediction is class {predicted}, but the most probable one (at a tie the first) is \
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

    pub fn finish(self) -> Result<Predictions> {
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

/// Appends to an optional column. A column that the first sample has must be there for every sample.
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
