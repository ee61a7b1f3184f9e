use std::fmt;

use crate::evaluation::{Score, write_scores};
use crate::visible::visible;

/// All scores of predictions with several labels.
///
/// `Display` prints one line for each score, and one for each label. As JSON it is an object with the number of samples `n`,
/// `labels`, each score under its name, `intervals`, `undefined` (why a score is `null`), `no_interval` (why a score has no
/// interval), and `per_label`, where each label has the same entries.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MultilabelEvaluation {
    /// Number of samples.
    pub samples: usize,
    /// Names of the labels.
    pub labels: Vec<String>,
    /// The scores over all labels, in a fixed order: `precision`, `recall`, `f1`, `jaccard`, `roc_auc` and
    /// `average_precision`, each with `_micro`, `_macro`, `_weighted` and `_samples`; then `subset_accuracy`, `hamming_loss`,
    /// `coverage_error`, `label_ranking_average_precision`, `label_ranking_loss`, `log_loss` and `brier`.
    pub scores: Vec<Score>,
    /// The scores of each label.
    pub per_label: Vec<LabelScores>,
}

/// The scores of one label.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LabelScores {
    /// Name of the label.
    pub name: String,
    /// Total weight of the samples that have the label.
    pub support: f64,
    /// The probability from which on the label is predicted.
    pub threshold: f64,
    /// Weights of the samples: `[[true negatives, false positives], [false negatives, true positives]]`.
    pub confusion: [[f64; 2]; 2],
    /// The scores, in a fixed order: `precision`, `recall`, `f1`, `jaccard`, `roc_auc`, `average_precision`, `log_loss` and
    /// `brier`.
    pub scores: Vec<Score>,
}

impl MultilabelEvaluation {
    /// The value of a score by its name; `None` if it is undefined or there is no score of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.score(name)?.value
    }

    /// A score by its name, with title, reason and interval; `None` if there is no score of that name.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.name == name)
    }
}

impl LabelScores {
    /// The value of a score by its name; `None` if it is undefined or there is no score of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.score(name)?.value
    }

    /// A score by its name, with title, reason and interval; `None` if there is no score of that name.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.name == name)
    }
}

/// One line for each score, and one for each label.
impl fmt::Display for MultilabelEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: [&str; 5] = ["precision", "recall", "f1", "roc_auc", "average_precision"];
        write_scores(f, &self.scores)?;
        let names = self.labels.iter();
        let width = names.map(|name| visible(name).chars().count()).max();
        let width = width.unwrap_or_default();
        write!(f, "\n{:width$}  {:>9} {:>9}", "", "support", "threshold")?;
        for name in SHOWN {
            write!(f, " {:>9}", name.replace("average_precision", "avg prec"))?;
        }
        writeln!(f)?;
        for label in &self.per_label {
            let name = visible(&label.name);
            let (support, threshold) = (label.support, label.threshold);
            write!(f, "{name:>width$}  {support:>9} {threshold:>9.4}")?;
            for name in SHOWN {
                let text = label.get(name).map(|value| format!("{value:.4}"));
                write!(f, " {:>9}", text.as_deref().unwrap_or("-"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
