use std::fmt;

use serde::{Deserialize, Serialize};

/// Which images a choice was made on. These are never the test images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationData {
    /// Images that the head was not trained on.
    Validation,
    /// Training images, each predicted by a head that had not seen it ([`FitReport::out_of_fold`](crate::head::FitReport)).
    OutOfFold,
}

/// How the probabilities were calibrated. The weights of the head already include the temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The number by which the logits were divided.
    pub temperature: f64,
    /// Log loss on the images below, before calibration.
    pub log_loss_before: f64,
    /// Log loss on the same images after calibration; never more than before.
    pub log_loss_after: f64,
    /// Number of images that the temperature was fitted on.
    pub images: usize,
    /// Which images these were.
    #[serde(rename = "basis")]
    pub data: CalibrationData,
}

/// One line: the temperature, and what it changed.
impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = match (self.data, self.images) {
            (CalibrationData::Validation, 1) => "1 validation image".to_string(),
            (CalibrationData::Validation, n) => format!("{n} validation images"),
            (CalibrationData::OutOfFold, n) => {
                format!("{n} training images, each answered by a head that had not seen it")
            }
        };
        write!(
            f,
            "temperature {:.3}: log loss {:.4} -> {:.4} on {images}",
            self.temperature, self.log_loss_before, self.log_loss_after
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_is_a_line() {
        let calibration = Calibration {
            temperature: 1.5,
            log_loss_before: 0.4,
            log_loss_after: 0.3,
            images: 12,
            data: CalibrationData::Validation,
        };
        let line = "temperature 1.500: log loss 0.4000 -> 0.3000 on";
        for (images, data, what) in [
            (12, CalibrationData::Validation, "12 validation images"),
            (1, CalibrationData::Validation, "1 validation image"),
            (
                12,
                CalibrationData::OutOfFold,
                "12 training images, each answered by a head that had not seen it",
            ),
        ] {
            let calibration = Calibration {
                images,
                data,
                ..calibration
            };
            assert_eq!(calibration.to_string(), format!("{line} {what}"));
        }
    }
}
