//! The two matrix products that training a head consists of, vectorized for the processor at run time.
//!
//! Plain loops over lanes, compiled once for each instruction set by [`pulp`]; every sum runs in one fixed
//! order, so that results do not depend on the number of threads.

// The products are compiled for each instruction set only where they are inlined into its dispatch.
#![allow(clippy::inline_always)]

use std::ops::{Add, AddAssign, Mul};

use pulp::Arch;

/// Values summed side by side: two AVX2 registers of `f64`, one of `f32`.
const LANES: usize = 8;

/// What the products need of a number: `f32` or `f64`.
pub(crate) trait Real:
    Copy + Default + Add<Output = Self> + Mul<Output = Self> + AddAssign + Send + Sync
{
}

impl Real for f32 {}
impl Real for f64 {}

/// `out[i, c] = x[rows[i]] · w[c]` for `x` of rows of `dim` values, `w` `[m, dim]` and `out` `[rows, m]`.
///
/// Rows outside `x` leave their place in `out` as it is; callers check their indices.
pub(crate) fn dots<T: Real>(x: &[T], rows: &[usize], w: &[T], dim: usize, out: &mut [T]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let m = w.len() / dim.max(1);
            if m == 0 {
                return;
            }
            let mut pairs = rows.chunks_exact(2);
            let mut outs = out.chunks_exact_mut(2 * m);
            for (pair, out) in pairs.by_ref().zip(outs.by_ref()) {
                if let (Some(a), Some(b)) = (row(x, pair[0], dim), row(x, pair[1], dim)) {
                    let (first, second) = out.split_at_mut(m);
                    two_rows(a, b, w, dim, first, second);
                }
            }
            for (&index, out) in pairs
                .remainder()
                .iter()
                .zip(outs.into_remainder().chunks_exact_mut(m))
            {
                if let Some(a) = row(x, index, dim) {
                    for (value, w) in out.iter_mut().zip(w.chunks_exact(dim)) {
                        *value = tile([a], [w])[0][0];
                    }
                }
            }
        },
    );
}

/// `g[c] += Σ_i r[i, c] * x[rows[i]]` for `r` `[rows, m]` and `g` `[m, dim]`.
pub(crate) fn outer<T: Real>(x: &[T], rows: &[usize], r: &[T], dim: usize, g: &mut [T]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let m = g.len() / dim.max(1);
            if m == 0 {
                return;
            }
            for (rows, r) in rows.chunks(4).zip(r.chunks(4 * m)) {
                if let [a, b, c, d] = *rows
                    && let (Some(a), Some(b), Some(c), Some(d)) = (
                        row(x, a, dim),
                        row(x, b, dim),
                        row(x, c, dim),
                        row(x, d, dim),
                    )
                    && r.len() == 4 * m
                {
                    for (k, g) in g.chunks_exact_mut(dim).enumerate() {
                        let (ra, rb, rc, rd) = (r[k], r[m + k], r[2 * m + k], r[3 * m + k]);
                        for ((((g, &a), &b), &c), &d) in g.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                            *g += (ra * a + rb * b) + (rc * c + rd * d);
                        }
                    }
                } else {
                    for (&index, r) in rows.iter().zip(r.chunks_exact(m)) {
                        if let Some(a) = row(x, index, dim) {
                            for (g, &r) in g.chunks_exact_mut(dim).zip(r) {
                                for (g, &a) in g.iter_mut().zip(a) {
                                    *g += r * a;
                                }
                            }
                        }
                    }
                }
            }
        },
    );
}

#[inline(always)]
fn row<T>(x: &[T], index: usize, dim: usize) -> Option<&[T]> {
    x.get(index * dim..(index + 1) * dim)
}

/// All dot products of two rows, three vectors at a time: six running sums stay in registers.
#[inline(always)]
fn two_rows<T: Real>(a: &[T], b: &[T], w: &[T], dim: usize, first: &mut [T], second: &mut [T]) {
    let mut column = 0;
    let mut vectors = w.chunks_exact(dim);
    while let Some(u) = vectors.next() {
        if let Some(v) = vectors.next() {
            let sums = tile([a, b], [u, v]);
            (first[column], first[column + 1]) = (sums[0][0], sums[0][1]);
            (second[column], second[column + 1]) = (sums[1][0], sums[1][1]);
            column += 2;
        } else {
            let sums = tile([a, b], [u]);
            (first[column], second[column]) = (sums[0][0], sums[1][0]);
            column += 1;
        }
    }
}

/// Dot products of each of `R` rows with each of `C` vectors.
#[inline(always)]
fn tile<T: Real, const R: usize, const C: usize>(
    rows: [&[T]; R],
    vectors: [&[T]; C],
) -> [[T; C]; R] {
    let len = rows
        .iter()
        .chain(&vectors)
        .map(|s| s.len())
        .min()
        .unwrap_or(0);
    let whole = len - len % LANES;
    let mut sums = [[[T::default(); LANES]; C]; R];
    let mut at = 0;
    while at < whole {
        for (row, sums) in rows.iter().zip(&mut sums) {
            for (vector, sums) in vectors.iter().zip(sums) {
                let (a, b) = (&row[at..at + LANES], &vector[at..at + LANES]);
                for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                    *sum += a * b;
                }
            }
        }
        at += LANES;
    }
    let mut out = [[T::default(); C]; R];
    for ((row, sums), out) in rows.iter().zip(&sums).zip(&mut out) {
        for ((vector, sums), out) in vectors.iter().zip(sums).zip(out) {
            let pairs = [
                sums[0] + sums[4],
                sums[1] + sums[5],
                sums[2] + sums[6],
                sums[3] + sums[7],
            ];
            let mut sum = (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
            for (&a, &b) in row[whole..len].iter().zip(&vector[whole..len]) {
                sum += a * b;
            }
            *out = sum;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{dots, outer};

    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
            })
            .collect()
    }

    #[test]
    fn products_equal_the_definition_on_odd_sizes() {
        for (n, m, dim) in [(1, 1, 1), (2, 2, 8), (3, 1, 7), (5, 3, 19), (9, 5, 33)] {
            let (x, w, r) = (numbers(n * dim, 1), numbers(m * dim, 2), numbers(n * m, 3));
            let rows: Vec<usize> = (0..n).rev().collect();
            let (mut out, mut g) = (vec![0.0; n * m], vec![1.0; m * dim]);
            dots(&x, &rows, &w, dim, &mut out);
            outer(&x, &rows, &r, dim, &mut g);
            for (i, &row) in rows.iter().enumerate() {
                for c in 0..m {
                    let expected: f64 = (0..dim).map(|j| x[row * dim + j] * w[c * dim + j]).sum();
                    assert!((out[i * m + c] - expected).abs() < 1e-12, "{n} {m} {dim}");
                }
            }
            for c in 0..m {
                for j in 0..dim {
                    let expected: f64 = 1.0
                        + rows
                            .iter()
                            .enumerate()
                            .map(|(i, &row)| r[i * m + c] * x[row * dim + j])
                            .sum::<f64>();
                    assert!((g[c * dim + j] - expected).abs() < 1e-12, "{n} {m} {dim}");
                }
            }
        }
    }
}
