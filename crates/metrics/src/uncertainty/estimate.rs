use std::fmt;

use statrs::distribution::{ContinuousCDF, Normal};

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

pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}
