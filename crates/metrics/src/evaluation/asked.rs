//! The intervals that need no resampling, and why a number has none.

use std::collections::BTreeMap;

use crate::confusion::{ConfusedPair, ConfusionMatrix, Margins};
use crate::evaluation::result::{ClassScores, Score};
use crate::evaluation::table::{SCORES, WEIGHTED};
use crate::uncertainty::{Estimate, Interval, wilson_interval};

/// Why no score has an interval.
pub(crate) const NOT_ASKED: &str = "intervals were not requested";

/// Why a score has no interval that all resamples agree on, as they do where everything is right. An interval of length 0 would
/// promise that other samples are right, too.
pub(crate) const NO_SPREAD: &str = "the score is the same in every replicate of the bootstrap, which says nothing about other samples";

/// Number of confused pairs that an evaluation keeps.
const PAIRS: usize = 20;

/// Which intervals were asked for, and whether the samples have weights.
pub(super) struct Asked {
    level: Option<f64>,
    weighted: bool,
}

impl Asked {
    /// Intervals at this level; `None` if none were asked for.
    pub fn new(level: Option<f64>, weighted: bool) -> Self {
        Self { level, weighted }
    }

    /// Says of each defined score without an interval why it has none.
    pub fn explain(&self, scores: &mut [Score], classes: usize) {
        for (score, kind) in scores.iter_mut().zip(SCORES) {
            let explained = score.interval.is_some() || !score.no_interval.is_empty();
            if score.value.is_none() || explained {
                continue;
            }
            let reason = if self.level.is_none() {
                NOT_ASKED
            } else if !kind.no_interval.is_empty() {
                kind.no_interval
            } else if kind.name == "roc_auc_ovr_macro" && classes == 2 && !self.weighted {
                "DeLong's interval needs at least two samples of each class"
            } else {
                "the score is undefined in every replicate of the bootstrap"
            };
            score.no_interval = reason.to_string();
        }
    }

    /// Adds Wilson's intervals of the scores of each class that are shares of its samples.
    pub fn add_class_intervals(&self, classes: &mut [ClassScores], confusion: &ConfusionMatrix) {
        let Some(level) = self.level.filter(|_| !self.weighted) else {
            return;
        };
        let Margins {
            support,
            predicted,
            total,
            ..
        } = confusion.margins();
        let wilson = |share: Option<f64>, n: f64| {
            let interval = wilson_of_share(share?, n, level);
            interval.map(Interval::from)
        };
        for (class, scores) in classes.iter_mut().enumerate() {
            scores.precision_interval = wilson(scores.precision, predicted[class]);
            scores.recall_interval = wilson(scores.recall, support[class]);
            scores.specificity_interval = wilson(scores.specificity, total - support[class]);
        }
    }

    /// Why scores of the single classes have no intervals, by the names of their fields.
    pub fn explain_classes(&self) -> BTreeMap<String, String> {
        const NO_SHARE: &str = "this score is not a share of samples, and the bootstrap computes only its mean over classes";
        const NOT_RESAMPLED: &str = "the bootstrap computes only its mean over classes";
        let shares = ["precision", "recall", "specificity"];
        let others = [
            ("f1", NO_SHARE),
            ("jaccard", NO_SHARE),
            ("roc_auc", NOT_RESAMPLED),
            ("average_precision", NOT_RESAMPLED),
        ];
        let mut reasons: BTreeMap<String, String> = BTreeMap::new();
        for (name, reason) in others {
            let reason = self.level.map_or(NOT_ASKED, |_| reason);
            reasons.insert(name.to_string(), reason.to_string());
        }
        let reason = match self.level {
            None => NOT_ASKED,
            Some(_) if self.weighted => WEIGHTED,
            Some(_) => return reasons,
        };
        reasons.extend(shares.map(|name| (name.to_string(), reason.to_string())));
        reasons
    }

    /// The pairs that were confused most often. Weights that are whole numbers are no counts either.
    pub fn confused_pairs(&self, matrix: &ConfusionMatrix, names: &[String]) -> Vec<ConfusedPair> {
        let level = self.level.filter(|_| !self.weighted);
        // No interval has the level 0.
        matrix.confused_pairs(names, PAIRS, level.unwrap_or(0.0))
    }
}

/// Wilson's interval of a share of `n` samples that all count the same.
pub(super) fn wilson_of_share(share: f64, n: f64, level: f64) -> Option<Estimate> {
    // The share is a quotient of whole numbers, so that the product is one up to rounding.
    wilson_interval((share * n).round() as u64, n as u64, level)
}
