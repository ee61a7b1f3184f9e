use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::multilabel::MultilabelPredictions;

/// A threshold for all labels with a promise: on average over new samples, at most a given share of the labels of a sample is
/// missed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FalseNegativeControl {
    /// The share that is promised: the mean over samples of the share of their labels that are missed.
    pub risk: f64,
    /// From this probability on, a label is predicted; infinite if none need be predicted.
    pub threshold: f64,
    /// The share of the labels that are missed on the calibration samples, averaged over these samples.
    pub missed: f64,
    /// The mean number of labels that are predicted for a calibration sample.
    pub mean_size: f64,
    /// Number of calibration samples.
    pub samples: usize,
}

impl MultilabelPredictions {
    /// Chooses the highest threshold for all labels with which, on average over new samples that are drawn like these, at
    /// most the share `risk` of the labels of a sample is missed (conformal risk control of the false negative rate;
    /// Angelopoulos, Bates, Fisch, Lei and Schuster 2024). A sample without labels misses none. The thresholds of the
    /// predictions do not count.
    ///
    /// The promise holds for any classifier, if these samples were not used to train it.
    ///
    /// # Errors
    /// If `risk` is not between 0 and 1, the samples have weights, or there are too few samples for the promise; the error
    /// says how many are needed.
    ///
    /// ```
    /// # use metrics::MultilabelPredictions;
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let validation = MultilabelPredictions::new(vec![vec![true]; 9], (1..10).map(|i| vec![0.1 * f64::from(i)]).collect())?;
    /// let control = validation.control_false_negatives(0.2)?;
    /// assert_eq!(control.threshold, 0.2); // one of nine is missed, and (1 + 1)/(9 + 1) is 0.2
    /// # Ok(())
    /// # }
    /// ```
    pub fn control_false_negatives(&self, risk: f64) -> Result<FalseNegativeControl> {
        if !(risk > 0.0 && risk < 1.0) {
            let expected = "a number between 0 and 1, such as 0.1";
            return Err(Error::setting("share of missed labels", risk, expected));
        }
        if self.weights().is_some() {
            let what = "control of false negatives";
            return Err(Error::Weighted { what });
        }
        let n = self.len();
        // The loss is at most 1, so that one more sample misses at most all of its labels.
        let budget = risk * (n + 1) as f64 - 1.0 + 1e-9;
        if budget < 0.0 {
            return Err(Error::TooFew {
                what: "calibration samples".to_string(),
                found: n,
                needed: (1.0 / risk - 1e-9).ceil() as usize - 1,
                aim: format!("a share of missed labels of {risk}"),
            });
        }
        let l = self.labels().len();
        let mut losses = Vec::new();
        let rows = self.targets().chunks_exact(l);
        for (targets, values) in rows.zip(self.probabilities().chunks_exact(l)) {
            let held = targets.iter().filter(|&&target| target).count() as f64;
            let of_labels = targets.iter().zip(values).filter(|(target, _)| **target);
            losses.extend(of_labels.map(|(_, &value)| (value, 1.0 / held)));
        }
        losses.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut missed, mut threshold) = (0.0, f64::INFINITY);
        for tied in losses.chunk_by(|a, b| a.0 == b.0) {
            let more = missed + tied.iter().map(|(_, loss)| loss).sum::<f64>();
            if more > budget {
                threshold = tied[0].0;
                break;
            }
            missed = more;
        }
        let predicted = self.probabilities().iter().filter(|&&p| p >= threshold);
        Ok(FalseNegativeControl {
            risk,
            threshold,
            missed: missed / n as f64,
            mean_size: predicted.count() as f64 / n as f64,
            samples: n,
        })
    }
}
