use serde::Serialize;

use crate::confusion::Average;
use crate::curves::areas::Areas;
use crate::curves::ranking::Ranking;
use crate::curves::roc::average_of;
use crate::predictions::Predictions;

/// Precision against recall, as `precision_recall_curve` of scikit-learn computes it. The thresholds ascend. The last
/// point (recall 0, precision 1) has no threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrecisionRecallCurve {
    /// Share of positives among the samples at or above each threshold. It has one value more than `thresholds`.
    pub precision: Vec<f64>,
    /// Share of the positives that are at or above each threshold. It has one value more than `thresholds`.
    pub recall: Vec<f64>,
    /// The thresholds, ascending.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The precision-recall curve; `None` without positives.
    pub fn precision_recall_curve(&self) -> Option<PrecisionRecallCurve> {
        let positives = self.positives();
        if positives <= 0.0 {
            return None;
        }
        let counts = self.true_positives.iter().zip(&self.false_positives).rev();
        let (mut precision, mut recall) = (
            Vec::with_capacity(counts.len() + 1),
            Vec::with_capacity(counts.len() + 1),
        );
        for (&tp, &fp) in counts {
            precision.push(tp / (tp + fp));
            recall.push(tp / positives);
        }
        precision.push(1.0);
        recall.push(0.0);
        let thresholds = self.thresholds.iter().rev().copied().collect();
        Some(PrecisionRecallCurve {
            precision,
            recall,
            thresholds,
        })
    }

    /// Average precision: the sum of the precisions at all thresholds, each multiplied by the increase of recall there.
    /// This is a sum of steps, because the trapezoid rule would be too optimistic. `None` without positives.
    #[doc(alias = "average_precision_score")]
    pub fn average_precision(&self) -> Option<f64> {
        self.areas().average_precision()
    }
}

impl Predictions {
    /// Average precision of each class against all others, averaged over the classes: `average_precision_score` on
    /// binarized targets. With two classes this is the mean of both.
    ///
    /// `None` without probabilities, or if one of the averaged classes has no samples. The weighted average skips
    /// classes without samples.
    pub fn average_precision(&self, average: Average) -> Option<f64> {
        if average == Average::Micro {
            return self.micro_areas()?.average_precision();
        }
        average_of(average, &self.class_areas(), Areas::average_precision)
    }
}
