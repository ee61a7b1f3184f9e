use serde::{Deserialize, Serialize};

use crate::checks::{check_columns, check_flat, check_probabilities};
use crate::conformal::options::Conformal;
use crate::conformal::quantile::{TOLERANCE, threshold};
use crate::conformal::sets::PredictionSets;
use crate::error::{Error, Place, Result};
use crate::predictions::Predictions;

/// What [`Predictions::conformal`] learned from the calibration samples: with it, probabilities become sets of classes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ConformalClassifier {
    options: Conformal,
    classes: Vec<String>,
    /// The largest score of a class in a set: one for all classes, or one for each.
    thresholds: Vec<f64>,
    /// The calibration samples of each threshold.
    samples: Vec<usize>,
}

impl Predictions {
    /// Calibrates prediction sets on these samples, which must not be training samples. See [`crate::conformal`] for what is
    /// promised.
    ///
    /// # Errors
    /// If there are no probabilities, the samples have weights, a setting is out of its range, or there are too few samples
    /// (of a class, if the promise is for each class) for the coverage; the error says how many are needed.
    pub fn conformal(&self, options: &Conformal) -> Result<ConformalClassifier> {
        options.check(self)?;
        let mut scores = vec![
            Vec::new();
            if options.per_class {
                self.classes.len()
            } else {
                1
            }
        ];
        for (sample, &target) in self.targets.iter().enumerate() {
            let group = if options.per_class { target } else { 0 };
            scores[group].push(options.of_target(self, sample));
        }
        let samples = scores.iter().map(Vec::len).collect();
        let groups = scores.iter_mut().enumerate();
        let thresholds = groups.map(|(group, scores)| {
            threshold(scores, options.coverage, || {
                calibration_samples(options, &self.classes, group)
            })
        });
        Ok(ConformalClassifier {
            options: *options,
            classes: self.classes.clone(),
            thresholds: thresholds.collect::<Result<_>>()?,
            samples,
        })
    }
}

/// Whose calibration samples are counted, for an error.
pub(super) fn calibration_samples(options: &Conformal, classes: &[String], group: usize) -> String {
    match classes.get(group).filter(|_| options.per_class) {
        Some(name) => format!("calibration samples of the class `{name}`"),
        None => "calibration samples".to_string(),
    }
}

impl ConformalClassifier {
    /// The settings.
    pub fn options(&self) -> &Conformal {
        &self.options
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The largest score of a class in a set: one for all classes, or, if the promise is for each class, one for each.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Number of calibration samples of each threshold.
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// The classes in the set of one sample, in their order. `sample` is a number of the sample, which matters only for
    /// randomized scores: give different samples different numbers, so that they are random independently.
    ///
    /// # Errors
    /// If there is not one probability for each class, one is not from 0 to 1, or they do not sum to one.
    pub fn set(&self, probabilities: &[f64], sample: u64) -> Result<Vec<usize>> {
        let place = Place::Row(sample as usize);
        check_columns(place, self.classes.len(), probabilities.len())?;
        check_probabilities(place, probabilities)?;
        let included = self.included(probabilities, sample);
        let classes = included.enumerate().filter(|(_, included)| *included);
        Ok(classes.map(|(class, _)| class).collect())
    }

    /// The sets of many samples; they have the numbers from 0.
    ///
    /// # Errors
    /// As [`ConformalClassifier::set`], and if the length of `probabilities` is not a multiple of the number of classes.
    pub fn sets(&self, probabilities: &[f64]) -> Result<PredictionSets> {
        let k = self.classes.len();
        check_flat(probabilities.len() / k, probabilities.len(), k)?;
        let mut included = Vec::with_capacity(probabilities.len());
        for (sample, row) in probabilities.chunks_exact(k).enumerate() {
            check_probabilities(Place::Row(sample), row)?;
            included.extend(self.included(row, sample as u64));
        }
        Ok(PredictionSets::new(self.classes.clone(), included))
    }

    /// The sets of predictions.
    ///
    /// # Errors
    /// If there are no probabilities, or the classes are not those of the calibration.
    pub fn sets_of(&self, predictions: &Predictions) -> Result<PredictionSets> {
        if predictions.classes != self.classes {
            return Err(Error::Mismatch {
                what: "classes",
                first: self.classes.join(", "),
                second: predictions.classes.join(", "),
            });
        }
        self.sets(predictions.probabilities_for("a prediction set")?)
    }

    fn included(&self, row: &[f64], sample: u64) -> impl Iterator<Item = bool> {
        let scores = self.options.score.scores(row, self.options.u(sample));
        let thresholds = self.thresholds.iter().cycle();
        let both = scores.into_iter().zip(thresholds);
        both.map(|(score, threshold)| score <= threshold + TOLERANCE)
    }
}
