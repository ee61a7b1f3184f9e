use super::features::Features;
use crate::head::matrix_product::{PADDING, products, transposed};
use crate::head::products::{dots, outer};

/// Directions of the largest variances that are told apart: with more, L-BFGS takes about as many passes.
const DIRECTIONS: usize = 48;
/// Images that are looked at, evenly spread over all.
const IMAGES: usize = 2048;

/// What is known of the covariance of the features: its projection onto the directions that the Lanczos method finds (Golub
/// and Van Loan, *Matrix Computations*, chapter 10), which is tridiagonal, and the mean variance of the others.
///
/// The curvature of the objective is close to `spread * covariance + penalty` for each class, and its inverse is cheap.
pub(in crate::head::logistic_regression) struct Preconditioner {
    /// `[DIRECTIONS, width]`: orthonormal rows, or zeros.
    directions: Vec<f64>,
    /// `[width, DIRECTIONS]`.
    columns: Vec<f64>,
    diagonal: Vec<f64>,
    /// Beside the diagonal.
    beside: Vec<f64>,
    /// Mean variance along all other directions.
    rest: f64,
    rank: usize,
    width: usize,
}

impl Preconditioner {
    pub(in crate::head::logistic_regression) fn new(features: &Features) -> Self {
        let (rank, width) = (features.rank(), features.width());
        let all = features.coordinates();
        let step = (all.len() / rank).div_ceil(IMAGES);
        let rows = all.chunks_exact(rank).step_by(step);
        let count = rows.len();
        let sample: Vec<f64> = rows.flatten().copied().collect();
        let order: Vec<usize> = (0..count).collect();
        let variance = sample.iter().map(|v| v * v).sum::<f64>() / count as f64;
        // What lies along no single image: the images with changing signs.
        let signs: Vec<f64> = order.iter().map(|i| [1.0, -1.0, -1.0][i % 3]).collect();
        let mut direction = vec![0.0; rank];
        outer(&sample, &order, &signs, rank, &mut direction);
        let mut directions: Vec<f64> = Vec::new();
        let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
        let mut length = norm(&direction);
        while diagonal.len() < DIRECTIONS.min(rank) && length > 1e-9 * variance.sqrt() {
            directions.extend(direction.iter().map(|v| v / length));
            let newest = directions.len() - rank;
            let mut scores = vec![0.0; count];
            dots(&sample, &order, &directions[newest..], rank, &mut scores);
            let mut next = vec![0.0; rank];
            scores.iter_mut().for_each(|s| *s /= count as f64);
            outer(&sample, &order, &scores, rank, &mut next);
            diagonal.push(
                next.iter()
                    .zip(&directions[newest..])
                    .map(|(a, b)| a * b)
                    .sum(),
            );
            for _ in 0..2 {
                orthogonalize(&mut next, &directions, rank);
            }
            length = norm(&next);
            beside.push(length);
            direction = next;
        }
        let others = rank - diagonal.len();
        let explained: f64 = diagonal.iter().sum();
        let rest = (variance - explained).max(0.0) / others.max(1) as f64;
        diagonal.resize(DIRECTIONS, 0.0);
        beside.truncate((directions.len() / rank).saturating_sub(1));
        beside.resize(DIRECTIONS, 0.0);
        let mut padded = vec![0.0; DIRECTIONS * width];
        let rows = padded.chunks_exact_mut(width);
        for (row, direction) in rows.zip(directions.chunks_exact(rank)) {
            row[..rank].copy_from_slice(direction);
        }
        Self {
            columns: transposed(&padded, width, DIRECTIONS),
            directions: padded,
            diagonal,
            beside,
            rest,
            rank,
            width,
        }
    }

    /// Multiplies `[classes, width]` by the inverse of the curvature.
    pub(super) fn apply(&self, values: &mut [f64], spread: f64, penalty: f64) {
        let mut along = products(values, &self.directions, self.width);
        let outside = 1.0 / (spread * self.rest + penalty);
        let (factors, pivots) = self.factors(spread, penalty);
        for along in along.chunks_exact_mut(DIRECTIONS) {
            let before = along.to_vec();
            for i in 1..DIRECTIONS {
                along[i] -= factors[i] * along[i - 1];
            }
            for i in (0..DIRECTIONS).rev() {
                let next = if i + 1 < DIRECTIONS {
                    factors[i + 1] * along[i + 1]
                } else {
                    0.0
                };
                along[i] = along[i] / pivots[i] - next;
            }
            for (along, before) in along.iter_mut().zip(before) {
                *along -= outside * before;
            }
        }
        let inside = products(&along, &self.columns, DIRECTIONS);
        let rows = values.chunks_exact_mut(self.width);
        for (values, inside) in rows.zip(inside.chunks_exact(self.width)) {
            for (value, inside) in values[..self.rank].iter_mut().zip(inside) {
                *value = outside * *value + inside;
            }
            values[self.rank] /= spread;
        }
    }

    /// The curvature along the directions as `L D Lᵀ`: what is below the diagonal of `L`, and `D`.
    fn factors(&self, spread: f64, penalty: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut factors, mut pivots) = (vec![0.0], vec![spread * self.diagonal[0] + penalty]);
        for i in 1..DIRECTIONS {
            let beside = spread * self.beside[i - 1];
            factors.push(beside / pivots[i - 1]);
            let pivot = spread * self.diagonal[i] + penalty - factors[i] * beside;
            // Rounding must not make it indefinite.
            pivots.push(pivot.max(penalty));
        }
        (factors, pivots)
    }
}

fn orthogonalize(vector: &mut [f64], directions: &[f64], rank: usize) {
    let count = directions.len() / rank;
    let mut along = vec![0.0; count];
    dots(vector, &[0], directions, rank, &mut along);
    along.iter_mut().for_each(|a| *a = -*a);
    outer(
        directions,
        &(0..count).collect::<Vec<_>>(),
        &along,
        rank,
        vector,
    );
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

const _: () = assert!(DIRECTIONS.is_multiple_of(PADDING));
