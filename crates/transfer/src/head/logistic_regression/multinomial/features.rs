use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::matrix_product::{Float, PADDING, transposed};
use crate::head::network::{Dense, Head};
use crate::head::products::{dots, outer};

/// Share of the length of an embedding that must be left beside the others, for it to count as a new direction.
const INDEPENDENT: f64 = 1e-10;

/// Centered embeddings, as coordinates in an orthonormal basis.
///
/// The penalty is the same in every orthonormal basis, and at the optimum the weights of a class are a sum of embeddings.
/// So nothing is lost by a basis of the embeddings' span, which is short where there are few images.
pub(in crate::head::logistic_regression) struct Features {
    means: Vec<f64>,
    /// `[rank, dim]`; `None` for the values of the embeddings themselves.
    basis: Option<Vec<f64>>,
    /// `[images, rank]`.
    coordinates: Vec<f64>,
    rank: usize,
}

/// Some of the images, as the products of matrices need them.
pub(in crate::head::logistic_regression) struct Matrix<T> {
    pub(super) rows: usize,
    /// `[rows, width]`: coordinates, a 1 for the intercept, zeros.
    pub(super) values: Vec<T>,
    /// `[width, padded]`: the same with rows and columns exchanged, and zeros.
    pub(super) columns: Vec<T>,
    pub(super) padded: usize,
}

impl Features {
    pub(in crate::head::logistic_regression) fn new(images: &Embeddings) -> Self {
        let dim = images.dim();
        let mut means = vec![0.0; dim];
        for row in images.values().chunks_exact(dim) {
            for (mean, &value) in means.iter_mut().zip(row) {
                *mean += f64::from(value) / images.len() as f64;
            }
        }
        let rows = images.values().chunks_exact(dim);
        let centered: Vec<f64> = rows
            .flat_map(|row| row.iter().zip(&means).map(|(&v, m)| f64::from(v) - m))
            .collect();
        // The basis takes as long as it saves where there are nearly as many images as values.
        if images.len() * 4 > dim * 3 {
            return Self {
                means,
                basis: None,
                coordinates: centered,
                rank: dim,
            };
        }
        let (basis, coordinates) = orthonormal(&centered, dim);
        Self {
            means,
            rank: basis.len() / dim,
            basis: Some(basis),
            coordinates,
        }
    }

    /// Coordinates of an image.
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// Values in a row of a [`Matrix`] and in a class's parameters: the coordinates, the intercept, and zeros.
    pub(in crate::head::logistic_regression) fn width(&self) -> usize {
        (self.rank + 1).next_multiple_of(PADDING)
    }

    pub(super) fn coordinates(&self) -> &[f64] {
        &self.coordinates
    }

    pub(in crate::head::logistic_regression) fn matrix<T: Float>(
        &self,
        rows: &[usize],
    ) -> Matrix<T> {
        let (rank, width) = (self.rank, self.width());
        let padded = rows.len().next_multiple_of(PADDING);
        let mut values = vec![T::default(); padded * width];
        for (&row, values) in rows.iter().zip(values.chunks_exact_mut(width)) {
            let coordinates = &self.coordinates[row * rank..(row + 1) * rank];
            for (value, &coordinate) in values.iter_mut().zip(coordinates) {
                *value = T::narrow(coordinate);
            }
            values[rank] = T::narrow(1.0);
        }
        let columns = transposed(&values, width, padded);
        values.truncate(rows.len() * width);
        Matrix {
            rows: rows.len(),
            values,
            columns,
            padded,
        }
    }

    /// Parameters `[classes, width]` as a head for values that are not centered.
    pub(in crate::head::logistic_regression) fn head(&self, parameters: &[f64]) -> Result<Head> {
        let dim = self.means.len();
        let mut weights = Vec::new();
        let mut intercepts = Vec::new();
        for parameters in parameters.chunks_exact(self.width()) {
            let own = match &self.basis {
                None => parameters[..dim].to_vec(),
                Some(basis) => {
                    let mut sum = vec![0.0; dim];
                    let all: Vec<usize> = (0..self.rank).collect();
                    outer(basis, &all, &parameters[..self.rank], dim, &mut sum);
                    sum
                }
            };
            let shift: f64 = own.iter().zip(&self.means).map(|(w, m)| w * m).sum();
            intercepts.push((parameters[self.rank] - shift) as f32);
            weights.extend(own.iter().map(|&w| w as f32));
        }
        Head::new(vec![Dense::new(dim, weights, intercepts)?])
    }
}

/// An orthonormal basis `[rank, dim]` of the span of the rows, and their coordinates `[rows, rank]`, by the Gram-Schmidt
/// process. Each row is orthogonalized twice, which is enough for the precision of `f64` (Giraud, Langou and Rozloznik
/// 2005).
fn orthonormal(rows: &[f64], dim: usize) -> (Vec<f64>, Vec<f64>) {
    let mut basis: Vec<f64> = Vec::new();
    let mut all = Vec::new();
    for row in rows.chunks_exact(dim) {
        let rank = basis.len() / dim;
        let mut left = row.to_vec();
        let mut coordinates = vec![0.0; rank];
        for _ in 0..2 {
            let mut found = vec![0.0; rank];
            dots(&left, &[0], &basis, dim, &mut found);
            let directions: Vec<usize> = (0..rank).collect();
            let minus: Vec<f64> = found.iter().map(|c| -c).collect();
            outer(&basis, &directions, &minus, dim, &mut left);
            coordinates.iter_mut().zip(found).for_each(|(c, f)| *c += f);
        }
        let length = norm(&left);
        if length > INDEPENDENT * norm(row) {
            basis.extend(left.iter().map(|v| v / length));
            coordinates.push(length);
        }
        all.push(coordinates);
    }
    let rank = (basis.len() / dim).max(1);
    basis.resize(rank * dim, 0.0);
    let padded = all.into_iter().flat_map(|mut coordinates| {
        coordinates.resize(rank, 0.0);
        coordinates
    });
    (basis, padded.collect())
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
impl Features {
    /// The same features as the values of the embeddings themselves, whatever the number of images.
    pub(super) fn plain(images: &Embeddings) -> Self {
        let mut all = Self::new(images);
        let dim = images.dim();
        all.coordinates = images
            .values()
            .chunks_exact(dim)
            .flat_map(|row| row.iter().zip(&all.means).map(|(&v, m)| f64::from(v) - m))
            .collect();
        (all.basis, all.rank) = (None, dim);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{norm, orthonormal};

    #[test]
    fn a_basis_is_orthonormal_and_gives_the_rows_back() {
        let dim = 7;
        let mut rows: Vec<f64> = (0..3 * dim).map(|i| ((i * 37 % 23) as f64).sin()).collect();
        // A row that depends on others, and one that is nothing.
        rows.extend((0..dim).map(|k| (f64::sin((k * 37 % 23) as f64)) * 2.0));
        rows.extend([0.0; 7]);
        let (basis, coordinates) = orthonormal(&rows, dim);
        let rank = basis.len() / dim;
        assert_eq!((rank, coordinates.len()), (3, 5 * rank));
        for (i, a) in basis.chunks_exact(dim).enumerate() {
            assert!((norm(a) - 1.0).abs() < 1e-14);
            for b in basis.chunks_exact(dim).skip(i + 1) {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!(product.abs() < 1e-14);
            }
        }
        for (row, coordinates) in rows.chunks_exact(dim).zip(coordinates.chunks_exact(rank)) {
            for (k, value) in row.iter().enumerate() {
                let directions = basis.chunks_exact(dim).zip(coordinates);
                let sum: f64 = directions.map(|(direction, c)| c * direction[k]).sum();
                assert!((sum - value).abs() < 1e-13);
            }
        }
    }
}
