use rayon::prelude::*;

use crate::{Error, Predictions, Result};

/// Added to probabilities before their logarithm is taken, as scikit-learn does: a zero stays far but finite.
const FLOOR: f64 = 1e-12;

/// Temperature scaling (Guo et al. 2017): all logits divided by one number, so that probabilities are
/// neither too sure nor too timid. The order of the classes does not change.
///
/// Fit it on validation predictions, never on those that are to be judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// The temperature, 1e-6 to 1e6; above 1 makes probabilities flatter. 1 where no other is better.
    pub value: f64,
    /// Log loss of the predictions it was fitted on, before.
    pub loss_before: f64,
    /// And after; never more than before.
    pub loss_after: f64,
}

impl Temperature {
    /// The temperature of least log loss, between `exp(-10)` and `exp(10)`.
    ///
    /// Logits are the logarithms of the probabilities plus `1e-12`, as in scikit-learn's
    /// `CalibratedClassifierCV(method="temperature")`. The loss is convex in the inverse temperature; the
    /// root of its derivative is bracketed in log space and found by the Illinois form of regula falsi.
    ///
    /// # Errors
    /// Where there are no probabilities.
    pub fn fit(validation: &Predictions) -> Result<Self> {
        let k = validation.classes.len();
        let logits: Vec<f64> = validation
            .probabilities
            .as_ref()
            .ok_or(Error::NoProbabilities {
                what: "temperature scaling",
            })?
            .iter()
            .map(|probability| (probability + FLOOR).ln())
            .collect();
        let slope = |inverse: f64| slope(validation, &logits, k, inverse);
        let (mut low, mut high) = (-10.0_f64, 10.0_f64);
        let log_inverse = if slope(low.exp()) >= 0.0 {
            low
        } else if slope(high.exp()) <= 0.0 {
            high
        } else {
            // A few steps of the Illinois form of regula falsi do the work of fifty bisections.
            let (mut at_low, mut at_high) = (slope(low.exp()), slope(high.exp()));
            let mut side = 0;
            for _ in 0..200 {
                let mut middle = (low * at_high - high * at_low) / (at_high - at_low);
                if !(middle > low && middle < high) {
                    middle = 0.5 * (low + high);
                }
                let at_middle = slope(middle.exp());
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
        };
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
    /// Where there are no probabilities, or the temperature is not from 1e-6 to 1e6.
    pub fn apply(&self, predictions: &Predictions) -> Result<Predictions> {
        let probabilities = predictions
            .probabilities
            .as_ref()
            .ok_or(Error::NoProbabilities {
                what: "temperature scaling",
            })?;
        if !(1e-6..=1e6).contains(&self.value) {
            return Err(Error::Option {
                option: "temperature",
                value: self.value.to_string(),
                expected: "a number from 1e-6 to 1e6",
            });
        }
        if self.value == 1.0 {
            return Ok(predictions.clone());
        }
        let mut scaled = probabilities.clone();
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

/// Rows that one thread takes at a time; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 4096;

/// Derivative of the log loss with respect to the inverse temperature: mean over the samples of the
/// expected logit less the logit of the target.
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
