use serde::{Deserialize, Serialize};

use crate::uncertainty::Bootstrap;

/// Settings of [`Predictions::evaluate`](crate::Predictions::evaluate). By default there are no intervals, and
/// undefined scores are `None`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct EvaluationOptions {
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) zero_division: Option<f64>,
}

impl EvaluationOptions {
    /// Options with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds intervals: Wilson's for the accuracy, DeLong's for the area under ROC of two classes, and those of this
    /// bootstrap for most other scores. By default there are none.
    ///
    /// The time is linear in the number of samples. Of more than 100,000 samples, where a class has 20,000 or more, each
    /// replicate of a percentile interval is drawn from one of 20 bags that together hold all samples (bag of little
    /// bootstraps; Kleiner et al. 2014). It still draws as many samples as there are, so the intervals are those of the
    /// usual bootstrap up to chance. For
    /// [`IntervalMethod::Bca`](crate::uncertainty::IntervalMethod::Bca), of a class with more than 1000 samples 200
    /// groups are left out in turn instead of single samples.
    pub fn with_intervals(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = Some(bootstrap);
        self
    }

    /// Sets the value of a precision or recall of 0/0 and of the scores computed from it (F-score, Jaccard,
    /// specificity): scikit-learn's `zero_division`. The default, which NaN restores, is to leave them undefined. Other
    /// undefined scores stay undefined.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }
}
