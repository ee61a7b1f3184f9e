use crate::ConfusionMatrix;
use crate::confusion::share;

/// How much a confusion of two classes weighs in Cohen's kappa.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KappaWeights {
    /// All confusions weigh the same.
    Plain,
    /// By the distance of the class indices: for ordered classes.
    Linear,
    /// By the square of that distance.
    Quadratic,
}

impl ConfusionMatrix {
    /// Cohen's kappa: agreement beyond what the class shares alone would give; 1 is perfect, 0 is chance.
    ///
    /// As `cohen_kappa_score` with all classes given as labels. `None` where only one class occurs.
    pub fn cohen_kappa(&self, weights: KappaWeights) -> Option<f64> {
        let (support, calls) = self.margins();
        let total: f64 = support.iter().sum();
        let (mut observed, mut expected) = (0.0, 0.0);
        for (target, row) in self.rows().enumerate() {
            for (predicted, &cell) in row.iter().enumerate() {
                let distance = target.abs_diff(predicted) as f64;
                let weight = match weights {
                    KappaWeights::Plain => f64::from(u8::from(target != predicted)),
                    KappaWeights::Linear => distance,
                    KappaWeights::Quadratic => distance * distance,
                };
                observed += weight * cell;
                expected += weight * support[target] * calls[predicted] / total;
            }
        }
        share(observed, expected).map(|ratio| 1.0 - ratio)
    }

    /// Matthews' correlation of targets and predictions (`R_K` for more than two classes), from -1 to 1.
    ///
    /// As `matthews_corrcoef`, which answers 0 where all targets or all predictions are of one class;
    /// here `None`.
    pub fn matthews_corrcoef(&self) -> Option<f64> {
        let (mut both, mut targets, mut predictions) = (0.0, 0.0, 0.0);
        let (support, calls) = self.margins();
        for (support, calls) in support.into_iter().zip(calls) {
            both += support * calls;
            targets += support * support;
            predictions += calls * calls;
        }
        let squared = self.total() * self.total();
        let covariance = self.correct() * self.total() - both;
        share(
            covariance,
            ((squared - targets) * (squared - predictions)).sqrt(),
        )
    }
}
