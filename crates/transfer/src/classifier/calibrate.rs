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
    /// ([`TemperatureScaling::fit`]). They must be predictions of this head (or out-of-fold predictions of heads like
    /// it) for images that it was not trained on, and not for test images. The order of the classes does not change.
    /// Thresholds are not adapted, so choose them afterwards.
    ///
    /// Predictions without a mistake never make the probabilities more confident: their loss would fall until all
    /// probabilities are 0 or 1.
    ///
    /// # Errors
    /// If the predictions have other classes or no probabilities.
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

    /// Calibrates on images that the head was not trained on: on the out-of-fold probabilities of `report` if it has
    /// some (for the `training` and `validation` images, in this order), otherwise on the `validation` images. If there
    /// are neither, the classifier does not change.
    ///
    /// # Errors
    /// The errors of [`calibrate`](Self::calibrate), and if the report belongs to other images.
    pub fn calibrate_held_out(
        self,
        report: &FitReport,
        training: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Self> {
        match self.held_out(report, training, validation)? {
            Some((predictions, data)) => self.calibrate(&predictions, data),
            None => Ok(self),
        }
    }

    /// The predictions that [`calibrate_held_out`](Self::calibrate_held_out) uses, at the present temperature: those of
    /// the head for images that it was not trained on, or out-of-fold predictions of heads like it. `None` if there are
    /// no such images.
    ///
    /// # Errors
    /// The errors of [`calibrate_held_out`](Self::calibrate_held_out).
    pub fn held_out_predictions(
        &self,
        report: &FitReport,
        training: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Option<Predictions>> {
        Ok(match self.held_out(report, training, validation)? {
            // The heads of the folds are as they were trained; this one has the temperature in its weights.
            Some((predictions, CalibrationData::OutOfFold)) => {
                let value = self.calibration.map_or(1.0, |found| found.temperature);
                let scaling = TemperatureScaling {
                    value,
                    loss_before: 0.0,
                    loss_after: 0.0,
                };
                Some(scaling.apply(&predictions)?)
            }
            Some((predictions, CalibrationData::Validation)) => Some(predictions),
            None => None,
        })
    }

    fn held_out(
        &self,
        report: &FitReport,
        training: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Option<(Predictions, CalibrationData)>> {
        if !report.out_of_fold.is_empty() {
            let targets = training.concat(validation)?.targets().to_vec();
            let probabilities = report.out_of_fold.clone();
            let predictions = Predictions::from_flat(targets, probabilities, self.classes.len())?;
            return Ok(Some((predictions, CalibrationData::OutOfFold)));
        }
        if validation.is_empty() {
            return Ok(None);
        }
        let predictions = self.head.predictions(validation, &self.classes)?;
        Ok(Some((predictions, CalibrationData::Validation)))
    }

    /// Predictions of heads like this classifier's, with the temperature of its calibration.
    pub(crate) fn at_temperature(&self, predictions: Predictions) -> Result<Predictions> {
        let Some(calibration) = self.calibration else {
            return Ok(predictions);
        };
        let temperature = TemperatureScaling {
            value: calibration.temperature,
            loss_before: calibration.log_loss_before,
            loss_after: calibration.log_loss_after,
        };
        Ok(temperature.apply(&predictions)?)
    }

    /// Chooses [thresholds](Self::with_thresholds) on predictions, which must not be those for test images. The
    /// threshold of each class is the one with the highest recall among those at which at least the share `precision`
    /// (0 to 1) of the images that get the name of the class belongs to it.
    ///
    /// # Errors
    /// If no threshold gives a class that precision, a class has no images, or the predictions have other classes or no
    /// probabilities.
    pub fn choose_thresholds(self, predictions: &Predictions, precision: f64) -> Result<Self> {
        self.check_classes(predictions)?;
        let choose = |(index, class): (usize, &String)| {
            if !predictions.targets().contains(&index) {
                let what = format!("images of class `{class}`");
                return Err(Error::mismatch(what, "at least 1", 0));
            }
            Self::threshold_for(predictions, index, precision)?.ok_or_else(|| {
                Error::mismatch(
                    format!("precision of class `{class}`"),
                    format!("{precision} at some threshold"),
                    "none on these images; lower the precision, or give more images",
                )
            })
        };
        let thresholds: Result<Vec<f64>> = self.classes.iter().enumerate().map(choose).collect();
        self.with_thresholds(thresholds?)
    }

    /// The threshold that finds most of a class at this precision; `None` if none gives it.
    pub(super) fn threshold_for(
        predictions: &Predictions,
        class: usize,
        precision: f64,
    ) -> Result<Option<f64>> {
        let (targets, said) = (predictions.targets(), predictions.predicted());
        // Only what is most probable is named ([`Classifier::decide`]).
        let named: Vec<usize> = (0..said.len()).filter(|&i| said[i] == class).collect();
        let right: Vec<bool> = named.iter().map(|&i| targets[i] == class).collect();
        let scores = named.iter().map(|&i| Some(predictions.row(i)?[class]));
        let scores: Option<Vec<f64>> = scores.collect();
        let scores = scores.ok_or_else(|| {
            Error::mismatch(
                "predictions",
                "probabilities of each class",
                "predicted classes only",
            )
        })?;
        let weights = predictions.weights();
        let weights = weights.map(|all| named.iter().map(|&i| all[i]).collect::<Vec<_>>());
        let ranking = Ranking::new(&right, &scores, weights.as_deref()).ok();
        let point = ranking.and_then(|ranking| ranking.threshold_for_precision(precision));
        Ok(point.map(|point| point.threshold))
    }

    pub(super) fn check_classes(&self, predictions: &Predictions) -> Result<()> {
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
