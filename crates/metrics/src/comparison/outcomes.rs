use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::pairing::check_same_samples;
use crate::predictions::Predictions;
use crate::uncertainty::{McNemarTest, mcnemar_chi_squared, mcnemar_exact};

/// Which of two classifiers is right on each sample, and whether chance can explain the difference.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PairedOutcomes {
    /// Number of samples that both classifiers have right.
    pub both_right: usize,
    /// Indices of the samples that both have wrong, whether with the same class or not.
    pub both_wrong: Vec<usize>,
    /// Indices of the samples that only the second classifier has right.
    pub fixed: Vec<usize>,
    /// Indices of the samples that only the first classifier has right.
    pub broken: Vec<usize>,
    /// McNemar's test of the numbers of `fixed` and `broken` samples: the exact test if the two numbers sum to less
    /// than 25, otherwise the chi-squared test with continuity correction. `None` if both are 0.
    pub mcnemar: Option<McNemarTest>,
}

impl PairedOutcomes {
    /// Compares two sets of predictions of the same samples in the same order. Weights are ignored.
    ///
    /// # Errors
    /// If classes, number of samples, targets or file names differ.
    pub fn new(first: &Predictions, second: &Predictions) -> Result<Self> {
        check_same_samples(first, second)?;
        let mut outcomes = Self {
            both_right: 0,
            both_wrong: Vec::new(),
            fixed: Vec::new(),
            broken: Vec::new(),
            mcnemar: None,
        };
        for (i, &target) in first.targets.iter().enumerate() {
            match (first.predicted[i] == target, second.predicted[i] == target) {
                (true, true) => outcomes.both_right += 1,
                (false, false) => outcomes.both_wrong.push(i),
                (false, true) => outcomes.fixed.push(i),
                (true, false) => outcomes.broken.push(i),
            }
        }
        let (fixed, broken) = (outcomes.fixed.len() as u64, outcomes.broken.len() as u64);
        outcomes.mcnemar = if fixed + broken < 25 {
            mcnemar_exact(fixed, broken)
        } else {
            mcnemar_chi_squared(fixed, broken, true)
        };
        Ok(outcomes)
    }
}
