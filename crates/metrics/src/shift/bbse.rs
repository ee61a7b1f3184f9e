//! Frequencies of classes from a confusion matrix.

use crate::shift::linear::{inverse, norm, times};

/// From this condition number on, chance decides about the result.
pub(super) const MOST: f64 = 100.0;

/// What solves the equations.
pub(super) struct Solution {
    pub priors: Vec<f64>,
    /// Condition number of the matrix in the 1-norm.
    pub condition: f64,
}

/// Solves for the frequencies of the classes: `rates` has for each predicted class a row with its share of the samples of
/// each true class; `predicted` the shares of the new samples that are predicted as each class. `None` if the matrix is
/// singular. Negative frequencies become 0, and the others are divided by their sum.
pub(super) fn solve(rates: &[f64], predicted: &[f64]) -> Option<Solution> {
    let k = predicted.len();
    let inverse = inverse(rates, k)?;
    let condition = norm(rates, k) * norm(&inverse, k);
    let mut priors = times(&inverse, predicted);
    priors.iter_mut().for_each(|prior| *prior = prior.max(0.0));
    let sum: f64 = priors.iter().sum();
    priors.iter_mut().for_each(|prior| *prior /= sum);
    (condition.is_finite() && sum > 0.0).then_some(Solution { priors, condition })
}
