use crate::Predictions;
use crate::confusion::share;

impl Predictions {
    /// Mean negative logarithm of the probability given to the target, clipped to the epsilon of `f64` from
    /// either end: `log_loss`. `None` without probabilities, or where no sample of a resample has weight.
    pub fn log_loss(&self) -> Option<f64> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref()?;
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, &target) in self.targets.iter().enumerate() {
            let weight = self.weight(i);
            sum += weight * surprise(probabilities[i * k + target]);
            total += weight;
        }
        share(sum, total)
    }
}

/// Loss of one sample whose target was given this probability.
pub(crate) fn surprise(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}
