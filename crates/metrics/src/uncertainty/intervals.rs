use crate::numeric::quantile;
use crate::uncertainty::estimate::Interval;
use crate::uncertainty::normal::{is_level, normal_cdf, normal_quantile};

/// A value computed with one sample left out, as the jackknife of [`bca_interval`] needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaveOneOut {
    /// The value without the sample.
    pub value: f64,
    /// Number of samples that give this value when left out.
    pub count: f64,
}

/// Percentile interval: the interval between two quantiles of the replicates, with linear interpolation. `level` is the
/// confidence level, usually 0.95.
///
/// `None` without replicates, or for a level that is not between 0 and 1.
pub fn percentile_interval(replicates: &[f64], level: f64) -> Option<Interval> {
    if replicates.is_empty() || !is_level(level) {
        return None;
    }
    let tail = 0.5 - 0.5 * level;
    Some(between(replicates, tail, 1.0 - tail))
}

/// Bias-corrected and accelerated interval (BCa; Efron 1987), as `scipy.stats.bootstrap` computes it.
///
/// `left_out` holds, for each stratum, the values with one sample left out. `None` for the same reasons as
/// [`percentile_interval`]. If all replicates are on one side of the value, the bias correction is infinite, and the
/// result is the percentile interval.
pub fn bca_interval(
    replicates: &[f64],
    value: f64,
    left_out: &[Vec<LeaveOneOut>],
    level: f64,
) -> Option<Interval> {
    if replicates.is_empty() || !is_level(level) {
        return None;
    }
    let count =
        |holds: &dyn Fn(f64) -> bool| replicates.iter().filter(|&&v| holds(v)).count() as f64;
    let below = count(&|v| v < value) + count(&|v| v <= value);
    let bias = normal_quantile(below / (2.0 * replicates.len() as f64));
    if !bias.is_finite() {
        return percentile_interval(replicates, level);
    }
    let (mut cubes, mut squares) = (0.0, 0.0);
    for stratum in left_out {
        let n: f64 = stratum.iter().map(|left| left.count).sum();
        if n == 0.0 {
            continue;
        }
        let mean = stratum
            .iter()
            .map(|left| left.value * left.count)
            .sum::<f64>()
            / n;
        for &LeaveOneOut { value, count } in stratum {
            let influence = (n - 1.0) * (mean - value);
            cubes += count * influence.powi(3) / n.powi(3);
            squares += count * influence.powi(2) / n.powi(2);
        }
    }
    let acceleration = if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    };
    let share = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let z = normal_quantile(0.5 - 0.5 * level);
    Some(between(replicates, share(z), share(-z)))
}

/// The interval between two quantiles of values in any order.
fn between(values: &[f64], low: f64, high: f64) -> Interval {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Interval {
        low: quantile(&sorted, low),
        high: quantile(&sorted, high),
    }
}
