use std::fmt;

use serde::{Deserialize, Serialize};

use crate::uncertainty::estimate::{Estimate, p_value};
use crate::uncertainty::normal::{is_level, normal_cdf, normal_quantile};

/// Result of DeLong's test: the difference of two areas under ROC curves on the same samples.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct DelongTest {
    /// Second area minus first, with its interval.
    pub difference: Estimate,
    /// The difference divided by its standard error; `None` if the standard error is 0.
    pub z: Option<f64>,
    /// Two-sided p-value: the probability of a `z` at least as large in magnitude if the areas are equal; `None` if `z`
    /// is `None`.
    pub p_value: Option<f64>,
}

/// The difference with its interval, and the p-value.
impl fmt::Display for DelongTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { value, low, high } = self.difference;
        let p = self.p_value.map_or_else(|| "-".to_string(), p_value);
        write!(
            f,
            "DeLong's test of the areas under ROC: {value:+.4} [{low:+.4}, {high:+.4}], p = {p}"
        )
    }
}

/// The area under a ROC curve with DeLong's interval, which needs no resampling.
///
/// Scores may be any finite numbers; ties count half (midranks). `level` is the confidence level, usually 0.95. The
/// interval is a normal approximation, cut off at 0 and 1. `None` with fewer than two positives or two negatives,
/// unequal lengths, a score that is not finite, or a level that is not between 0 and 1. The method is that of DeLong et
/// al. (1988), computed as by Sun and Xu (2014).
pub fn delong_interval(positive: &[bool], scores: &[f64], level: f64) -> Option<Estimate> {
    let parts = Components::new(positive, scores)?;
    let error = parts.covariance(&parts).sqrt();
    let z = is_level(level).then(|| normal_quantile(0.5 + 0.5 * level))?;
    let low = (parts.area - z * error).max(0.0);
    Some(Estimate {
        value: parts.area,
        low,
        high: (parts.area + z * error).min(1.0),
    })
}

/// DeLong's test of whether two scores rank the same samples equally well. `level` is that of the interval of the
/// difference.
///
/// `None` for the same reasons as [`delong_interval`].
pub fn delong_test(
    positive: &[bool],
    first: &[f64],
    second: &[f64],
    level: f64,
) -> Option<DelongTest> {
    let (first, second) = (
        Components::new(positive, first)?,
        Components::new(positive, second)?,
    );
    let variance =
        first.covariance(&first) + second.covariance(&second) - 2.0 * first.covariance(&second);
    // For equal scores rounding may make the variance negative.
    let error = variance.max(0.0).sqrt();
    let value = second.area - first.area;
    let half = is_level(level).then(|| normal_quantile(0.5 + 0.5 * level))? * error;
    let z = (error > 0.0).then(|| value / error);
    Some(DelongTest {
        difference: Estimate {
            value,
            low: value - half,
            high: value + half,
        },
        z,
        p_value: z.map(|z| 2.0 * normal_cdf(-z.abs())),
    })
}

/// For each positive the share of negatives below it, and for each negative the share of positives above it.
struct Components {
    area: f64,
    of_positives: Vec<f64>,
    of_negatives: Vec<f64>,
}

impl Components {
    fn new(positive: &[bool], scores: &[f64]) -> Option<Self> {
        if positive.len() != scores.len() || scores.iter().any(|score| !score.is_finite()) {
            return None;
        }
        let chosen = |wanted: bool| -> Vec<f64> {
            let both = scores.iter().zip(positive);
            both.filter(|&(_, &is)| is == wanted)
                .map(|(&score, _)| score)
                .collect()
        };
        let (positives, negatives) = (chosen(true), chosen(false));
        let (m, n) = (positives.len() as f64, negatives.len() as f64);
        if positives.len() < 2 || negatives.len() < 2 {
            return None;
        }
        let together: Vec<f64> = positives.iter().chain(&negatives).copied().collect();
        let ranks = midranks(&together);
        let (of_positives, of_negatives) = ranks.split_at(positives.len());
        let share = |all: &[f64], own: Vec<f64>, others: f64| -> Vec<f64> {
            all.iter()
                .zip(own)
                .map(|(all, own)| (all - own) / others)
                .collect()
        };
        let of_positives = share(of_positives, midranks(&positives), n);
        let of_negatives: Vec<f64> = share(of_negatives, midranks(&negatives), m)
            .into_iter()
            .map(|below| 1.0 - below)
            .collect();
        Some(Self {
            area: of_positives.iter().sum::<f64>() / m,
            of_positives,
            of_negatives,
        })
    }

    fn covariance(&self, other: &Self) -> f64 {
        let part = |first: &[f64], second: &[f64]| {
            let n = first.len() as f64;
            let sum: f64 = first
                .iter()
                .zip(second)
                .map(|(a, b)| (a - self.area) * (b - other.area))
                .sum();
            sum / (n - 1.0) / n
        };
        part(&self.of_positives, &other.of_positives)
            + part(&self.of_negatives, &other.of_negatives)
    }
}

/// Ranks from 1; equal values all get the mean of their ranks.
fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + 0.5 * (group.len() as f64 + 1.0);
        for &index in group {
            ranks[index] = rank;
        }
        start += group.len();
    }
    ranks
}
