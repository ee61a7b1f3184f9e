use serde::{Deserialize, Serialize};

/// A metric of one class against all others.
///
/// `tp`, `fp`, `fn` and `tn` are the true positives, false positives, false negatives and true negatives of the
/// class.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ClassMetric {
    /// Share of the samples predicted as the class that belong to it: `tp / (tp + fp)`.
    Precision,
    /// Share of the samples of the class that are predicted as it: `tp / (tp + fn)`. Also called sensitivity.
    Recall,
    /// F-score with the given beta: `(1 + b²) tp / ((1 + b²) tp + b² fn + fp)`. Recall counts `b` times as much as
    /// precision.
    FBeta(f64),
    /// Jaccard index, also called intersection over union: `tp / (tp + fp + fn)`.
    Jaccard,
    /// Share of the samples of all other classes that are not predicted as the class: `tn / (tn + fp)`.
    Specificity,
}

impl ClassMetric {
    /// The F1 score: the harmonic mean of precision and recall.
    pub const F1: Self = Self::FBeta(1.0);
}

/// How the values of the classes are combined into one number: the `average` parameter of scikit-learn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Average {
    /// The counts of all classes are added up, and the metric is computed from the sums.
    Micro,
    /// The unweighted mean over the classes.
    Macro,
    /// The mean over the classes, weighted by the number of samples of each class.
    Weighted,
}
