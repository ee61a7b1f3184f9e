use serde::{Deserialize, Serialize};

use crate::confusion::ClassMetric;

/// A metric of one label.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum LabelMetric {
    /// Share of the samples predicted to have the label that have it.
    Precision,
    /// Share of the samples with the label that are predicted to have it.
    Recall,
    /// F-score with the given beta: recall counts `beta` times as much as precision.
    FBeta(f64),
    /// Jaccard index: intersection over union.
    Jaccard,
    /// Share of the samples without the label that are predicted not to have it.
    Specificity,
    /// Area under the ROC curve.
    RocAuc,
    /// Average precision: area under the precision-recall curve, in steps.
    AveragePrecision,
    /// Log loss, from 0 (perfect), with probabilities clipped as for
    /// [`Predictions::log_loss`](crate::Predictions::log_loss).
    LogLoss,
    /// Brier score: mean squared distance of the probability to 0 or 1, from 0 (perfect) to 1.
    Brier,
}

/// How the values of the labels are combined into one number: the `average` parameter of scikit-learn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum LabelAverage {
    /// All pairs of a sample and a label count as samples of one label.
    Micro,
    /// The unweighted mean over the labels.
    Macro,
    /// The mean over the labels, weighted by the number of samples that have each label.
    Weighted,
    /// The mean over the samples, where the metric of a sample is computed from its labels.
    Samples,
}

/// A metric of one sample, whose mean over the samples is taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum SampleMetric {
    /// 1 if every label of the sample is right, otherwise 0: `accuracy_score` of scikit-learn.
    SubsetAccuracy,
    /// Share of the labels that are wrong: `hamming_loss`.
    HammingLoss,
    /// How many of the most probable labels must be taken to have all labels of the sample; 0 for a sample without
    /// labels: `coverage_error`.
    CoverageError,
    /// For each label of the sample, the share of its labels among the labels that are at least as probable; the mean of
    /// them, and 1 for a sample without labels: `label_ranking_average_precision_score`.
    LabelRankingAveragePrecision,
    /// Share of the pairs of a label that the sample has and one that it has not, in which the first is not more probable;
    /// 0 for a sample with all labels or none: `label_ranking_loss`.
    LabelRankingLoss,
}

impl LabelMetric {
    /// The F1 score: the harmonic mean of precision and recall.
    pub const F1: Self = Self::FBeta(1.0);

    /// The metric of counts that it is, if it is one.
    pub(super) fn of_counts(self) -> Option<ClassMetric> {
        Some(match self {
            Self::Precision => ClassMetric::Precision,
            Self::Recall => ClassMetric::Recall,
            Self::FBeta(beta) => ClassMetric::FBeta(beta),
            Self::Jaccard => ClassMetric::Jaccard,
            Self::Specificity => ClassMetric::Specificity,
            Self::RocAuc | Self::AveragePrecision | Self::LogLoss | Self::Brier => return None,
        })
    }

    /// Where the metric is undefined: of a label, and of one sample.
    pub(super) fn undefined(self) -> (&'static str, &'static str) {
        match self {
            Self::Precision => ("never predicted", "no label is predicted"),
            Self::Recall | Self::AveragePrecision => ("without samples", "no label holds"),
            Self::Specificity => (
                "that every sample has, or without samples",
                "every label holds",
            ),
            Self::RocAuc => (
                "that every sample or none has",
                "every label holds, or none",
            ),
            _ => (
                "without samples that were never predicted",
                "no label holds or is predicted",
            ),
        }
    }
}
