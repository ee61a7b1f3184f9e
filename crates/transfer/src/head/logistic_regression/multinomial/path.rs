use super::features::{Features, Matrix};
use super::objective::Objective;
use super::preconditioner::Preconditioner;
use super::solve::{Optimum, solve};
use crate::embeddings::Embeddings;
use crate::head::matrix_product::{Float, products};
use crate::head::network::softmax;

/// What all problems of one training share.
pub(in crate::head::logistic_regression) struct Shared<'a> {
    pub(in crate::head::logistic_regression) images: &'a Embeddings,
    pub(in crate::head::logistic_regression) features: &'a Features,
    pub(in crate::head::logistic_regression) preconditioner: &'a Preconditioner,
    pub(in crate::head::logistic_regression) smoothing: f64,
}

/// The optima on some images for larger and larger `C`, each the start for the next.
pub(in crate::head::logistic_regression) struct Path<'a, T> {
    shared: &'a Shared<'a>,
    matrix: Matrix<T>,
    targets: Vec<usize>,
    weights: Vec<f64>,
    /// The last optima, with the logarithm of their `C`: two at most.
    last: Vec<(f64, Vec<f64>)>,
}

impl<'a, T: Float> Path<'a, T> {
    /// Begins at no weights at all. `weights` are those of the rows.
    pub(in crate::head::logistic_regression) fn new(
        shared: &'a Shared<'a>,
        rows: &[usize],
        weights: Vec<f64>,
    ) -> Self {
        Self {
            shared,
            matrix: shared.features.matrix(rows),
            targets: rows
                .iter()
                .map(|&row| shared.images.targets()[row])
                .collect(),
            weights,
            last: Vec::new(),
        }
    }

    /// Goes on to another `C`. The logarithm of `C` and the weights change nearly in proportion, so the search starts
    /// where the line through the last two optima leads.
    pub(in crate::head::logistic_regression) fn go_to(
        &mut self,
        c: f64,
        tolerance: f64,
        passes: usize,
        watch: &mut dyn FnMut(usize, f64) -> bool,
    ) -> Optimum {
        let start = match &self.last[..] {
            [] => vec![0.0; self.shared.images.classes() * self.shared.features.width()],
            [(_, only)] => only.clone(),
            [(before, a), (last, b), ..] => {
                let share = (c.ln() - last) / (last - before);
                a.iter().zip(b).map(|(a, b)| b + share * (b - a)).collect()
            }
        };
        let optimum = self.solve_from(start, c, tolerance, passes, watch);
        if self.last.len() == 2 {
            self.last.remove(0);
        }
        self.last.push((c.ln(), optimum.parameters.clone()));
        optimum
    }

    /// The optimum for the last `C`.
    pub(in crate::head::logistic_regression) fn newest(&self) -> Option<&[f64]> {
        self.last.last().map(|(_, parameters)| &parameters[..])
    }

    /// Searches from a start of one's own.
    pub(in crate::head::logistic_regression) fn solve_from(
        &self,
        start: Vec<f64>,
        c: f64,
        tolerance: f64,
        passes: usize,
        watch: &mut dyn FnMut(usize, f64) -> bool,
    ) -> Optimum {
        let Shared {
            images,
            features,
            preconditioner,
            smoothing,
        } = *self.shared;
        let objective = Objective {
            matrix: &self.matrix,
            targets: &self.targets,
            weights: &self.weights,
            classes: images.classes(),
            smoothing,
            c,
            rank: features.rank(),
        };
        solve(&objective, preconditioner, start, tolerance, passes, watch)
    }
}

/// Probabilities `[rows, classes]` of images, by parameters `[classes, width]`.
pub(in crate::head::logistic_regression) fn probabilities<T: Float>(
    shared: &Shared<'_>,
    rows: &[usize],
    parameters: &[f64],
) -> Vec<f64> {
    let matrix: Matrix<T> = shared.features.matrix(rows);
    let narrow: Vec<T> = parameters.iter().map(|&p| T::narrow(p)).collect();
    let logits = products(&matrix.values, &narrow, shared.features.width());
    let mut all: Vec<f64> = logits.into_iter().map(T::wide).collect();
    for logits in all.chunks_exact_mut(shared.images.classes()) {
        softmax(logits, 1.0);
    }
    all
}
