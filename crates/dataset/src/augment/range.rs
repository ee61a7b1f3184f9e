//! A range of numbers.

use serde::{Deserialize, Serialize};

/// Numbers from `low` to `high`. In JSON it is a pair, `[low, high]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "(f64, f64)", from = "(f64, f64)")]
pub struct Range {
    /// The lowest number.
    pub low: f64,
    /// The highest number.
    pub high: f64,
}

impl Range {
    /// The range from `low` to `high`.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

impl From<(f64, f64)> for Range {
    fn from((low, high): (f64, f64)) -> Self {
        Self { low, high }
    }
}

impl From<Range> for (f64, f64) {
    fn from(range: Range) -> Self {
        (range.low, range.high)
    }
}
