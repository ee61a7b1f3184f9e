use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::uncertainty::Bootstrap;

/// How the frequencies of the classes are estimated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum LabelShiftMethod {
    /// From the confusion matrix of the source and the predicted classes of the new samples (black box shift estimation,
    /// BBSE; Lipton, Wang and Smola 2018). The probabilities need not be calibrated.
    ConfusionMatrix,
    /// The maximum of the likelihood of the new probabilities (MLLS), by expectation maximization (Saerens, Latinne and
    /// Decaestecker 2002). It is more precise where probabilities are calibrated, and wrong where they are not.
    Likelihood {
        /// The steps end when no frequency changes by more than this; above 0.
        tolerance: f64,
    },
}

impl Default for LabelShiftMethod {
    /// The likelihood, with a tolerance of 1e-10.
    fn default() -> Self {
        Self::Likelihood { tolerance: 1e-10 }
    }
}

/// Settings of [`label_shift`](crate::shift::label_shift).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct LabelShiftOptions {
    pub(super) method: LabelShiftMethod,
    pub(super) bootstrap: Option<Bootstrap>,
}

impl LabelShiftOptions {
    /// The default settings: [`LabelShiftMethod::Likelihood`], without intervals.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the method.
    pub fn with_method(mut self, method: LabelShiftMethod) -> Self {
        self.method = method;
        self
    }

    /// Computes percentile intervals, too: each replicate of this bootstrap draws source samples of each class, and new
    /// samples. Its method of intervals is not used. By default there are no intervals.
    pub fn with_intervals(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = Some(bootstrap);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if let LabelShiftMethod::Likelihood { tolerance } = self.method
            && !(tolerance > 0.0 && tolerance < 1.0)
        {
            let expected = "a number between 0 and 1, such as 1e-10";
            return Err(Error::setting("tolerance", tolerance, expected));
        }
        self.bootstrap.as_ref().map_or(Ok(()), Bootstrap::check)
    }
}
