use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rows::count_rows;
use crate::error::{Error, Result};

/// Directions iterated beyond those asked for, so that close variances are told apart.
const SPARE: usize = 8;
const ITERATIONS: usize = 60;
/// Steps of the small eigenvalue problem, far beyond what a finite symmetric matrix needs.
const EIGEN_STEPS: usize = 10_000;

/// Principal component analysis (PCA): the directions in which embeddings vary most.
///
/// The directions are found by subspace iteration ([Halko, Martinsson and Tropp 2011](https://arxiv.org/abs/0909.4061))
/// from a fixed start. So the same input gives the same numbers, on one kind of processor to the last bit. The sign of
/// a direction is arbitrary; it is chosen so that the entry with the largest magnitude is positive.
#[derive(Debug, Clone)]
pub struct Pca {
    /// `[dim]`.
    mean: DVector<f64>,
    /// `[dim, components]`: orthonormal columns, the first with the largest variance.
    directions: DMatrix<f64>,
    explained: Vec<f64>,
}

impl Pca {
    /// The first `components` directions of `values` `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are fewer than 2 rows, `components` is 0 or more than the rows or the columns, or
    /// a value is not finite.
    pub fn fit(values: &[f32], dim: usize, components: usize) -> Result<Self> {
        let n = count_rows("embeddings", values, dim)?;
        if components == 0 || n < 2 || components > dim.min(n) {
            let expected = format!(
                "1 to {} for {n} images of {dim} values (at least 2 images)",
                dim.min(n)
            );
            return Err(Error::mismatch(
                "principal components",
                expected,
                components,
            ));
        }
        // One column for each image: the rows of `values` as they lie.
        let mut centered = wide(values, dim, n);
        let mean = centered.column_mean();
        centered
            .column_iter_mut()
            .for_each(|mut image| image -= &mean);

        let scatter = |basis: &DMatrix<f64>| &centered * centered.tr_mul(basis);
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let block = (components + SPARE).min(dim).min(n);
        let start = DMatrix::from_fn(dim, block, |_, _| random.random_range(-1.0..1.0));
        let mut basis = start.qr().q();
        for _ in 0..ITERATIONS {
            basis = scatter(&basis).qr().q();
        }
        // Within the subspace, the exact directions.
        let small = basis.tr_mul(&scatter(&basis));
        let eigen = SymmetricEigen::try_new(small, f64::EPSILON, EIGEN_STEPS).ok_or_else(|| {
            Error::mismatch("principal components", "a solution", "no convergence")
        })?;
        let mut order: Vec<usize> = (0..block).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(components);
        let mut directions = basis * eigen.eigenvectors.select_columns(&order);
        for mut direction in directions.column_iter_mut() {
            let sign = direction[direction.iamax()].signum();
            direction *= sign;
        }
        let total = centered.norm_squared();
        let share = |&at: &usize| {
            let variance = eigen.eigenvalues[at].max(0.0);
            if total > 0.0 { variance / total } else { 0.0 }
        };
        Ok(Self {
            mean,
            directions,
            explained: order.iter().map(share).collect(),
        })
    }

    /// The share of the whole variance along each direction, 0 to 1, the largest first.
    pub fn explained(&self) -> &[f64] {
        &self.explained
    }

    /// Coordinates `[n, components]` of `values` `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the length is no multiple of `dim`, or a value is not finite.
    pub fn project(&self, values: &[f32]) -> Result<Vec<f64>> {
        let dim = self.mean.len();
        let n = count_rows("embeddings", values, dim)?;
        let mut centered = wide(values, dim, n);
        centered
            .column_iter_mut()
            .for_each(|mut image| image -= &self.mean);
        Ok(self.directions.tr_mul(&centered).as_slice().to_vec())
    }
}

/// `values` `[n, dim]` as a matrix with one column for each row.
fn wide(values: &[f32], dim: usize, n: usize) -> DMatrix<f64> {
    DMatrix::from_iterator(dim, n, values.iter().map(|&v| f64::from(v)))
}
