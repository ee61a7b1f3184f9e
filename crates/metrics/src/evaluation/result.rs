use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::confusion::{ConfusedPair, ConfusionMatrix};
use crate::curves::Ranking;
use crate::probability::CalibrationError;
use crate::thresholds::RiskCoverageCurve;
use crate::uncertainty::{Estimate, Interval};

/// All scores of a set of predictions.
///
/// `Display` prints it as a table with one line for each score. As JSON it is an object with the number of samples `n`,
/// `classes`, `confusion`, `confused_pairs`, each score under its name in scikit-learn, `intervals`, `undefined` (why a
/// score is `null`), `no_interval` (why a score has no interval), `per_class`, and `no_interval_per_class` (why a score
/// of the single classes has no interval). The JSON does not contain calibration, curves and rankings; an evaluation that
/// is read from JSON has none of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Number of samples.
    pub samples: usize,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The confusion matrix.
    pub confusion: ConfusionMatrix,
    /// The pairs of classes that were confused most often, at most 20. Their intervals are `None` if intervals were not
    /// asked for or the samples have weights.
    pub confused_pairs: Vec<ConfusedPair>,
    /// The scores over all classes, in a fixed order.
    pub scores: Vec<Score>,
    /// The scores of each class.
    pub per_class: Vec<ClassScores>,
    /// Why scores of the single classes have no intervals, by the field names of [`ClassScores`]. A score whose name is
    /// missing here has intervals.
    pub no_interval_per_class: BTreeMap<String, String>,
    /// Calibration errors for 15 uniform bins; `None` without probabilities.
    pub calibration: Option<CalibrationError>,
    /// Risk-coverage curve; `None` without probabilities.
    pub risk_coverage: Option<RiskCoverageCurve>,
    /// The ranking of each class against all others; empty without probabilities.
    pub rankings: Vec<Ranking>,
}

/// One score over all classes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// Name in scikit-learn, such as `f1_macro`.
    pub name: &'static str,
    /// Name for people, such as `F1, mean over classes`.
    pub title: &'static str,
    /// The score; `None` if it is undefined.
    pub value: Option<f64>,
    /// Why the score is undefined; empty if it is defined.
    pub reason: String,
    /// The interval; `None` if it was not asked for, or the score has none.
    pub interval: Option<Estimate>,
    /// Why a defined score has no interval; empty if it has one, or is undefined.
    pub no_interval: String,
}

/// The scores of one class.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassScores {
    /// Name of the class.
    pub name: String,
    /// Total weight of the samples of the class.
    pub support: f64,
    /// Share of the samples predicted as the class that belong to it.
    pub precision: Option<f64>,
    /// Share of the samples of the class that are predicted as it.
    pub recall: Option<f64>,
    /// F1 score: harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// Jaccard index: intersection over union.
    pub jaccard: Option<f64>,
    /// Share of the samples of all other classes that are not predicted as the class.
    pub specificity: Option<f64>,
    /// Area under the ROC curve of the class against all others.
    pub roc_auc: Option<f64>,
    /// Average precision of the class against all others.
    pub average_precision: Option<f64>,
    /// Wilson's interval of the precision; `None` if it was not asked for, the precision is undefined, or the samples
    /// have weights.
    #[serde(default)]
    pub precision_interval: Option<Interval>,
    /// Wilson's interval of the recall; `None` for the same reasons as `precision_interval`.
    #[serde(default)]
    pub recall_interval: Option<Interval>,
    /// Wilson's interval of the specificity; `None` for the same reasons as `precision_interval`.
    #[serde(default)]
    pub specificity_interval: Option<Interval>,
}

impl Score {
    /// A score without an interval. `reason` says why it is undefined.
    pub(crate) fn new(
        name: &'static str,
        title: &'static str,
        value: Option<f64>,
        reason: impl FnOnce() -> String,
    ) -> Self {
        let reason = value.map_or_else(reason, |_| String::new());
        Self {
            name,
            title,
            value,
            reason,
            interval: None,
            no_interval: String::new(),
        }
    }
}

impl Evaluation {
    /// The value of a score by its name; `None` if it is undefined or there is no score of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.score(name)?.value
    }

    /// A score by its name, with title, reason and interval; `None` if there is no score of that name.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.name == name)
    }
}

/// So many confused pairs of classes are in the text of an evaluation.
const SHOWN_PAIRS: usize = 5;

/// One line for each score: title, value and interval, or the reason why the score is undefined. Then the five pairs of
/// classes that were confused most often, if any were.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scores(f, &self.scores)?;
        for (rank, pair) in self.confused_pairs.iter().take(SHOWN_PAIRS).enumerate() {
            if rank == 0 {
                writeln!(f, "\nMost confused classes")?;
            }
            match pair.interval {
                Some(interval) => writeln!(f, "  {pair}  {interval}")?,
                None => writeln!(f, "  {pair}")?,
            }
        }
        Ok(())
    }
}

/// One line for each score.
pub(crate) fn write_scores(f: &mut fmt::Formatter<'_>, scores: &[Score]) -> fmt::Result {
    let titles = scores.iter().map(|score| score.title.len());
    let width = titles.max().unwrap_or_default();
    for score in scores {
        write!(f, "{:width$}  ", score.title)?;
        match (score.value, score.interval) {
            (Some(value), Some(Estimate { low, high, .. })) => {
                writeln!(f, "{value:.4}  [{low:.4}, {high:.4}]")?;
            }
            (Some(value), None) => writeln!(f, "{value:.4}")?,
            (None, _) => writeln!(f, "-       {}", score.reason)?,
        }
    }
    Ok(())
}
