//! Checks that two sets of predictions belong to the same samples.

use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// Checks classes, number of samples, names and targets.
pub(crate) fn check_same_samples(first: &Predictions, second: &Predictions) -> Result<()> {
    let mismatch = |what, first: String, second: String| {
        Err(Error::Mismatch {
            what,
            first,
            second,
        })
    };
    if first.classes != second.classes {
        return mismatch(
            "classes",
            first.classes.join(", "),
            second.classes.join(", "),
        );
    }
    if first.len() != second.len() {
        return mismatch(
            "number of samples",
            first.len().to_string(),
            second.len().to_string(),
        );
    }
    for i in 0..first.len() {
        if let (Some(a), Some(b)) = (&first.files, &second.files)
            && a[i] != b[i]
        {
            return mismatch("samples", a[i].clone(), b[i].clone());
        }
        if first.targets[i] != second.targets[i] {
            let target = |p: &Predictions| format!("`{}` at row {i}", p.classes[p.targets[i]]);
            return mismatch("targets", target(first), target(second));
        }
    }
    Ok(())
}

/// Checks the weights. Without weights each sample has weight 1.
pub(crate) fn check_same_weights(first: &Predictions, second: &Predictions) -> Result<()> {
    match (0..first.len()).find(|&i| first.weight(i) != second.weight(i)) {
        None => Ok(()),
        Some(i) => Err(Error::Mismatch {
            what: "weights",
            first: format!("{} at row {i}", first.weight(i)),
            second: format!("{} at row {i}", second.weight(i)),
        }),
    }
}
