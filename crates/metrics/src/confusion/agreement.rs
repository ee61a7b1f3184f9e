use serde::{Deserialize, Serialize};

use crate::confusion::matrix::ConfusionMatrix;
use crate::numeric::share;

/// How much each confusion of two classes counts in Cohen's kappa: the `weights` parameter of scikit-learn.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum KappaWeights {
    /// All confusions count the same.
    #[default]
    Unweighted,
    /// A confusion counts as much as the indices of the two classes differ. Use it for ordered classes.
    Linear,
    /// A confusion counts as much as the square of that difference. Use it for ordered classes.
    Quadratic,
}

impl ConfusionMatrix {
    /// Cohen's kappa: how much targets and predictions agree beyond what chance would give for these class frequencies,
    /// from -1 to 1. 1 is perfect agreement, 0 is chance.
    ///
    /// Equals `cohen_kappa_score` of scikit-learn with all classes as `labels`. `None` if only one class occurs.
    #[doc(alias = "cohen_kappa_score")]
    pub fn cohen_kappa(&self, weights: KappaWeights) -> Option<f64> {
        let margins = self.margins();
        let (support, predicted_count) = (&margins.support, &margins.predicted);
        let total: f64 = support.iter().sum();
        let (mut observed, mut expected) = (0.0, 0.0);
        for (target, row) in self.rows().enumerate() {
            for (predicted, &cell) in row.iter().enumerate() {
                let distance = target.abs_diff(predicted) as f64;
                let weight = match weights {
                    KappaWeights::Unweighted => f64::from(u8::from(target != predicted)),
                    KappaWeights::Linear => distance,
                    KappaWeights::Quadratic => distance * distance,
                };
                observed += weight * cell;
                expected += weight * support[target] * predicted_count[predicted] / total;
            }
        }
        share(observed, expected).map(|ratio| 1.0 - ratio)
    }

    /// Matthews' correlation coefficient of targets and predictions (`R_K` for more than two classes), from -1 to 1.
    ///
    /// Equals `matthews_corrcoef`, except that the result is `None` where that function returns 0 because all targets
    /// or all predictions are of one class.
    pub fn matthews_corrcoef(&self) -> Option<f64> {
        self.margins().matthews_corrcoef()
    }
}
