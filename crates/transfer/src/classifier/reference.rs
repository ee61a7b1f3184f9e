//! The self-test of a classifier file.

use serde::{Deserialize, Serialize};

use super::classify::Classifier;
use crate::error::Result;

/// How far a loaded classifier's answer to the reference image may be from the one in the file: probabilities by
/// this, logits by this times the largest of them (or 1). Ten times what engines differ by, far less than a wrong
/// weight makes.
const TOLERANCE: f64 = 1e-3;
/// The same for a network of integers, whose outputs are equal to the bit: what sums in f64 in another order differ by.
const EXACT: f64 = 1e-12;

/// What a classifier says of one image.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Answer {
    /// Asks about one image.
    pub(super) fn of(classifier: &Classifier, image: &[u8]) -> Result<Self> {
        let output = classifier.backbone.forward(image, 1)?;
        Ok(Self {
            logits: classifier.head.logits(&output)?,
            probabilities: classifier.head.probabilities(&output)?,
        })
    }

    /// As [`check`](Self::check), for a network of integers: only the head's own sums and the exponential function of the
    /// probabilities may be rounded otherwise.
    pub(super) fn check_exactly(&self, found: &Self) -> Result<(), String> {
        self.check_to(found, EXACT)
    }

    /// Compares what was found with what is in the file.
    pub(super) fn check(&self, found: &Self) -> Result<(), String> {
        self.check_to(found, TOLERANCE)
    }

    fn check_to(&self, found: &Self, tolerance: f64) -> Result<(), String> {
        let largest = self.logits.iter().fold(1.0, |max: f64, z| max.max(z.abs()));
        let allowed = tolerance * largest;
        for (what, expected, found, allowed) in [
            ("logits", &self.logits, &found.logits, allowed),
            (
                "probabilities",
                &self.probabilities,
                &found.probabilities,
                tolerance,
            ),
        ] {
            if expected.len() != found.len() {
                let (expected, found) = (expected.len(), found.len());
                return Err(format!(
                    "{expected} {what} of the reference image, {found} classes"
                ));
            }
            let off = expected.iter().zip(found).map(|(a, b)| (a - b).abs());
            // What is no number is as far off as can be.
            let off = off.map(|d| if d.is_nan() { f64::INFINITY } else { d });
            let off = off.fold(0.0, f64::max);
            if off > allowed {
                return Err(format!(
                    "its self-test failed: {what} of the reference image differ by {off:.1e}, and at most {allowed:.1e} is \
                     allowed; the file is damaged, or this device computes wrongly"
                ));
            }
        }
        Ok(())
    }
}

/// Waves of three colors: every level and many frequencies, the same everywhere.
pub(super) fn image(side: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((side * side * 3) as usize);
    for y in 0..side {
        for x in 0..side {
            pixels.extend([(x * x + y) as u8, (x + y * y / 7) as u8, (x * y / 5) as u8]);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::Answer;

    fn answer(logits: [f64; 2], probabilities: [f64; 2]) -> Answer {
        let (logits, probabilities) = (logits.to_vec(), probabilities.to_vec());
        Answer {
            logits,
            probabilities,
        }
    }

    #[test]
    fn logits_may_be_off_by_a_thousandth_of_the_largest_and_probabilities_by_a_thousandth() {
        let file = answer([20.0, -1.0], [0.9, 0.1]);
        assert!(file.check(&answer([20.01, -1.01], [0.9, 0.1])).is_ok());
        assert!(file.check(&answer([20.03, -1.0], [0.9, 0.1])).is_err());
        assert!(file.check(&answer([20.0, -1.0], [0.9009, 0.0991])).is_ok());
        assert!(file.check(&answer([20.0, -1.0], [0.902, 0.098])).is_err());
        assert!(file.check(&answer([f64::NAN, -1.0], [0.9, 0.1])).is_err());
        assert!(file.check(&answer([20.0, f64::NAN], [0.9, 0.1])).is_err());
    }
}
