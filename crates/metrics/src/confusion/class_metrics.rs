use serde::{Deserialize, Serialize};

use crate::confusion::matrix::ConfusionMatrix;
use crate::numeric::{WeightedMean, share};

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

/// Counts of one class against all others.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    tp: f64,
    fp: f64,
    fn_: f64,
    tn: f64,
}

impl ConfusionMatrix {
    /// Precision of each class.
    #[doc(alias = "precision_score")]
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Precision)
    }

    /// Recall of each class.
    #[doc(alias = "recall_score")]
    #[doc(alias = "sensitivity")]
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Recall)
    }

    /// F1 score of each class.
    #[doc(alias = "f1_score")]
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::F1)
    }

    /// A metric of each class.
    #[doc(alias = "fbeta_score")]
    #[doc(alias = "jaccard_score")]
    pub fn per_class(&self, metric: ClassMetric) -> Vec<Option<f64>> {
        self.counts()
            .into_iter()
            .map(|counts| self.value(metric, counts))
            .collect()
    }

    /// A metric averaged over the classes that are present, which means that they have samples or were predicted.
    /// scikit-learn averages over the same classes where its `labels` are not given.
    ///
    /// `None` if the metric is undefined for one of these classes: a mean over fewer classes would hide that.
    pub fn average(&self, metric: ClassMetric, average: Average) -> Option<f64> {
        let (support, predicted) = self.margins();
        let present: Vec<usize> = (0..self.classes())
            .filter(|&class| support[class] > 0.0 || predicted[class] > 0.0)
            .collect();
        self.average_over(metric, average, &present)
    }

    /// A metric averaged over the given classes, as with scikit-learn's `labels`. Indices of classes that do not
    /// exist are ignored.
    pub fn average_over(
        &self,
        metric: ClassMetric,
        average: Average,
        classes: &[usize],
    ) -> Option<f64> {
        let all = self.counts();
        let chosen: Vec<Counts> = classes
            .iter()
            .filter_map(|&class| all.get(class).copied())
            .collect();
        if average == Average::Micro {
            let mut sum = Counts::default();
            for counts in &chosen {
                sum.tp += counts.tp;
                sum.fp += counts.fp;
                sum.fn_ += counts.fn_;
                sum.tn += counts.tn;
            }
            return self.value(metric, sum);
        }
        let mut mean = WeightedMean::default();
        for counts in chosen {
            let weight = if average == Average::Weighted {
                counts.tp + counts.fn_
            } else {
                1.0
            };
            if weight > 0.0 {
                mean.add(self.value(metric, counts)?, weight);
            }
        }
        mean.mean().or(self.zero_division())
    }

    /// True positives, false positives, false negatives and true negatives of each class.
    fn counts(&self) -> Vec<Counts> {
        let (support, predicted) = self.margins();
        let total: f64 = support.iter().sum();
        (0..self.classes())
            .map(|class| {
                let tp = self[class][class];
                let (fp, fn_) = (predicted[class] - tp, support[class] - tp);
                Counts {
                    tp,
                    fp,
                    fn_,
                    tn: total - tp - fp - fn_,
                }
            })
            .collect()
    }

    fn value(&self, metric: ClassMetric, Counts { tp, fp, fn_, tn }: Counts) -> Option<f64> {
        let (part, whole) = match metric {
            ClassMetric::Precision => (tp, tp + fp),
            ClassMetric::Recall => (tp, tp + fn_),
            ClassMetric::FBeta(beta) => {
                let b = beta * beta;
                if b.is_infinite() {
                    (tp, tp + fn_) // the limit
                } else {
                    ((1.0 + b) * tp, (1.0 + b) * tp + b * fn_ + fp)
                }
            }
            ClassMetric::Jaccard => (tp, tp + fp + fn_),
            ClassMetric::Specificity => (tn, tn + fp),
        };
        share(part, whole).or(self.zero_division())
    }
}
