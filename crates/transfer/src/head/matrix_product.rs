//! The product of two large matrices, in blocks that stay in the caches, vectorized for the processor at run time.
//!
//! Each entry of the result is summed in the same order, whatever the sizes and the number of threads.

// The loops are compiled for each instruction set only where they are inlined into its dispatch.
#![allow(clippy::inline_always)]

use std::array::from_fn;
use std::ops::AddAssign;

use pulp::{Arch, Simd, WithSimd};

/// The number of values in a row must be a multiple of this.
pub(crate) const PADDING: usize = 16;
/// Values of a row that are summed before the next row is read: a few rows of them stay in the first cache.
const DEPTH: usize = 512;
/// Rows of the left matrix that a thread takes at a time.
const ROWS: usize = 64;
/// Side of the squares in which a matrix is transposed.
const SQUARE: usize = 16;

/// `f32` or `f64`.
pub(crate) trait Float: Copy + Default + AddAssign + Send + Sync {
    /// The distance from 1 to the next larger number.
    const ROUNDING: f64;
    /// A register of the processor.
    type Vector<S: Simd>: Copy;

    fn narrow(value: f64) -> Self;
    fn wide(self) -> f64;
    fn vectors<S: Simd>(values: &[Self]) -> &[Self::Vector<S>];
    fn zeros<S: Simd>(simd: S) -> Self::Vector<S>;
    /// `a * b + sum`.
    fn add_product<S: Simd>(
        simd: S,
        sum: Self::Vector<S>,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
    ) -> Self::Vector<S>;
    fn total<S: Simd>(simd: S, vector: Self::Vector<S>) -> Self;
}

macro_rules! float {
    ($type:ty, $vector:ident, $vectors:ident, $splat:ident, $add_product:ident, $total:ident) => {
        impl Float for $type {
            const ROUNDING: f64 = <$type>::EPSILON as f64;
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn narrow(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn vectors<S: Simd>(values: &[Self]) -> &[Self::Vector<S>] {
                S::$vectors(values).0
            }

            #[inline(always)]
            fn zeros<S: Simd>(simd: S) -> Self::Vector<S> {
                simd.$splat(0.0)
            }

            #[inline(always)]
            fn add_product<S: Simd>(
                simd: S,
                sum: Self::Vector<S>,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$add_product(a, b, sum)
            }

            #[inline(always)]
            fn total<S: Simd>(simd: S, vector: Self::Vector<S>) -> Self {
                simd.$total(vector)
            }
        }
    };
}

float!(
    f32,
    f32s,
    as_simd_f32s,
    splat_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s
);
float!(
    f64,
    f64s,
    as_simd_f64s,
    splat_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s
);

/// `left[i] · right[j]` for all rows of `left` `[m, depth]` and of `right` `[n, depth]`, as `[m, n]`. The depth is a
/// multiple of [`PADDING`].
pub(crate) fn products<T: Float>(left: &[T], right: &[T], depth: usize) -> Vec<T> {
    debug_assert!(depth > 0 && depth.is_multiple_of(PADDING));
    let (m, n) = (left.len() / depth, right.len() / depth);
    if m < 2 * ROWS && n > m {
        // All threads have something to do where the rows of the larger matrix are shared out.
        transposed(&rows_shared_out(right, left, depth), m, n)
    } else {
        rows_shared_out(left, right, depth)
    }
}

fn rows_shared_out<T: Float>(left: &[T], right: &[T], depth: usize) -> Vec<T> {
    let n = right.len() / depth;
    let parts = crate::threads::map(left.chunks(ROWS * depth), |left| {
        let mut out = vec![T::default(); left.len() / depth * n];
        Arch::new().dispatch(Block {
            left,
            right,
            depth,
            out: &mut out,
        });
        out
    });
    parts.concat()
}

/// What one thread computes, for an instruction set that is chosen at run time.
struct Block<'a, T> {
    left: &'a [T],
    right: &'a [T],
    depth: usize,
    out: &'a mut [T],
}

impl<T: Float> WithSimd for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (depth, columns) = (self.depth, self.right.len() / self.depth);
        for first in (0..depth).step_by(DEPTH) {
            let last = (first + DEPTH).min(depth);
            let left = |row: usize| T::vectors::<S>(&self.left[row * depth..][first..last]);
            let right = |row: usize| T::vectors::<S>(&self.right[row * depth..][first..last]);
            for column in (0..columns).step_by(3) {
                for (quad, out) in self.out.chunks_mut(4 * columns).enumerate() {
                    let out = &mut out[column..];
                    let (rows, left_over) = (out.len().div_ceil(columns), columns - column);
                    if let (4, 3..) = (rows, left_over) {
                        let left = from_fn(|r| left(4 * quad + r));
                        let right = from_fn(|c| right(column + c));
                        tile::<T, S, 4, 3>(simd, left, right, out, columns);
                        continue;
                    }
                    for r in 0..rows {
                        for c in 0..left_over.min(3) {
                            let left = left(4 * quad + r);
                            let right = right(column + c);
                            let out = &mut out[r * columns + c..];
                            tile::<T, S, 1, 1>(simd, [left], [right], out, columns);
                        }
                    }
                }
            }
        }
    }
}

/// Adds the products of `R` rows and `C` rows to `out`, whose rows are `stride` apart. All sums stay in registers.
#[inline(always)]
fn tile<T: Float, S: Simd, const R: usize, const C: usize>(
    simd: S,
    left: [&[T::Vector<S>]; R],
    right: [&[T::Vector<S>]; C],
    out: &mut [T],
    stride: usize,
) {
    let steps = left[0].len();
    let left = left.map(|row| &row[..steps]);
    let right = right.map(|row| &row[..steps]);
    let mut sums = [[T::zeros(simd); C]; R];
    for step in 0..steps {
        let b = right.map(|row| row[step]);
        for (sums, row) in sums.iter_mut().zip(left) {
            let a = row[step];
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = T::add_product(simd, *sum, a, b);
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (c, sum) in sums.into_iter().enumerate() {
            out[r * stride + c] += T::total(simd, sum);
        }
    }
}

/// A matrix `[columns, rows]` as `[rows, columns]`.
pub(crate) fn transposed<T: Float>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    debug_assert_eq!(values.len(), rows * columns);
    let parts = crate::threads::map((0..rows).step_by(ROWS), |first| {
        let count = ROWS.min(rows - first);
        let mut out = vec![T::default(); count * columns];
        for at in (0..columns).step_by(SQUARE) {
            for row in 0..count {
                let out = &mut out[row * columns + at..(row + 1) * columns];
                for (out, column) in out.iter_mut().zip(at..columns.min(at + SQUARE)) {
                    *out = values[column * rows + first + row];
                }
            }
        }
        out
    });
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::{Float, PADDING, products, transposed};

    fn numbers<T: Float>(count: usize, seed: u64) -> Vec<T> {
        let mut state = seed;
        let number = |_| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            T::narrow((state >> 40) as f64 / (1u64 << 24) as f64 - 0.5)
        };
        (0..count).map(number).collect()
    }

    fn equal_the_definition<T: Float>(tolerance: f64) {
        for (m, n, depth) in [
            (1, 1, 1),
            (3, 200, 2),
            (70, 5, 3),
            (131, 67, 40),
            (4, 3, 65),
        ] {
            let depth = depth * PADDING;
            let (a, b) = (numbers::<T>(m * depth, 1), numbers::<T>(n * depth, 2));
            let found = products(&a, &b, depth);
            assert_eq!(found.len(), m * n);
            for (i, a) in a.chunks_exact(depth).enumerate() {
                for (j, b) in b.chunks_exact(depth).enumerate() {
                    let sum: f64 = a.iter().zip(b).map(|(a, b)| a.wide() * b.wide()).sum();
                    let off = (found[i * n + j].wide() - sum).abs();
                    assert!(off < tolerance, "{m} {n} {depth}: {off}");
                }
            }
        }
    }

    #[test]
    fn products_equal_the_definition_on_odd_sizes() {
        equal_the_definition::<f64>(1e-12);
        equal_the_definition::<f32>(1e-4);
    }

    /// The same rows among few and among many give the same bits, so threads that share them out do not matter.
    #[test]
    fn an_entry_does_not_depend_on_the_sizes() {
        let depth = 33 * PADDING;
        let (a, b) = (
            numbers::<f32>(200 * depth, 3),
            numbers::<f32>(150 * depth, 4),
        );
        let all = products(&a, &b, depth);
        for (m, n) in [(1, 1), (2, 150), (5, 7), (130, 3)] {
            let part = products(&a[..m * depth], &b[..n * depth], depth);
            for (part, all) in part.chunks_exact(n).zip(all.chunks_exact(150)) {
                assert_eq!(part, &all[..n]);
            }
        }
    }

    #[test]
    fn a_transposed_matrix_has_its_columns_as_rows() {
        let values = numbers::<f64>(70 * 33, 5);
        let turned = transposed(&values, 70, 33);
        for row in 0..70 {
            for column in 0..33 {
                assert_eq!(turned[row * 33 + column], values[column * 70 + row]);
            }
        }
        assert_eq!(transposed(&turned, 33, 70), values);
    }
}
