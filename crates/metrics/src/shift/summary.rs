use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks::{check_class, check_length};
use crate::error::{Error, Place, Result};
use crate::shift::mmd::check_rows;

/// The largest width of embeddings, for which the covariance takes 128 MiB.
const MAX_WIDTH: usize = 4096;

/// What is kept of the embeddings of labeled samples: the mean of each class, and the covariance within the classes. It says
/// how far a new embedding is from each class, without the embeddings themselves.
///
/// The covariance is shrunk towards a multiple of the identity as Ledoit and Wolf (2004) do, so that it can be inverted also
/// where there are fewer samples than values. Rows are taken as `f32`, and everything is computed in `f64`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EmbeddingSummary {
    width: usize,
    /// Number of samples of each class.
    samples: Vec<usize>,
    /// The mean of each class, after the factor was divided out; 0 for a class without samples.
    whitened: Vec<f64>,
    /// Lower triangular factor of the covariance, row after row: row `i` has `i + 1` values.
    factor: Vec<f64>,
    shrinkage: f64,
}

impl EmbeddingSummary {
    /// Summarizes rows of `width` values, one row for each target, of `classes` classes.
    ///
    /// The time grows with the number of rows times the square of the width, which is at most 4096.
    ///
    /// # Errors
    /// If `width` is 0, too large or does not divide the length, there is not one target for each row, a target is no class, a
    /// value is not finite, there are fewer than two rows more than classes that have some, or all rows of each class are
    /// equal.
    pub fn fit(rows: &[f32], width: usize, targets: &[usize], classes: usize) -> Result<Self> {
        if width > MAX_WIDTH {
            return Err(Error::setting("width of a row", width, "at most 4096"));
        }
        check_rows(rows, width)?;
        check_length("rows of embeddings", targets.len(), rows.len() / width)?;
        for (row, &target) in targets.iter().enumerate() {
            check_class(Place::Row(row), "the target", target, classes)?;
        }
        let mut samples = vec![0_usize; classes];
        let mut means = vec![0.0; classes * width];
        for (row, &target) in rows.chunks_exact(width).zip(targets) {
            samples[target] += 1;
            let mean = &mut means[target * width..(target + 1) * width];
            mean.iter_mut()
                .zip(row)
                .for_each(|(mean, &value)| *mean += f64::from(value));
        }
        for (mean, &count) in means.chunks_exact_mut(width).zip(&samples) {
            mean.iter_mut()
                .for_each(|value| *value /= count.max(1) as f64);
        }
        let present = samples.iter().filter(|&&count| count > 0).count();
        if targets.len() < present + 2 {
            return Err(Error::TooFew {
                what: format!("embeddings of {present} classes"),
                found: targets.len(),
                needed: present + 2,
                aim: "their covariance".to_string(),
            });
        }
        let centered = rows.chunks_exact(width).zip(targets);
        let centered = centered.flat_map(|(row, &target)| {
            let mean = &means[target * width..(target + 1) * width];
            row.iter()
                .zip(mean)
                .map(|(&value, mean)| f64::from(value) - mean)
        });
        let (covariance, shrinkage) = shrunk(&centered.collect::<Vec<_>>(), width);
        let factor = factor(covariance, width).ok_or_else(|| {
            let expected = "embeddings of a class that differ";
            Error::setting("covariance of the embeddings", "0", expected)
        })?;
        let whitened = means.chunks_exact(width);
        Ok(Self {
            whitened: whitened.flat_map(|mean| solve(&factor, mean)).collect(),
            width,
            samples,
            factor,
            shrinkage,
        })
    }

    /// Number of values of an embedding.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of samples of each class.
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// How much the covariance was shrunk: from 0 (not at all) to 1 (to a multiple of the identity).
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// For each row, the nearest class and the Mahalanobis distance to its mean. For embeddings of the training samples it is
    /// about the square root of the width; compare with the distances of validation samples. Classes without samples are left
    /// out; of equally near classes the first is taken.
    ///
    /// # Errors
    /// If the length of `rows` is not a multiple of the width, or a value is not finite.
    pub fn nearest(&self, rows: &[f32]) -> Result<Vec<(usize, f64)>> {
        check_rows(rows, self.width)?;
        let rows = rows.par_chunks_exact(self.width);
        let nearest = |row: &[f32]| {
            let row: Vec<f64> = row.iter().map(|&value| f64::from(value)).collect();
            let row = solve(&self.factor, &row);
            let classes = self.whitened.chunks_exact(self.width).zip(&self.samples);
            let mut best = (0, f64::INFINITY);
            for (class, (mean, _)) in classes.enumerate().filter(|(_, (_, count))| **count > 0) {
                let squares = row.iter().zip(mean).map(|(a, b)| (a - b) * (a - b));
                let distance = squares.sum::<f64>().sqrt();
                if distance < best.1 {
                    best = (class, distance);
                }
            }
            best
        };
        Ok(rows.map(nearest).collect())
    }
}

/// The covariance of centered rows, shrunk, and by how much: `ledoit_wolf` of scikit-learn with `assume_centered`.
fn shrunk(rows: &[f64], width: usize) -> (Vec<f64>, f64) {
    let n = (rows.len() / width) as f64;
    let mut covariance = vec![0.0; width * width];
    let fourth: Vec<f64> = covariance
        .par_chunks_exact_mut(width)
        .enumerate()
        .map(|(i, out)| {
            let mut fourth = 0.0;
            for row in rows.chunks_exact(width) {
                let value = row[i];
                let mut squares = 0.0;
                for (out, other) in out.iter_mut().zip(row) {
                    *out += value * other;
                    squares += other * other;
                }
                fourth += value * value * squares;
            }
            out.iter_mut().for_each(|value| *value /= n);
            fourth
        })
        .collect();
    let p = width as f64;
    let trace: f64 = (0..width).map(|i| covariance[i * width + i]).sum();
    let mean = trace / p;
    let squares: f64 = covariance.iter().map(|value| value * value).sum();
    let noise = (fourth.iter().sum::<f64>() / n - squares) / (p * n);
    let spread = (squares - 2.0 * mean * trace + p * mean * mean) / p;
    let noise = noise.min(spread);
    let shrinkage = if noise > 0.0 { noise / spread } else { 0.0 };
    for (at, value) in covariance.iter_mut().enumerate() {
        *value *= 1.0 - shrinkage;
        if at % (width + 1) == 0 {
            *value += shrinkage * mean;
        }
    }
    (covariance, shrinkage)
}

/// The lower triangular factor of a symmetric matrix (Cholesky); `None` if it is not positive definite.
fn factor(matrix: Vec<f64>, width: usize) -> Option<Vec<f64>> {
    let mut factor: Vec<f64> = Vec::with_capacity(width * (width + 1) / 2);
    let start = |row: usize| row * (row + 1) / 2;
    for i in 0..width {
        for j in 0..=i {
            let (a, b) = (
                &factor[start(i)..start(i) + j],
                &factor[start(j)..start(j) + j],
            );
            let rest = matrix[i * width + j] - a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                factor.push(rest.sqrt());
            } else {
                factor.push(rest / factor[start(j) + j]);
            }
        }
    }
    Some(factor)
}

/// Divides a factor out of a vector.
fn solve(factor: &[f64], vector: &[f64]) -> Vec<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(vector.len());
    for (i, value) in vector.iter().enumerate() {
        let row = &factor[i * (i + 1) / 2..(i + 1) * (i + 2) / 2];
        let rest = value - row.iter().zip(&solved).map(|(a, b)| a * b).sum::<f64>();
        solved.push(rest / row[i]);
    }
    solved
}
