use super::features::Matrix;
use crate::head::matrix_product::{Float, products, transposed};

/// Rows whose losses a thread computes at a time.
const ROWS: usize = 64;

/// Some images, with what is asked of them.
pub(super) struct Objective<'a, T> {
    pub(super) matrix: &'a Matrix<T>,
    /// Of each row.
    pub(super) targets: &'a [usize],
    /// Of each row, 0 or more.
    pub(super) weights: &'a [f64],
    pub(super) classes: usize,
    pub(super) smoothing: f64,
    pub(super) c: f64,
    /// Coordinates that are penalized.
    pub(super) rank: usize,
}

/// The objective at one place.
pub(super) struct Evaluation {
    pub(super) value: f64,
    /// `[classes, width]`.
    pub(super) gradient: Vec<f64>,
    /// The mean over images and classes of `p (1 - p)`, to which the curvature is proportional.
    pub(super) spread: f64,
}

impl<T: Float> Objective<'_, T> {
    pub(super) fn width(&self) -> usize {
        self.matrix.values.len() / self.matrix.rows
    }

    /// The weight of the penalty.
    pub(super) fn penalty(&self) -> f64 {
        1.0 / (self.c * self.total())
    }

    fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Value and gradient for parameters `[classes, width]`.
    pub(super) fn at(&self, parameters: &[f64]) -> Evaluation {
        let (matrix, width, classes) = (self.matrix, self.width(), self.classes);
        let narrow: Vec<T> = parameters.iter().map(|&p| T::narrow(p)).collect();
        let mut logits = products(&matrix.values, &narrow, width);
        let total = self.total();
        let blocks = logits.chunks_mut(ROWS * classes).enumerate();
        let parts = crate::threads::map(blocks, |(block, logits)| {
            let (mut loss, mut spread) = (0.0, 0.0);
            for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                let row = block * ROWS + row;
                let weight = self.weights[row] / total;
                let (own_loss, own_spread) =
                    loss_of(logits, self.targets[row], self.smoothing, weight);
                loss += weight * own_loss;
                spread += weight * own_spread;
            }
            (loss, spread)
        });
        let (mut value, mut spread) = (0.0, 0.0);
        for (loss, own_spread) in parts {
            value += loss;
            spread += own_spread;
        }
        logits.resize(matrix.padded * classes, T::default());
        let derivatives = transposed(&logits, classes, matrix.padded);
        let gradient = products(&derivatives, &matrix.columns, matrix.padded);
        let mut gradient: Vec<f64> = gradient.into_iter().map(T::wide).collect();
        let penalty = self.penalty();
        let rows = gradient.chunks_exact_mut(width);
        for (gradient, own) in rows.zip(parameters.chunks_exact(width)) {
            for (gradient, &w) in gradient.iter_mut().zip(&own[..self.rank]) {
                *gradient += penalty * w;
                value += 0.5 * penalty * w * w;
            }
        }
        Evaluation {
            value,
            gradient,
            spread: spread / classes as f64,
        }
    }
}

/// Cross-entropy of a row and the sum of `p (1 - p)`; the logits become derivatives, times the row's weight.
fn loss_of<T: Float>(logits: &mut [T], target: usize, smoothing: f64, weight: f64) -> (f64, f64) {
    let even = smoothing / logits.len() as f64;
    let top = logits
        .iter()
        .map(|z| z.wide())
        .fold(f64::NEG_INFINITY, f64::max);
    let own = logits[target].wide() - top;
    let (mut sum, mut sum_of_logits) = (0.0, 0.0);
    for z in &mut *logits {
        let above = z.wide() - top;
        let e = above.exp();
        sum += e;
        sum_of_logits += above;
        *z = T::narrow(e);
    }
    let loss = sum.ln() - (1.0 - smoothing) * own - even * sum_of_logits;
    let mut squares = 0.0;
    for (class, z) in logits.iter_mut().enumerate() {
        let p = z.wide() / sum;
        squares += p * p;
        let share = even
            + if class == target {
                1.0 - smoothing
            } else {
                0.0
            };
        *z = T::narrow(weight * (p - share));
    }
    (loss, 1.0 - squares)
}
