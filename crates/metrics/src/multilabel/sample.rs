use crate::confusion::Counts;
use crate::curves::{Areas, Order, descending};
use crate::multilabel::metric::{LabelMetric, SampleMetric};

/// What is known of one sample, from which all its metrics are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    counts: Counts,
    areas: Areas,
    /// How many of the most probable labels hold all labels of the sample.
    coverage: f64,
    /// Pairs of a label that holds and one that does not, in which the first is not more probable.
    wrong_pairs: f64,
}

impl Sample {
    pub fn new(targets: &[bool], predicted: &[bool], probabilities: &[f64]) -> Self {
        let mut counts = Counts::default();
        for (&target, &predicted) in targets.iter().zip(predicted) {
            counts.add(target, predicted, 1.0);
        }
        let held = counts.tp + counts.fn_;
        let (mut areas, mut coverage, mut wrong_pairs) = (Areas::default(), 0.0, 0.0);
        let order = Order::new(&descending(probabilities.iter().copied()));
        for (positives, negatives) in order.steps(|label| targets[label], |_| 1.0) {
            if positives > areas.positives {
                coverage = positives + negatives;
            }
            wrong_pairs += (negatives - areas.negatives) * (held - areas.positives);
            areas.step(positives, negatives);
        }
        Self {
            counts,
            areas,
            coverage,
            wrong_pairs,
        }
    }

    /// A metric over the labels of the sample; `None` where it is undefined. The losses are not of a sample.
    pub fn of_labels(&self, metric: LabelMetric) -> Option<f64> {
        match metric {
            LabelMetric::RocAuc => self.areas.roc_auc(),
            LabelMetric::AveragePrecision => self.areas.average_precision(),
            metric => self.counts.value(metric.of_counts()?),
        }
    }

    pub fn value(&self, metric: SampleMetric) -> f64 {
        let Counts { tp, fp, fn_, tn } = self.counts;
        match metric {
            SampleMetric::SubsetAccuracy => f64::from(u8::from(fp + fn_ == 0.0)),
            SampleMetric::HammingLoss => (fp + fn_) / (tp + fp + fn_ + tn),
            SampleMetric::CoverageError => self.coverage,
            SampleMetric::LabelRankingAveragePrecision => {
                self.areas.average_precision().unwrap_or(1.0)
            }
            SampleMetric::LabelRankingLoss => {
                let pairs = (tp + fn_) * (fp + tn);
                if pairs > 0.0 {
                    self.wrong_pairs / pairs
                } else {
                    0.0
                }
            }
        }
    }
}
