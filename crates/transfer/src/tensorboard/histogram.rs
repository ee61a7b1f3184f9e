//! TensorFlow's histogram: exponential buckets, empty ones merged.

use std::sync::LazyLock;

use super::messages::Histogram;

/// Upper ends of the buckets: 0, and from 1e-12 upwards each 1.1 times the one before, on both sides.
static LIMITS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let positive: Vec<f64> =
        std::iter::successors(Some(1.0e-12), |v| Some(v * 1.1).filter(|&v| v < 1.0e20))
            .chain([f64::MAX])
            .collect();
    let negative = positive.iter().rev().map(|v| -v);
    negative
        .chain([0.0])
        .chain(positive.iter().copied())
        .collect()
});

/// The histogram of `values`, as `tf.summary.histogram` makes it; values that are not finite are left out, since
/// TensorBoard refuses them.
pub(super) fn histogram(values: &[f32]) -> Histogram {
    let limits = &*LIMITS;
    let mut counts = vec![0.0; limits.len()];
    let (mut min, mut max) = (f64::MAX, -f64::MAX);
    let (mut num, mut sum, mut sum_squares) = (0.0, 0.0, 0.0);
    for value in values
        .iter()
        .map(|&v| f64::from(v))
        .filter(|v| v.is_finite())
    {
        counts[limits.partition_point(|&limit| limit <= value)] += 1.0;
        (min, max) = (min.min(value), max.max(value));
        num += 1.0;
        sum += value;
        sum_squares += value * value;
    }
    // A run of empty buckets becomes one, which ends where the run ends.
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (&limit, &count) in limits.iter().zip(&counts) {
        match kept.last_mut() {
            Some(last) if last.1 == 0.0 && count == 0.0 => last.0 = limit,
            _ => kept.push((limit, count)),
        }
    }
    Histogram {
        min,
        max,
        num,
        sum,
        sum_squares,
        bucket_limit: kept.iter().map(|k| k.0).collect(),
        bucket: kept.iter().map(|k| k.1).collect(),
    }
}
