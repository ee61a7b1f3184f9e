use rayon::prelude::*;

use serde::Serialize;

use crate::checks::check_length;
use crate::curves::{Ranking, descending};
use crate::error::{Error, Place, Result};
use crate::predictions::Predictions;

/// The piecewise linear, non-decreasing function with the least squared distance to the data. Equals scikit-learn's
/// `IsotonicRegression` with `out_of_bounds="clip"`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IsotonicRegression {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl IsotonicRegression {
    /// Fits the function with the pool-adjacent-violators algorithm. Samples of equal `x` are averaged first, and
    /// samples of weight 0 are left out.
    ///
    /// # Errors
    /// If lengths differ, there are no samples, all weights are 0, or a number is not finite.
    pub fn fit(x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Result<Self> {
        // The ranking checks lengths, scores and weights.
        Ranking::new(&vec![true; x.len()], x, weights)?;
        check_length("values of y", x.len(), y.len())?;
        if let Some(row) = y.iter().position(|value| !value.is_finite()) {
            return Err(Error::Parse {
                place: Place::Row(row),
                reason: format!("y is {}; expected a finite number", y[row]),
            });
        }
        let order = descending(x.iter().copied());
        Self::of(
            &order,
            |i| y[i],
            |i| weights.map_or(1.0, |weights| weights[i]),
        )
    }

    /// Fits the function to samples in descending order of `x`.
    fn of(
        order: &[(f64, usize)],
        y: impl Fn(usize) -> f64,
        weight: impl Fn(usize) -> f64,
    ) -> Result<Self> {
        // Points of distinct x: (x, sum of w y, sum of w).
        let mut points: Vec<(f64, f64, f64)> = Vec::new();
        for &(x, index) in order.iter().rev() {
            let weight = weight(index);
            if weight == 0.0 {
                continue;
            }
            match points.last_mut().filter(|point| point.0 == x) {
                Some(point) => {
                    point.1 += weight * y(index);
                    point.2 += weight;
                }
                None => points.push((x, weight * y(index), weight)),
            }
        }
        if points.is_empty() {
            return Err(Error::NoWeight);
        }
        // Blocks of points with a common level: (sum of w y, sum of w, index of the first point).
        let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
        for (index, &(_, sum, weight)) in points.iter().enumerate() {
            let mut block = (sum, weight, index);
            while let Some(&(before_sum, before_weight, first)) = blocks.last() {
                if before_sum / before_weight < block.0 / block.1 {
                    break;
                }
                block = (block.0 + before_sum, block.1 + before_weight, first);
                blocks.pop();
            }
            blocks.push(block);
        }
        // The first and the last point of each block determine the function.
        let mut fitted = Self {
            x: Vec::new(),
            y: Vec::new(),
        };
        for (number, &(sum, weight, first)) in blocks.iter().enumerate() {
            let last = blocks.get(number + 1).map_or(points.len(), |next| next.2) - 1;
            let level = sum / weight;
            fitted.x.push(points[first].0);
            fitted.y.push(level);
            if last > first {
                fitted.x.push(points[last].0);
                fitted.y.push(level);
            }
        }
        Ok(fitted)
    }

    /// Value of the function at `x`. It is linear between the points and constant outside of them.
    pub fn predict(&self, x: f64) -> f64 {
        let above = self.x.partition_point(|&known| known < x);
        match (above.checked_sub(1), self.x.get(above)) {
            (Some(below), Some(&right)) => {
                let (left, low, high) = (self.x[below], self.y[below], self.y[above]);
                // Rounding could give a value above `high`, and so a probability above 1.
                (low + (high - low) / (right - left) * (x - left)).clamp(low, high)
            }
            (None, _) => self.y[0],
            (Some(below), None) => self.y[below],
        }
    }

    /// `x` of the points between which the function is linear, ascending: `X_thresholds_` of scikit-learn.
    pub fn x_thresholds(&self) -> &[f64] {
        &self.x
    }

    /// `y` of the points between which the function is linear, ascending: `y_thresholds_` of scikit-learn.
    pub fn y_thresholds(&self) -> &[f64] {
        &self.y
    }
}

/// Isotonic calibration of each class against all others, as scikit-learn's `CalibratedClassifierCV(method="isotonic")`
/// does it. The probabilities of each sample are then divided by their sum. With two classes only the second is
/// calibrated.
///
/// Fit it on validation predictions, never on the predictions that you measure. With fewer than a few hundred samples
/// per class it overfits, and [`TemperatureScaling`](crate::probability::TemperatureScaling) is the better choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IsotonicCalibration {
    /// One function for each class; with two classes only that of the second.
    pub functions: Vec<IsotonicRegression>,
    /// Log loss of the predictions it was fitted on, before calibration.
    pub loss_before: f64,
    /// Log loss of the same predictions after calibration.
    pub loss_after: f64,
    classes: usize,
}

impl IsotonicCalibration {
    /// Fits one function for each class.
    ///
    /// # Errors
    /// If there are no probabilities, or fewer than two classes.
    pub fn fit(validation: &Predictions) -> Result<Self> {
        let k = validation.classes.len();
        let Some(loss_before) = validation.log_loss() else {
            return Err(Error::NoProbabilities {
                what: "isotonic calibration",
            });
        };
        if k < 2 {
            return Err(Error::setting("number of classes", k, "at least 2"));
        }
        let functions = (usize::from(k == 2)..k)
            .into_par_iter()
            .map(|class| {
                let order = validation.order(class).unwrap_or_default();
                let hit = |i: usize| f64::from(u8::from(validation.targets[i] == class));
                IsotonicRegression::of(&order, hit, |i| validation.weight(i))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut fitted = Self {
            functions,
            loss_before,
            loss_after: loss_before,
            classes: k,
        };
        fitted.loss_after = fitted.apply(validation)?.log_loss().unwrap_or(loss_before);
        Ok(fitted)
    }

    /// The predictions with calibrated probabilities. If all functions give 0 for a sample, its probabilities become
    /// uniform.
    ///
    /// # Errors
    /// If there are no probabilities, or the number of classes differs from that of the fit.
    pub fn apply(&self, predictions: &Predictions) -> Result<Predictions> {
        let k = predictions.classes.len();
        let probabilities = predictions.probabilities_for("isotonic calibration")?;
        if k != self.classes {
            return Err(Error::Mismatch {
                what: "number of classes",
                first: self.classes.to_string(),
                second: k.to_string(),
            });
        }
        let mut calibrated = probabilities.to_vec();
        for row in calibrated.chunks_exact_mut(k) {
            if let ([function], [first, second]) = (self.functions.as_slice(), &mut *row) {
                *second = function.predict(*second);
                *first = 1.0 - *second;
                continue;
            }
            for (value, function) in row.iter_mut().zip(&self.functions) {
                *value = function.predict(*value);
            }
            let sum: f64 = row.iter().sum();
            for value in row {
                *value = if sum == 0.0 {
                    1.0 / k as f64
                } else {
                    *value / sum
                };
            }
        }
        Ok(predictions.with_probabilities(calibrated))
    }
}
