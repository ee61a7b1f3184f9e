use serde::{Deserialize, Serialize};

use crate::uncertainty::Bootstrap;

/// Settings of [`Predictions::evaluate`](crate::Predictions::evaluate) and
/// [`MultilabelPredictions::evaluate`](crate::MultilabelPredictions::evaluate). By default there are no intervals, and
/// undefined scores are `None`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct EvaluationOptions {
    pub(crate) bootstrap: Option<Bootstrap>,
    pub(crate) zero_division: Option<f64>,
}

impl EvaluationOptions {
    /// Options with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Computes intervals too: Wilson's for the accuracy, DeLong's for the area under the ROC curve of two classes, and
    /// those of this bootstrap for most other scores. By default no intervals are computed.
    ///
    /// The time is linear in the number of samples. With more than 100,000 samples, of which one class has 20,000 or
    /// more, each replicate of a percentile interval is drawn from one of 20 bags that together hold all samples (bag
    /// of little bootstraps; Kleiner et al. 2014). A replicate still has as many samples as the whole set, so the
    /// intervals are those of the usual bootstrap up to chance.
    /// [`IntervalMethod::Bca`](crate::uncertainty::IntervalMethod::Bca) leaves out single samples in turn, or, for a
    /// class with more than 1000 samples, 200 groups of them.
    pub fn with_intervals(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = Some(bootstrap);
        self
    }

    /// Sets the value to use where a precision or recall is 0/0, and in the scores computed from it (F-score, Jaccard,
    /// specificity): the `zero_division` of scikit-learn, usually 0 or 1. By default such values stay undefined, and
    /// NaN restores this default. Other undefined scores always stay undefined.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }
}
