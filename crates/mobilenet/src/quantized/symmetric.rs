//! Symmetric positive definite matrices, in f64, row-major.

/// The lower triangle `L` with `matrix = L Lᵀ`. What is above the diagonal is zero.
pub(super) fn cholesky(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut lower = matrix.to_vec();
    for i in 0..n {
        let (above, rest) = lower.split_at_mut(i * n);
        let row = &mut rest[..n];
        for j in 0..i {
            let other = &above[j * n..j * n + n];
            let sum: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
            row[j] = (row[j] - sum) / other[j];
        }
        let sum: f64 = row[..i].iter().map(|v| v * v).sum();
        // The caller adds to the diagonal; what rounding takes from it must not reach zero.
        row[i] = (row[i] - sum).max(f64::MIN_POSITIVE).sqrt();
        row[i + 1..].fill(0.0);
    }
    lower
}

/// `matrix⁻¹ right` for the lower triangle of [`cholesky`]: `right` is `[n, columns]`.
pub(super) fn solve(lower: &[f64], n: usize, mut right: Vec<f64>) -> Vec<f64> {
    let columns = right.len() / n.max(1);
    for i in 0..n {
        let (done, rest) = right.split_at_mut(i * columns);
        let row = &mut rest[..columns];
        for j in 0..i {
            subtract(row, &done[j * columns..], lower[i * n + j]);
        }
        row.iter_mut().for_each(|v| *v /= lower[i * n + i]);
    }
    for i in (0..n).rev() {
        let (rest, done) = right.split_at_mut((i + 1) * columns);
        let row = &mut rest[i * columns..];
        for j in i + 1..n {
            subtract(row, &done[(j - i - 1) * columns..], lower[j * n + i]);
        }
        row.iter_mut().for_each(|v| *v /= lower[i * n + i]);
    }
    right
}

/// `row -= factor * other`.
pub(super) fn subtract(row: &mut [f64], other: &[f64], factor: f64) {
    for (v, &o) in row.iter_mut().zip(other) {
        *v -= factor * o;
    }
}

/// The inverse of a matrix.
pub(super) fn inverse(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut unit = vec![0.0; n * n];
    unit.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    solve(&cholesky(matrix, n), n, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let n = 5;
        let value = |i: usize, j: usize| {
            let (low, high) = (i.min(j) as f64, i.max(j) as f64);
            if i == j {
                4.0
            } else {
                1.0 / (1.0 + low + high)
            }
        };
        let matrix: Vec<f64> = (0..n * n).map(|at| value(at / n, at % n)).collect();
        let inverse = inverse(&matrix, n);
        for i in 0..n {
            for j in 0..n {
                let sum: f64 = (0..n).map(|k| matrix[i * n + k] * inverse[k * n + j]).sum();
                assert!((sum - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        let lower = cholesky(&matrix, n);
        let again: f64 = (0..n).map(|k| lower[3 * n + k] * lower[n + k]).sum();
        assert!((again - matrix[3 * n + 1]).abs() < 1e-12);
    }
}
