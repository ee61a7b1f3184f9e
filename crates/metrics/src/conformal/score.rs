use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How unusual a class is for a sample, from its probabilities. A class is in the set if its score is at most that of most
/// calibration samples.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum SetScore {
    /// One minus the probability of the class (least ambiguous sets, LAC; Sadinle, Lei and Wasserman 2019). The sets are the
    /// smallest on average. Samples unlike all others get empty sets.
    #[default]
    Lac,
    /// The sum of the probabilities from the most probable class down to the class (adaptive prediction sets, APS; Romano,
    /// Sesia and Candès 2020). Difficult samples get larger sets, and easy ones smaller sets, so that the coverage is more
    /// even.
    Aps,
    /// [`SetScore::Aps`] plus `penalty` for each class above the first `free` in the order of the probabilities (RAPS;
    /// Angelopoulos, Bates, Malik and Jordan 2021). It avoids the very large sets that noise in the probabilities of many
    /// classes causes. The authors use `free` about 5 and `penalty` about 0.01 for the thousand classes of ImageNet.
    Raps {
        /// `k_reg`: the number of classes without a penalty.
        free: usize,
        /// `lambda`: the penalty of each further class, at least 0.
        penalty: f64,
    },
}

impl SetScore {
    /// The score of each class of a sample. `u` from 0 to 1 is the part of the probability of the class itself that is left
    /// out of the sum; 0 means no randomization. [`SetScore::Lac`] does not use it.
    ///
    /// Of two classes with the same probability, the first comes first.
    pub fn scores(&self, probabilities: &[f64], u: f64) -> Vec<f64> {
        let (free, penalty) = match *self {
            Self::Lac => return probabilities.iter().map(|p| 1.0 - p).collect(),
            Self::Aps => (0, 0.0),
            Self::Raps { free, penalty } => (free, penalty),
        };
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let mut scores = vec![0.0; probabilities.len()];
        let mut sum = 0.0;
        for (before, class) in order.into_iter().enumerate() {
            sum += probabilities[class];
            let above = (before + 1).saturating_sub(free) as f64;
            scores[class] = sum - u * probabilities[class] + penalty * above;
        }
        scores
    }

    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Self::Raps { penalty, .. } if !(penalty.is_finite() && penalty >= 0.0) => {
                let expected = "a finite number of at least 0, such as 0.01";
                Err(Error::setting("penalty of RAPS", penalty, expected))
            }
            _ => Ok(()),
        }
    }
}
