use metrics::Predictions;
use metrics::curves::Ranking;
use metrics::probability::TemperatureScaling;

use super::calibration::{Calibration, CalibrationData};
use super::classify::Classifier;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::FitReport;

impl Classifier {
    /// Calibrates the probabilities: divides the head's last layer by the temperature that fits these predictions best
    /// ([`TemperatureScaling::fit`]). They must be this head's (or, out of fold, its like's) on images that it was not trained
    /// on, and not those of the test. The order of the classes stays, so do thresholds: choose them afterwards.
    ///
    /// Predictions without a mistake make nothing surer: their loss falls with the temperature, down to certainty.
    ///
    /// # Errors
    /// Where the predictions are of other classes or have no probabilities.
    pub fn calibrate(mut self, predictions: &Predictions, data: CalibrationData) -> Result<Self> {
        self.check_classes(predictions)?;
        let mut fitted = TemperatureScaling::fit(predictions)?;
        if fitted.value < 1.0 && predictions.predicted() == predictions.targets() {
            fitted.value = 1.0;
            fitted.loss_after = fitted.loss_before;
        }
        self.head = self.head.scaled(1.0 / fitted.value)?;
        self.calibration = Some(Calibration {
            temperature: fitted.value * self.calibration.map_or(1.0, |earlier| earlier.temperature),
            log_loss_before: fitted.loss_before,
            log_loss_after: fitted.loss_after,
            images: predictions.len(),
            data,
        });
        Ok(self)
    }

    /// Calibrates on the images that the head was not trained on, whichever there are: the out-of-fold probabilities of
    /// `report` (for `training` and `validation` images, in this order), else the `validation` images. Where there are
    /// neither, the classifier stays as it is.
    ///
    /// # Errors
    /// As [`calibrate`](Self::calibrate), and where the report is of other images.
    pub fn calibrate_held_out(
        self,
        report: &FitReport,
        training: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Self> {
        if !report.out_of_fold.is_empty() {
            let targets = training.concat(validation)?.targets().to_vec();
            let probabilities = report.out_of_fold.clone();
            let predictions = Predictions::from_flat(targets, probabilities, self.classes.len())?;
            self.calibrate(&predictions, CalibrationData::OutOfFold)
        } else if !validation.is_empty() {
            let predictions = self.head.predictions(validation, &self.classes)?;
            self.calibrate(&predictions, CalibrationData::Validation)
        } else {
            Ok(self)
        }
    }

    /// Chooses [thresholds](Self::with_thresholds): for each class the one that finds most of it while at least the
    /// share `precision` of what is so named is right, on predictions that are not those of the test.
    ///
    /// # Errors
    /// Where no threshold gives a class that precision, a class has no images, or the predictions are of other classes or have
    /// no probabilities.
    pub fn choose_thresholds(self, predictions: &Predictions, precision: f64) -> Result<Self> {
        self.check_classes(predictions)?;
        let (targets, said) = (predictions.targets(), predictions.predicted());
        let choose = |(index, class): (usize, &String)| {
            if !targets.contains(&index) {
                let what = format!("images of class `{class}`");
                return Err(Error::mismatch(what, "at least 1", 0));
            }
            // Only what is most probable is named ([`Classifier::decide`]).
            let named: Vec<usize> = (0..said.len()).filter(|&i| said[i] == index).collect();
            let right: Vec<bool> = named.iter().map(|&i| targets[i] == index).collect();
            let scores = named.iter().map(|&i| Some(predictions.row(i)?[index]));
            let scores: Option<Vec<f64>> = scores.collect();
            let weights = predictions.weights();
            let weights = weights.map(|all| named.iter().map(|&i| all[i]).collect::<Vec<_>>());
            let point = scores.and_then(|scores| {
                let ranking = Ranking::new(&right, &scores, weights.as_deref()).ok()?;
                ranking.threshold_for_precision(precision)
            });
            point.map(|point| point.threshold).ok_or_else(|| {
                Error::mismatch(
                    format!("precision of class `{class}`"),
                    format!("{precision} at some threshold"),
                    "none on these images; ask for less",
                )
            })
        };
        let thresholds: Result<Vec<f64>> = self.classes.iter().enumerate().map(choose).collect();
        self.with_thresholds(thresholds?)
    }

    fn check_classes(&self, predictions: &Predictions) -> Result<()> {
        let found = predictions.classes();
        // Without names they are numbers, from 0.
        let named = || {
            found
                .iter()
                .enumerate()
                .any(|(i, name)| *name != i.to_string())
        };
        if found.len() == self.classes.len() && (found == self.classes || !named()) {
            Ok(())
        } else {
            Err(Error::mismatch(
                "classes of the predictions",
                self.classes.join(", "),
                found.join(", "),
            ))
        }
    }
}
