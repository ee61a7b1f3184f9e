use crate::numeric::share;
use crate::predictions::Predictions;

impl Predictions {
    /// Log loss, also called cross-entropy: the mean negative natural logarithm of the probability of the target. Lower
    /// is better; 0 is perfect. Probabilities are clipped to `f64::EPSILON` and `1 - f64::EPSILON`, as `log_loss` of
    /// scikit-learn does.
    ///
    /// `None` without probabilities, or if all weights are 0 (in a bootstrap replicate).
    #[doc(alias = "cross_entropy")]
    pub fn log_loss(&self) -> Option<f64> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref()?;
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, &target) in self.targets.iter().enumerate() {
            let weight = self.weight(i);
            sum += weight * negative_log(probabilities[i * k + target]);
            total += weight;
        }
        share(sum, total)
    }
}

/// Negative logarithm of the probability of the target: the loss of one sample.
pub(crate) fn negative_log(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}
