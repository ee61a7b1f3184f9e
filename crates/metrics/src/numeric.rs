//! Small calculations that several metrics share.

/// `part / whole`, or `None` where `whole` is not above zero.
pub(crate) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Index of the largest value, and the first of them at a tie, as `numpy.argmax`.
pub(crate) fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = index;
        }
    }
    best
}

/// Quantile of values in ascending order with linear interpolation, as `numpy.quantile`.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let (a, b, t) = (sorted[below], sorted[above], position - below as f64);
    // This is numpy's form, which is exact at both ends.
    if t >= 0.5 {
        b - (b - a) * (1.0 - t)
    } else {
        a + (b - a) * t
    }
}

/// Mean and its weight: the two sums of a weighted mean over classes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WeightedMean {
    sum: f64,
    weight: f64,
}

impl WeightedMean {
    /// Adds a value; a weight of zero or less adds nothing.
    pub fn add(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            self.sum += weight * value;
            self.weight += weight;
        }
    }

    /// The mean; `None` where nothing was added.
    pub fn mean(self) -> Option<f64> {
        share(self.sum, self.weight)
    }
}
