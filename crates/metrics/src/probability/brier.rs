use crate::Predictions;
use crate::confusion::share;

impl Predictions {
    /// Mean squared distance of the probabilities to the truth: `brier_score_loss` with its default
    /// `scale_by_half="auto"`.
    ///
    /// With more than two classes the squares are summed over the classes (0 to 2); with one or two, half of
    /// that (0 to 1), the squared error of the second class. `None` without probabilities, or where no sample of a
    /// resample has weight.
    pub fn brier(&self) -> Option<f64> {
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

/// With one or two classes, half of the squared distances.
pub(crate) fn halved(sum: f64, classes: usize) -> f64 {
    if classes > 2 { sum } else { 0.5 * sum }
}

/// Squared distance of one row to the corner of its target.
pub(crate) fn squared_distance(row: &[f64], target: usize) -> f64 {
    row.iter()
        .enumerate()
        .map(|(class, &probability)| (probability - f64::from(u8::from(class == target))).powi(2))
        .sum()
}
