//! Scores of one sample as probabilities.

use crate::checks::{SUM_TOLERANCE, check_probabilities};
use crate::error::{Error, Place, Result};
use crate::formats::reading::Scores;

/// How far the sum of probabilities may be from one that were written in 16 bits or with three digits. They are divided by it.
const COARSE: f64 = 5e-3;

/// Checks a row of scores and makes probabilities of it. Whether their sum was off as in half precision.
pub(super) fn to_probabilities(place: Place, row: &mut [f64], scores: Scores) -> Result<bool> {
    match scores {
        Scores::Logits => softmax(place, row).map(|()| false),
        Scores::Probabilities => {
            let sum: f64 = row.iter().sum();
            let off = (sum - 1.0).abs();
            let coarse = off > SUM_TOLERANCE && off <= COARSE;
            if coarse && row.iter().all(|value| (0.0..=1.0 + COARSE).contains(value)) {
                row.iter_mut().for_each(|value| *value /= sum);
            }
            check_probabilities(place, row).map(|()| coarse)
        }
    }
}

fn softmax(place: Place, row: &mut [f64]) -> Result<()> {
    if let Some(class) = row.iter().position(|value| !value.is_finite()) {
        let value = row[class];
        let reason = format!("the logit of class {class} is {value}; expected a finite number");
        return Err(Error::Parse { place, reason });
    }
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut()
        .for_each(|value| *value = (*value - most).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
    Ok(())
}
