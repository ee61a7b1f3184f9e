use std::fmt;

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::gamma_ur;

/// A number with the interval that is thought to hold its true value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} [{:.4}, {:.4}]", self.value, self.low, self.high)
    }
}

pub(crate) fn is_level(level: f64) -> bool {
    level > 0.0 && level < 1.0
}

/// Quantile of the standard normal distribution.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Distribution function of the standard normal distribution, by the incomplete gamma function: statrs' own
/// error function is good to 1e-11 only.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    let square = 0.5 * z * z;
    // It wants a positive, finite argument.
    let tail = if square == 0.0 {
        0.5
    } else {
        0.5 * gamma_ur(0.5, square.min(1e6))
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}
