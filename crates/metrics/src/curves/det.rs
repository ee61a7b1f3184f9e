use serde::Serialize;

use crate::curves::ranking::Ranking;

/// Detection error tradeoff curve: false positive rate against false negative rate, as `det_curve` of scikit-learn.
///
/// The points are in the order of ascending thresholds: from the lowest threshold that still adds a true positive to the
/// lowest threshold without a false positive (infinite if there is none).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetCurve {
    /// Share of the negatives at or above each threshold, descending.
    pub false_positive_rate: Vec<f64>,
    /// Share of the positives below each threshold, ascending.
    pub false_negative_rate: Vec<f64>,
    /// The thresholds, ascending.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The DET curve; `None` without positives or without negatives.
    pub fn det_curve(&self) -> Option<DetCurve> {
        let (positives, negatives) = (self.positives(), self.negatives());
        if positives <= 0.0 || negatives <= 0.0 {
            return None;
        }
        // Of the points before the first false positive only the last is kept. Index 0 stands for the infinite
        // threshold.
        let first = self
            .false_positives
            .iter()
            .take_while(|&&fp| fp == 0.0)
            .count();
        let last = self.true_positives.iter().position(|&tp| tp == positives)? + 1;
        let mut curve = DetCurve {
            false_positive_rate: Vec::new(),
            false_negative_rate: Vec::new(),
            thresholds: Vec::new(),
        };
        for point in (first..=last).rev() {
            let (fp, tp, threshold) = match point.checked_sub(1) {
                Some(i) => (
                    self.false_positives[i],
                    self.true_positives[i],
                    self.thresholds[i],
                ),
                None => (0.0, 0.0, f64::INFINITY),
            };
            curve.false_positive_rate.push(fp / negatives);
            curve.false_negative_rate.push((positives - tp) / positives);
            curve.thresholds.push(threshold);
        }
        Some(curve)
    }
}
