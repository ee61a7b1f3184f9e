use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// Added to probabilities before their logarithm is taken, as scikit-learn does, so that the logarithm of 0 is finite.
const FLOOR: f64 = 1e-12;

/// Temperature scaling (Guo et al. 2017): all logits are divided by one number, so that the probabilities are neither
/// overconfident nor underconfident. The order of the classes does not change.
///
/// Fit it on validation predictions, never on the predictions that you measure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct TemperatureScaling {
    /// The temperature, from 1e-6 to 1e6. Above 1 it makes the probabilities more uniform. It is 1 if no other value is
    /// better.
    pub value: f64,
    /// Log loss of the predictions it was fitted on, before scaling.
    pub loss_before: f64,
    /// Log loss of the same predictions after scaling; never more than before.
    pub loss_after: f64,
}

impl TemperatureScaling {
    /// Finds the temperature with the lowest log loss, between `exp(-10)` and `exp(10)`.
    ///
    /// The logits are the logarithms of the probabilities plus `1e-12`, as in scikit-learn's
    /// `CalibratedClassifierCV(method="temperature")`. The loss is convex in the inverse temperature. The root of its
    /// derivative is bracketed on a logarithmic scale and found by the Illinois variant of regula falsi.
    ///
    /// # Errors
    /// If there are no probabilities.
    pub fn fit(validation: &Predictions) -> Result<Self> {
        let k = validation.classes.len();
        let logits: Vec<f64> = validation
            .probabilities_for("temperature scaling")?
            .iter()
            .map(|probability| (probability + FLOOR).ln())
            .collect();
        let log_inverse = root(-10.0, 10.0, |log_inverse| {
            slope(validation, &logits, k, log_inverse.exp())
        });
        let loss = |predictions: &Predictions| predictions.log_loss().unwrap_or_default();
        let found = Self {
            value: (-log_inverse).exp(),
            loss_before: loss(validation),
            loss_after: 0.0,
        };
        let loss_after = loss(&found.apply(validation)?);
        if loss_after < found.loss_before {
            Ok(Self {
                loss_after,
                ..found
            })
        } else {
            Ok(Self {
                value: 1.0,
                loss_after: found.loss_before,
                ..found
            })
        }
    }

    /// The predictions at this temperature; unchanged at 1.
    ///
    /// # Errors
    /// If there are no probabilities, or the temperature is not from 1e-6 to 1e6.
    pub fn apply(&self, predictions: &Predictions) -> Result<Predictions> {
        let probabilities = predictions.probabilities_for("temperature scaling")?;
        if !(1e-6..=1e6).contains(&self.value) {
            let expected = "a number from 1e-6 to 1e6";
            return Err(Error::setting("temperature", self.value, expected));
        }
        if self.value == 1.0 {
            return Ok(predictions.clone());
        }
        let mut scaled = probabilities.to_vec();
        scaled
            .par_chunks_exact_mut(predictions.classes.len())
            .for_each(|row| {
                for value in row.iter_mut() {
                    *value = (*value + FLOOR).ln() / self.value;
                }
                softmax(row);
            });
        Ok(predictions.with_probabilities(scaled))
    }
}

/// Root of a non-decreasing function between `low` and `high`, or the nearer of the two if it lies outside.
///
/// A few steps of the Illinois variant of regula falsi are as precise as fifty bisections.
fn root(mut low: f64, mut high: f64, value: impl Fn(f64) -> f64) -> f64 {
    let (mut at_low, mut at_high) = (value(low), value(high));
    if at_low >= 0.0 {
        return low;
    }
    if at_high <= 0.0 {
        return high;
    }
    let mut side = 0;
    for _ in 0..200 {
        let mut middle = (low * at_high - high * at_low) / (at_high - at_low);
        if !(middle > low && middle < high) {
            middle = 0.5 * (low + high);
        }
        let at_middle = value(middle);
        if at_middle == 0.0 || high - low < 1e-14 {
            (low, high) = (middle, middle);
            break;
        }
        if at_middle > 0.0 {
            (high, at_high) = (middle, at_middle);
            if side == 1 {
                at_low *= 0.5;
            }
            side = 1;
        } else {
            (low, at_low) = (middle, at_middle);
            if side == -1 {
                at_high *= 0.5;
            }
            side = -1;
        }
    }
    0.5 * (low + high)
}

/// Number of rows that one thread takes at a time. It is fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 4096;

/// Derivative of the log loss with respect to the inverse temperature: the sum over the samples of the expected logit
/// minus the logit of the target.
fn slope(predictions: &Predictions, logits: &[f64], k: usize, inverse: f64) -> f64 {
    let part = |(chunk, rows): (usize, &[f64])| {
        let mut sum = 0.0;
        for (i, row) in rows.chunks_exact(k).enumerate() {
            let i = chunk * CHUNK + i;
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut weighted, mut whole) = (0.0, 0.0);
            for &logit in row {
                let share = (inverse * (logit - largest)).exp();
                weighted += share * logit;
                whole += share;
            }
            sum += predictions.weight(i) * (weighted / whole - row[predictions.targets[i]]);
        }
        sum
    };
    let parts: Vec<f64> = logits.par_chunks(CHUNK * k).enumerate().map(part).collect();
    parts.iter().sum()
}

fn softmax(row: &mut [f64]) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut whole = 0.0;
    for value in row.iter_mut() {
        *value = (*value - largest).exp();
        whole += *value;
    }
    for value in row {
        *value /= whole;
    }
}
