use crate::confusion::metric::{Average, ClassMetric};
use crate::numeric::{WeightedMean, share};

/// Weights of the samples of one class against all others: true and false positives, false and true negatives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub tp: f64,
    pub fp: f64,
    pub fn_: f64,
    pub tn: f64,
}

impl Counts {
    /// Adds a sample that has the class or not, and that was predicted as it or not.
    pub fn add(&mut self, target: bool, predicted: bool, weight: f64) {
        *match (target, predicted) {
            (true, true) => &mut self.tp,
            (false, true) => &mut self.fp,
            (true, false) => &mut self.fn_,
            (false, false) => &mut self.tn,
        } += weight;
    }

    /// A metric; `None` where it is 0/0.
    pub fn value(self, metric: ClassMetric) -> Option<f64> {
        let Self { tp, fp, fn_, tn } = self;
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
        share(part, whole)
    }
}

/// A metric averaged over classes; `None` where one that counts is undefined, unless there is a value for 0/0.
pub(crate) fn average_of_counts(
    metric: ClassMetric,
    average: Average,
    classes: impl Iterator<Item = Counts>,
    zero_division: Option<f64>,
) -> Option<f64> {
    if average == Average::Micro {
        let mut sum = Counts::default();
        for counts in classes {
            sum.tp += counts.tp;
            sum.fp += counts.fp;
            sum.fn_ += counts.fn_;
            sum.tn += counts.tn;
        }
        return sum.value(metric).or(zero_division);
    }
    let mut mean = WeightedMean::default();
    for counts in classes {
        let weight = if average == Average::Weighted {
            counts.tp + counts.fn_
        } else {
            1.0
        };
        if weight > 0.0 {
            mean.add(counts.value(metric).or(zero_division)?, weight);
        }
    }
    mean.mean().or(zero_division)
}
