//! What is explained: a number made from the logits of a model.

use crate::check;
use crate::error::{Error, Result};
use std::sync::Arc;

type Custom = dyn Fn(&[f64]) -> (f64, Vec<f64>) + Send + Sync;

/// A number made from the logits of one image: what is explained.
///
/// [`evaluate`](Self::evaluate) gives its value and its gradient with respect to the logits. The engine that computes the
/// logits turns this gradient into the gradient with respect to the pixels;
/// `autodiff` (feature `burn`) does so for Burn.
///
/// ```
/// use attribution::Score;
/// let (score, gradient) = Score::Difference(2, 0).evaluate(&[1.0, 5.0, 4.0])?;
/// assert_eq!(score, 3.0);
/// assert_eq!(gradient, [-1.0, 0.0, 1.0]);
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Clone)]
pub enum Score {
    /// The logit of the class.
    Logit(usize),
    /// The softmax probability of the class.
    Probability(usize),
    /// The natural logarithm of the softmax probability of the class.
    LogProbability(usize),
    /// The largest softmax probability of all classes: how confident the model is.
    Confidence,
    /// The logit of the first class minus the logit of the second: why the model prefers the first class.
    Difference(usize, usize),
    /// Any function of the logits that gives its value and its gradient, one number for each logit.
    Custom(Arc<Custom>),
}

impl std::fmt::Debug for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Logit(k) => write!(f, "Logit({k})"),
            Self::Probability(k) => write!(f, "Probability({k})"),
            Self::LogProbability(k) => write!(f, "LogProbability({k})"),
            Self::Confidence => write!(f, "Confidence"),
            Self::Difference(a, b) => write!(f, "Difference({a}, {b})"),
            Self::Custom(_) => write!(f, "Custom"),
        }
    }
}

impl Score {
    /// Any function of the logits that gives its value and its gradient, one number for each logit.
    pub fn custom(function: impl Fn(&[f64]) -> (f64, Vec<f64>) + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(function))
    }

    /// The score of the logits of one image, and its gradient: one number for each logit.
    ///
    /// The result is a tuple of standard types, so that other crates can accept the closure `|logits|
    /// score.evaluate(logits)` without depending on this crate.
    ///
    /// # Errors
    /// [`Error::Target`] if the class does not exist, [`Error::NotFinite`] if a logit is not finite,
    /// [`Error::Length`] if a custom gradient has another length than the logits.
    pub fn evaluate(&self, logits: &[f64]) -> Result<(f64, Vec<f64>)> {
        check::all_finite("logits", logits.iter().copied())?;
        let at = |target: usize| {
            logits.get(target).copied().ok_or(Error::Target {
                target,
                classes: logits.len(),
            })
        };
        let unit = |target: usize, value: f64| {
            let mut gradient = vec![0.0; logits.len()];
            if let Some(g) = gradient.get_mut(target) {
                *g = value;
            }
            gradient
        };
        match *self {
            Self::Logit(target) => Ok((at(target)?, unit(target, 1.0))),
            Self::Probability(target) => {
                at(target)?;
                let p = softmax(logits);
                let score = p[target];
                let gradient = p
                    .iter()
                    .enumerate()
                    .map(|(k, &q)| score * (f64::from(u8::from(k == target)) - q))
                    .collect();
                Ok((score, gradient))
            }
            Self::LogProbability(target) => {
                let logit = at(target)?;
                let gradient = softmax(logits)
                    .iter()
                    .enumerate()
                    .map(|(k, &q)| f64::from(u8::from(k == target)) - q)
                    .collect();
                Ok((logit - log_sum_exp(logits), gradient))
            }
            Self::Confidence => {
                let top = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
                Self::Probability(top.unwrap_or_default()).evaluate(logits)
            }
            Self::Difference(this, that) => {
                let score = at(this)? - at(that)?;
                let mut gradient = unit(this, 1.0);
                gradient[that] -= 1.0;
                Ok((score, gradient))
            }
            Self::Custom(ref function) => {
                let (score, gradient) = function(logits);
                check::length("the custom score's gradient", gradient.len(), logits.len())?;
                Ok((score, gradient))
            }
        }
    }
}

fn log_sum_exp(logits: &[f64]) -> f64 {
    let max = logits.iter().copied().fold(f64::MIN, f64::max);
    max + logits.iter().map(|&l| (l - max).exp()).sum::<f64>().ln()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let log_sum = log_sum_exp(logits);
    logits.iter().map(|&l| (l - log_sum).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let logits = [0.3, -1.2, 2.1, 0.0];
        for score in [
            Score::Logit(1),
            Score::Probability(2),
            Score::LogProbability(0),
            Score::Confidence,
            Score::Difference(3, 1),
            Score::Difference(2, 2),
            Score::custom(|l| {
                let sum: f64 = l.iter().map(|v| v * v).sum();
                (sum, l.iter().map(|v| 2.0 * v).collect())
            }),
        ] {
            let (_, gradient) = score.evaluate(&logits).unwrap();
            for k in 0..4 {
                let at = |step: f64| {
                    let mut l = logits;
                    l[k] += step;
                    score.evaluate(&l).unwrap().0
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((difference - gradient[k]).abs() < 1e-8, "{score:?} {k}");
            }
        }
    }

    #[test]
    fn a_target_out_of_range_is_an_error() {
        for score in [
            Score::Logit(2),
            Score::Probability(2),
            Score::LogProbability(9),
            Score::Difference(0, 2),
        ] {
            let message = score.evaluate(&[0.0, 1.0]).unwrap_err().to_string();
            assert!(message.contains("2 classes"), "{message}");
        }
    }
}
