use statrs::distribution::{Beta, ContinuousCDF};

use crate::uncertainty::estimate::Estimate;
use crate::uncertainty::normal::{is_level, normal_quantile};

/// Wilson's score interval of the proportion `successes / n`. Use it for accuracies; it stays within 0 and 1 even for 0
/// or `n` successes.
///
/// `level` is the confidence level, usually 0.95. `None` for `n` = 0, more successes than `n`, or a level that is not
/// between 0 and 1. Equals statsmodels' `proportion_confint` with `method="wilson"`; Wilson (1927).
pub fn wilson_interval(successes: u64, n: u64, level: f64) -> Option<Estimate> {
    if n == 0 || successes > n || !is_level(level) {
        return None;
    }
    let (n, p) = (n as f64, successes as f64 / n as f64);
    let z = normal_quantile(0.5 + 0.5 * level);
    let denominator = 1.0 + z * z / n;
    let center = (p + z * z / (2.0 * n)) / denominator;
    let half = z / denominator * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // At 0 and 1 the two terms cancel; rounding must not leave a small rest.
    let low = if successes == 0 {
        0.0
    } else {
        (center - half).max(0.0)
    };
    let high = if p == 1.0 {
        1.0
    } else {
        (center + half).min(1.0)
    };
    Some(Estimate {
        value: p,
        low,
        high,
    })
}

/// Exact interval of Clopper and Pearson of the proportion `successes / n`. It is never too narrow and often wider than
/// needed.
///
/// Parameters and result are those of [`wilson_interval`]. Equals statsmodels' `proportion_confint` with
/// `method="beta"`.
pub fn clopper_pearson_interval(successes: u64, n: u64, level: f64) -> Option<Estimate> {
    if n == 0 || successes > n || !is_level(level) {
        return None;
    }
    let (k, whole) = (successes as f64, n as f64);
    let tail = 0.5 - 0.5 * level;
    let low = if successes == 0 {
        0.0
    } else {
        beta_quantile(k, whole - k + 1.0, tail)?
    };
    let high = if successes == n {
        1.0
    } else {
        beta_quantile(k + 1.0, whole - k, 1.0 - tail)?
    };
    Some(Estimate {
        value: k / whole,
        low,
        high,
    })
}

/// Quantile of the beta distribution, by bisection of its distribution function to the last bit of `f64`.
fn beta_quantile(a: f64, b: f64, share: f64) -> Option<f64> {
    let beta = Beta::new(a, b).ok()?;
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..1100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if beta.cdf(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}
