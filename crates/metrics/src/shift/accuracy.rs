use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checks::{check_flat, check_probabilities};
use crate::error::{Error, Place, Result};
use crate::numeric::argmax;
use crate::predictions::Predictions;

/// Estimates the accuracy on new samples from their probabilities alone, after it has seen labeled samples of the source.
///
/// No estimate of this kind can be right for every shift. Compare the four, and measure on known shifts how wrong they are,
/// before you rely on one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AccuracyEstimator {
    classes: usize,
    accuracy: f64,
    confidence: f64,
    /// Threshold of the largest probability; infinite, stored as `null`, if every sample is wrong.
    confidence_threshold: Option<f64>,
    /// Threshold of the negative entropy.
    entropy_threshold: Option<f64>,
    samples: usize,
}

/// Estimates of the accuracy on new samples, each from 0 to 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AccuracyEstimate {
    /// Number of new samples.
    pub samples: usize,
    /// The mean probability of the predicted class. It is right where the probabilities are calibrated on the new samples.
    pub average_confidence: f64,
    /// Average thresholded confidence (ATC; Garg et al. 2022) with the largest probability: the share of the new samples
    /// above a threshold, above which the source has as many samples as are right.
    pub atc_confidence: f64,
    /// The same with the negative entropy of all probabilities.
    pub atc_entropy: f64,
    /// Difference of confidences (DoC; Guillory et al. 2021): the accuracy on the source, less what the mean confidence fell,
    /// and within 0 and 1.
    pub difference_of_confidences: f64,
}

impl AccuracyEstimator {
    /// Learns from labeled samples that the classifier was not trained on.
    ///
    /// # Errors
    /// If there are no probabilities, or the samples have weights.
    pub fn fit(source: &Predictions) -> Result<Self> {
        let what = "an estimate of the accuracy";
        let probabilities = source.probabilities_for(what)?;
        if source.weights().is_some() {
            return Err(Error::Weighted { what });
        }
        let k = source.classes().len();
        let n = source.len();
        let wrong = source.mistakes().count();
        let threshold = |score: fn(&[f64]) -> f64| {
            let mut scores: Vec<f64> = probabilities.chunks_exact(k).map(score).collect();
            scores.sort_unstable_by(f64::total_cmp);
            scores.get(wrong).copied()
        };
        Ok(Self {
            classes: k,
            accuracy: (n - wrong) as f64 / n as f64,
            confidence: mean(probabilities, k, confidence),
            confidence_threshold: threshold(confidence),
            entropy_threshold: threshold(negative_entropy),
            samples: n,
        })
    }

    /// Estimates the accuracy on new samples with these probabilities `[n, k]`, row after row.
    ///
    /// # Errors
    /// If there are no samples, the length is not a multiple of the number of classes, or a row is not one of probabilities.
    ///
    /// ```
    /// # use metrics::Predictions;
    /// # use metrics::shift::AccuracyEstimator;
    /// # fn main() -> Result<(), metrics::Error> {
    /// let source = Predictions::new(
    ///     vec![0, 0, 1, 1],
    ///     vec![vec![0.9, 0.1], vec![0.8, 0.2], vec![0.6, 0.4], vec![0.3, 0.7]],
    /// )?; // three of four are right
    /// let estimate = AccuracyEstimator::fit(&source)?.estimate(&[0.95, 0.05, 0.35, 0.65])?;
    /// assert_eq!(estimate.atc_confidence, 0.5); // one of two is as sure as the surest three of the source
    /// assert!((estimate.average_confidence - 0.8).abs() < 1e-12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn estimate(&self, probabilities: &[f64]) -> Result<AccuracyEstimate> {
        let k = self.classes;
        if probabilities.is_empty() {
            return Err(Error::Empty);
        }
        check_flat(probabilities.len() / k, probabilities.len(), k)?;
        for (row, values) in probabilities.chunks_exact(k).enumerate() {
            check_probabilities(Place::Row(row), values)?;
        }
        let above = |threshold: Option<f64>, score: fn(&[f64]) -> f64| {
            let threshold = threshold.unwrap_or(f64::INFINITY);
            mean(probabilities, k, |row| {
                f64::from(u8::from(score(row) >= threshold))
            })
        };
        let average_confidence = mean(probabilities, k, confidence);
        let difference = self.accuracy - (self.confidence - average_confidence);
        Ok(AccuracyEstimate {
            samples: probabilities.len() / k,
            average_confidence,
            atc_confidence: above(self.confidence_threshold, confidence),
            atc_entropy: above(self.entropy_threshold, negative_entropy),
            difference_of_confidences: difference.clamp(0.0, 1.0),
        })
    }

    /// The accuracy on the source.
    pub fn source_accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Number of samples of the source.
    pub fn source_samples(&self) -> usize {
        self.samples
    }
}

fn mean(probabilities: &[f64], k: usize, of: impl Fn(&[f64]) -> f64) -> f64 {
    let rows = probabilities.chunks_exact(k);
    let n = rows.len() as f64;
    rows.map(of).sum::<f64>() / n
}

fn confidence(row: &[f64]) -> f64 {
    row[argmax(row)]
}

fn negative_entropy(row: &[f64]) -> f64 {
    let terms = row.iter().map(|&p| if p > 0.0 { p * p.ln() } else { 0.0 });
    terms.sum()
}

/// One line for each estimate.
impl fmt::Display for AccuracyEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [
            ("average confidence", self.average_confidence),
            ("thresholded confidence", self.atc_confidence),
            ("thresholded entropy", self.atc_entropy),
            ("difference of confidences", self.difference_of_confidences),
        ] {
            writeln!(f, "{name:<26} {value:.4}")?;
        }
        Ok(())
    }
}
