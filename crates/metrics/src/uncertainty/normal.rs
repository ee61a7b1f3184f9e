//! The standard normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::gamma_ur;

/// Whether this is a confidence level: a number between 0 and 1.
pub(crate) fn is_level(level: f64) -> bool {
    level > 0.0 && level < 1.0
}

/// Quantile of the standard normal distribution.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Distribution function of the standard normal distribution, computed from the incomplete gamma function, because the
/// error function of statrs is precise to 1e-11 only.
pub(super) fn normal_cdf(z: f64) -> f64 {
    let square = 0.5 * z * z;
    // `gamma_ur` accepts positive, finite arguments only.
    let tail = if square == 0.0 {
        0.5
    } else {
        0.5 * gamma_ur(0.5, square.min(1e6))
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}
