//! Systems of linear equations, of as many as there are classes.

/// The inverse of a matrix `[n, n]`, row after row, by elimination with pivots; `None` if it is singular.
pub(super) fn inverse(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut left = matrix.to_vec();
    let mut right = vec![0.0; n * n];
    for i in 0..n {
        right[i * n + i] = 1.0;
    }
    for column in 0..n {
        let size = |row: usize, left: &[f64]| left[row * n + column].abs();
        let pivot = (column..n).max_by(|&a, &b| size(a, &left).total_cmp(&size(b, &left)))?;
        let value = left[pivot * n + column];
        if value == 0.0 || !value.is_finite() {
            return None;
        }
        for matrix in [&mut left, &mut right] {
            for i in 0..n {
                matrix.swap(column * n + i, pivot * n + i);
            }
            for i in 0..n {
                matrix[column * n + i] /= value;
            }
        }
        for row in (0..n).filter(|&row| row != column) {
            let factor = left[row * n + column];
            if factor == 0.0 {
                continue;
            }
            for matrix in [&mut left, &mut right] {
                for i in 0..n {
                    matrix[row * n + i] -= factor * matrix[column * n + i];
                }
            }
        }
    }
    Some(right)
}

/// The largest sum of absolute values of a column: the 1-norm.
pub(super) fn norm(matrix: &[f64], n: usize) -> f64 {
    let column = |column: usize| -> f64 {
        let values = matrix.iter().skip(column).step_by(n);
        values.map(|value| value.abs()).sum()
    };
    (0..n).map(column).fold(0.0, f64::max)
}

/// A matrix times a vector.
pub(super) fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks_exact(vector.len());
    rows.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_of_known_matrices() {
        let matrix = [0.0, 2.0, 1.0, 1.0, 1.0, 0.0, 3.0, 0.0, 1.0];
        let found = inverse(&matrix, 3).unwrap();
        // numpy.linalg.inv
        let expected = [-0.2, 0.4, 0.2, 0.2, 0.6, -0.2, 0.6, -1.2, 0.4];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15);
        }
        assert_eq!(norm(&matrix, 3), 4.0);
        assert_eq!(times(&matrix, &[1.0, 2.0, 3.0]), [7.0, 3.0, 6.0]);
        assert!(inverse(&[1.0, 2.0, 2.0, 4.0], 2).is_none());
    }
}
