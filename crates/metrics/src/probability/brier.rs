use crate::numeric::share;
use crate::predictions::Predictions;

impl Predictions {
    /// Brier score: the mean squared distance of the probabilities to the one-hot target. Equals `brier_score_loss` of
    /// scikit-learn with its default `scale_by_half="auto"`. Lower is better.
    ///
    /// With more than two classes the squares are summed over the classes, so the range is 0 to 2. With one or two
    /// classes the sum is halved, so the range is 0 to 1; this is the squared error of the second class. `None` without
    /// probabilities, or if all weights are 0 (in a bootstrap replicate).
    #[doc(alias = "brier_score_loss")]
    pub fn brier_score(&self) -> Option<f64> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref()?;
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, row) in probabilities.chunks_exact(k).enumerate() {
            let weight = self.weight(i);
            sum += weight * squared_distance(row, self.targets[i]);
            total += weight;
        }
        share(halved(sum, k), total)
    }
}

/// Half of the sum of squared distances with one or two classes, otherwise the sum itself.
pub(crate) fn halved(sum: f64, classes: usize) -> f64 {
    if classes > 2 { sum } else { 0.5 * sum }
}

/// Squared distance of the probabilities of one sample to its one-hot target.
pub(crate) fn squared_distance(row: &[f64], target: usize) -> f64 {
    row.iter()
        .enumerate()
        .map(|(class, &probability)| (probability - f64::from(u8::from(class == target))).powi(2))
        .sum()
}
