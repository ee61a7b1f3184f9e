use super::objective::Objective;
use super::preconditioner::Preconditioner;
use crate::head::logistic_regression::lbfgs::{Lbfgs, Status};
use crate::head::matrix_product::Float;

/// The smallest spread that the preconditioner takes: the intercepts have no other curvature.
const SPREAD: f64 = 1e-9;

/// Where a search ended.
pub(in crate::head::logistic_regression) struct Optimum {
    /// `[classes, width]`.
    pub(in crate::head::logistic_regression) parameters: Vec<f64>,
    pub(in crate::head::logistic_regression) converged: bool,
    pub(in crate::head::logistic_regression) evaluations: usize,
    pub(in crate::head::logistic_regression) gradient_norm: f64,
}

/// Minimizes the objective from a start, until no entry of the gradient is larger than the tolerance. `watch` is called
/// after each pass with the largest entry, and may end the search.
pub(super) fn solve<T: Float>(
    objective: &Objective<'_, T>,
    preconditioner: &Preconditioner,
    start: Vec<f64>,
    tolerance: f64,
    passes: usize,
    watch: &mut dyn FnMut(usize, f64) -> bool,
) -> Optimum {
    let mut search = Lbfgs::preconditioned(start, tolerance, T::ROUNDING);
    let penalty = objective.penalty();
    let mut status = Status::Evaluate;
    let mut evaluations = 0;
    let mut spread = None;
    while status == Status::Evaluate && evaluations < passes {
        let found = objective.at(search.trial());
        let spread = *spread.get_or_insert(found.spread.max(SPREAD));
        status = search.tell_with(found.value, found.gradient, &|direction: &mut [f64]| {
            preconditioner.apply(direction, spread, penalty);
        });
        evaluations += 1;
        if !watch(evaluations - 1, search.gradient_norm()) {
            break;
        }
    }
    Optimum {
        parameters: search.best().to_vec(),
        converged: status != Status::Evaluate,
        evaluations,
        gradient_norm: search.gradient_norm(),
    }
}
