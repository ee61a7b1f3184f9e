use super::Ranking;

/// Detection error tradeoff: false alarms against misses, as `det_curve`.
///
/// From the highest threshold without a false alarm (infinite if there is none) to the lowest that still
/// adds a hit; listed by rising threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct DetCurve {
    /// Share of the negatives at or above the threshold, falling.
    pub false_positive_rate: Vec<f64>,
    /// Share of the positives below the threshold, rising.
    pub false_negative_rate: Vec<f64>,
    /// Rising.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The DET curve; `None` without positives or without negatives.
    pub fn det(&self) -> Option<DetCurve> {
        let (positives, negatives) = (self.positives(), self.negatives());
        if positives <= 0.0 || negatives <= 0.0 {
            return None;
        }
        // Points before the first false alarm are one: its last. Index 0 stands for the infinite threshold.
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
