use super::config::LogisticRegression;
use crate::embeddings::class_counts;
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;
use crate::head::report::Candidate;

/// The folds' fits need not be as close to the optimum as the final one.
pub(super) const FOLD_TOLERANCE: f64 = 1e-4;
/// Passes over the data before a search is given up as not converged.
pub(super) const PASSES: usize = 5000;
/// Rises of the log loss in a row after which larger `C` are not tried.
pub(super) const RISES: usize = 2;
/// Classes are unbalanced where one has more than so many times the images of another.
const UNBALANCED: f64 = 1.2;

/// What cross-validation found.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) candidates: Vec<Candidate>,
    /// Index of the candidate with the lowest log loss.
    pub(super) best: Option<usize>,
    /// Its probabilities of the images held out.
    pub(super) out_of_fold: Vec<f64>,
    /// Parameters `[classes, width]` near the optimum on all images for the best candidate, where they are known.
    pub(super) near: Option<Vec<f64>>,
    /// The best `C` of a search that was cancelled before it had judged one on all folds.
    pub(super) so_far: Option<f64>,
}

impl Choice {
    /// Adds a candidate; says whether it is the best so far.
    pub(super) fn add(&mut self, candidate: Candidate, probabilities: Vec<f64>) -> bool {
        let best = self.best.and_then(|index| self.candidates.get(index));
        let is_best = candidate.log_loss < best.map_or(f64::INFINITY, |best| best.log_loss);
        if is_best {
            self.best = Some(self.candidates.len());
            self.out_of_fold = probabilities;
        }
        self.candidates.push(candidate);
        is_best
    }

    /// The `C` and the class weights to fit with.
    pub(super) fn setting<'a>(
        &'a self,
        config: &'a HeadConfig,
        recipe: &LogisticRegression,
    ) -> (f64, &'a ClassWeights) {
        let best = self.best.and_then(|index| self.candidates.get(index));
        match (best, self.so_far) {
            (Some(best), _) => (best.c, &best.class_weights),
            (None, Some(c)) => (c, &config.class_weights),
            (None, None) => (recipe.regularization[0], &config.class_weights),
        }
    }
}

/// A setting, judged by the losses of the images held out, of which so many were named rightly.
pub(super) fn candidate(
    c: f64,
    class_weights: &ClassWeights,
    losses: &[f64],
    right: usize,
) -> Candidate {
    let n = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / n;
    let variance = losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    Candidate {
        c,
        class_weights: class_weights.clone(),
        log_loss: mean,
        standard_error: (variance / n).sqrt(),
        accuracy: right as f64 / n,
    }
}

/// The class weights to try. Where the classes have about as many images each, balanced weights are about those of
/// every image alike.
pub(super) fn weightings(class_weights: &ClassWeights, targets: &[usize]) -> Vec<ClassWeights> {
    let ClassWeights::Auto = class_weights else {
        return vec![class_weights.clone()];
    };
    let classes = targets.iter().max().map_or(0, |&target| target + 1);
    let counts = class_counts(targets, classes);
    let most = counts.iter().max().copied().unwrap_or(0) as f64;
    let fewest = counts.iter().min().copied().unwrap_or(0) as f64;
    if most > UNBALANCED * fewest {
        vec![ClassWeights::None, ClassWeights::Balanced]
    } else {
        vec![ClassWeights::None]
    }
}
