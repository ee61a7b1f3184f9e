use rayon::prelude::*;

use super::Ranking;
use super::roc::average_of;
use crate::{Average, Predictions};

/// Precision against recall, as `precision_recall_curve`: thresholds rise, and the last point, recall 0 at
/// precision 1, has none.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecallCurve {
    /// Of those at or above the threshold, the share that is positive; one longer than `thresholds`.
    pub precision: Vec<f64>,
    /// Share of the positives at or above the threshold; one longer than `thresholds`.
    pub recall: Vec<f64>,
    /// Rising.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The precision-recall curve; `None` without positives.
    pub fn precision_recall(&self) -> Option<PrecisionRecallCurve> {
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

    /// Average precision: the sum of the precisions, each times the recall gained there. Steps, not
    /// trapezoids, which would be too kind. `None` without positives.
    pub fn average_precision(&self) -> Option<f64> {
        let positives = self.positives();
        let (mut sum, mut before) = (0.0, 0.0);
        for (&tp, &fp) in self.true_positives.iter().zip(&self.false_positives) {
            sum += (tp - before) * (tp / (tp + fp));
            before = tp;
        }
        (positives > 0.0).then(|| sum / positives)
    }
}

impl Predictions {
    /// Average precisions of each class against the rest, averaged, as `average_precision_score` on
    /// binarised targets; with two classes as well, the mean of both.
    ///
    /// `None` without probabilities or where a class that counts has no samples.
    pub fn average_precision(&self, average: Average) -> Option<f64> {
        if average == Average::Micro {
            return self.micro_ranking()?.average_precision();
        }
        let rankings: Vec<Ranking> = (0..self.classes.len())
            .into_par_iter()
            .filter_map(|class| self.ranking(class))
            .collect();
        average_of(average, &rankings, Ranking::average_precision)
    }
}
