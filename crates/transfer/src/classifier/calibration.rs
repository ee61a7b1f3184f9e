use serde::{Deserialize, Serialize};

/// Which images a choice was made on: never those of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationData {
    /// Images that the head was not trained on.
    Validation,
    /// Training images, each predicted by a head that had not seen it ([`FitReport::out_of_fold`](crate::FitReport)).
    OutOfFold,
}

/// How the probabilities were calibrated. The temperature is already in the head's weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What the logits were divided by.
    pub temperature: f64,
    /// Log loss on the images below, before.
    pub log_loss_before: f64,
    /// And after; never more.
    pub log_loss_after: f64,
    /// How many images it was fitted on.
    pub images: usize,
    /// Which ones.
    #[serde(rename = "basis")]
    pub data: CalibrationData,
}
