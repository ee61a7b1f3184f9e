//! Row-major matrices `[n, dim]`.

use crate::error::{Error, Result};

/// The number of rows, or what is wrong with the matrix.
pub(super) fn count_rows(what: &str, values: &[f32], dim: usize) -> Result<usize> {
    if dim == 0 || !values.len().is_multiple_of(dim) {
        let expected = format!("a multiple of {dim} values");
        return Err(Error::mismatch(what, expected, values.len()));
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::mismatch(
            format!("{what}, row {}", at / dim),
            "finite numbers",
            values[at],
        )),
        None => Ok(values.len() / dim),
    }
}

/// Each row divided by its Euclidean length; rows of zeros stay.
pub(super) fn unit_rows(values: &[f32], dim: usize) -> Vec<f32> {
    values
        .chunks_exact(dim)
        .flat_map(|row| {
            let squares: f64 = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            let length = squares.sqrt();
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            row.iter().map(move |&v| (f64::from(v) * scale) as f32)
        })
        .collect()
}

/// The inner product: eight sums side by side in `f32` within blocks of 256 values, in `f64` across them. Fast, and always
/// the same bits.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let block = |(a, b): (&[f32], &[f32])| -> f64 {
        let mut sums = [0.0f32; 8];
        let (a8, a_rest) = a.as_chunks::<8>();
        let (b8, b_rest) = b.as_chunks::<8>();
        for (a, b) in std::iter::zip(a8, b8) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        let rest: f64 = std::iter::zip(a_rest, b_rest)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum();
        sums.iter().map(|&s| f64::from(s)).sum::<f64>() + rest
    };
    std::iter::zip(a.chunks(256), b.chunks(256))
        .map(block)
        .sum()
}
