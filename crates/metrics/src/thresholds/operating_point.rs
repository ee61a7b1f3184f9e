use serde::Serialize;

use crate::curves::Ranking;

/// Precision, recall and errors at one threshold: samples with a score of at least the threshold are predicted as
/// positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// The threshold; infinite if no sample is predicted as positive.
    pub threshold: f64,
    /// Share of positives among the samples predicted as positive; `None` if there are none.
    pub precision: Option<f64>,
    /// Share of the positives that are predicted as positive; `None` if there are no positives.
    pub recall: Option<f64>,
    /// Total weight of the negatives predicted as positive.
    pub false_positives: f64,
    /// Total weight of the positives predicted as negative.
    pub false_negatives: f64,
}

impl Ranking {
    /// Among the thresholds with at least this precision, the one with the highest recall; at a tie the highest
    /// threshold.
    ///
    /// `None` if no threshold reaches this precision, or there are no positives. Choose on validation data.
    pub fn threshold_for_precision(&self, wanted: f64) -> Option<OperatingPoint> {
        let mut best: Option<OperatingPoint> = None;
        for i in 0..self.thresholds.len() {
            let point = self.point(i);
            if point.precision >= Some(wanted)
                && point.recall.is_some()
                && best.is_none_or(|best| point.recall > best.recall)
            {
                best = Some(point);
            }
        }
        best
    }

    /// The highest threshold with at least this recall, which is the one with the fewest false positives.
    ///
    /// `None` for a recall above 1, or without positives. Choose on validation data.
    pub fn threshold_for_recall(&self, wanted: f64) -> Option<OperatingPoint> {
        (0..self.thresholds.len())
            .map(|i| self.point(i))
            .find(|point| point.recall >= Some(wanted))
    }

    /// The threshold with the lowest total cost, given the cost of each false positive and of each false negative; at a
    /// tie the highest threshold. An infinite threshold, at which nothing is predicted as positive, is one of the
    /// choices.
    ///
    /// `None` if a cost is negative or not finite. Choose on validation data.
    pub fn threshold_for_costs(
        &self,
        false_positive: f64,
        false_negative: f64,
    ) -> Option<OperatingPoint> {
        let sound = |cost: f64| cost.is_finite() && cost >= 0.0;
        if !sound(false_positive) || !sound(false_negative) {
            return None;
        }
        let cost = |point: &OperatingPoint| {
            false_positive * point.false_positives + false_negative * point.false_negatives
        };
        let positives = self.positives();
        let mut best = OperatingPoint {
            threshold: f64::INFINITY,
            precision: None,
            recall: (positives > 0.0).then_some(0.0),
            false_positives: 0.0,
            false_negatives: positives,
        };
        for point in (0..self.thresholds.len()).map(|i| self.point(i)) {
            if cost(&point) < cost(&best) {
                best = point;
            }
        }
        Some(best)
    }

    /// The threshold with the highest F-score, where recall counts `beta` times as much as precision; at a tie the highest
    /// threshold. `beta` 1 is F1.
    ///
    /// `None` without positives, or for a `beta` that is negative or not finite. Choose on validation data.
    pub fn threshold_for_f_score(&self, beta: f64) -> Option<OperatingPoint> {
        let positives = self.positives();
        if positives <= 0.0 || !(beta.is_finite() && beta >= 0.0) {
            return None;
        }
        let score = |point: &OperatingPoint| {
            let (b, tp) = (beta * beta, positives - point.false_negatives);
            (1.0 + b) * tp / ((1.0 + b) * tp + b * point.false_negatives + point.false_positives)
        };
        let points = (0..self.thresholds.len()).map(|i| self.point(i));
        points.reduce(|best, point| {
            if score(&point) > score(&best) {
                point
            } else {
                best
            }
        })
    }

    fn point(&self, i: usize) -> OperatingPoint {
        let (tp, fp, positives) = (
            self.true_positives[i],
            self.false_positives[i],
            self.positives(),
        );
        OperatingPoint {
            threshold: self.thresholds[i],
            precision: Some(tp / (tp + fp)),
            recall: (positives > 0.0).then(|| tp / positives),
            false_positives: fp,
            false_negatives: positives - tp,
        }
    }
}
