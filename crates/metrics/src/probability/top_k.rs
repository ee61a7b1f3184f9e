use crate::numeric::share;
use crate::predictions::Predictions;

impl Predictions {
    /// Fraction of the samples whose target is among the `k` most probable classes, from 0 to 1.
    ///
    /// At a tie the class with the higher index comes first, as in scikit-learn. `None` without probabilities, for `k`
    /// = 0, or if all weights are 0 (in a bootstrap replicate).
    #[doc(alias = "top_k_accuracy_score")]
    pub fn top_k_accuracy(&self, k: usize) -> Option<f64> {
        let probabilities = self.probabilities.as_ref()?;
        if k == 0 {
            return None;
        }
        let (mut hits, mut total) = (0.0, 0.0);
        for (i, row) in probabilities.chunks_exact(self.classes.len()).enumerate() {
            let weight = self.weight(i);
            total += weight;
            if rank(row, self.targets[i]) < k {
                hits += weight;
            }
        }
        share(hits, total)
    }
}

/// Number of classes that are more probable than the target. At a tie, classes with a higher index count as more
/// probable.
pub(crate) fn rank(row: &[f64], target: usize) -> usize {
    let own = row[target];
    row.iter()
        .enumerate()
        .filter(|&(class, &value)| value > own || (value == own && class > target))
        .count()
}
