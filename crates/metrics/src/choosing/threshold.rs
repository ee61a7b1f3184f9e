use crate::Ranking;

/// What calling everything at or above a threshold positive gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Positive means a score of at least this; infinite where nothing is to be called positive.
    pub threshold: f64,
    /// Of those called positive, the share that is; `None` where nothing is called positive.
    pub precision: Option<f64>,
    /// Share of the positives that are found; `None` where there are none.
    pub recall: Option<f64>,
    /// Weight of the negatives called positive.
    pub false_positives: f64,
    /// Weight of the positives that are missed.
    pub false_negatives: f64,
}

impl Ranking {
    /// Of the thresholds with at least this precision, the one that finds most; at a tie the highest.
    ///
    /// `None` where no threshold reaches it, or there are no positives. Choose on validation data.
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

    /// Of the thresholds with at least this recall, the highest, which is the one with the fewest false
    /// alarms.
    ///
    /// `None` for a recall above 1 or without positives. Choose on validation data.
    pub fn threshold_for_recall(&self, wanted: f64) -> Option<OperatingPoint> {
        (0..self.thresholds.len())
            .map(|i| self.point(i))
            .find(|point| point.recall >= Some(wanted))
    }

    /// The threshold of least cost, where a false alarm and a miss cost this much each; at a tie the highest.
    /// Calling nothing positive (threshold infinite) is among the choices.
    ///
    /// `None` where a cost is negative or not finite. Choose on validation data.
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
