//! The checks that predictions pass before anything is computed from them.

use std::collections::HashSet;

use crate::error::{Error, Place, Result};

/// The largest number of classes: more than the 21,841 of ImageNet-21k.
pub(crate) const MAX_CLASSES: usize = 25_000;

/// The largest number of samples.
const MAX_SAMPLES: usize = 1 << 31;

/// How far the sum of the probabilities of one sample may be from one. A softmax in `f32` stays well within.
pub(crate) const SUM_TOLERANCE: f64 = 1e-5;

/// The largest sum of weights. Matthews' correlation multiplies four sums.
const MAX_WEIGHT: f64 = 1e75;

/// Refuses a number of classes whose names and matrices would need too much memory.
pub(crate) fn check_classes(classes: usize) -> Result<()> {
    match classes {
        0 => Err(Error::NoClasses),
        1..=MAX_CLASSES => Ok(()),
        _ => Err(Error::setting("number of classes", classes, "1 to 25,000")),
    }
}

/// Refuses more samples than an index of 31 bits can name.
pub(crate) fn check_samples(samples: usize) -> Result<()> {
    if samples <= MAX_SAMPLES {
        Ok(())
    } else {
        let expected = "at most 2,147,483,648";
        Err(Error::setting("number of samples", samples, expected))
    }
}

pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

/// Checks that a vector of probabilities holds one row for each target. There must be at least one class.
pub(crate) fn check_flat(targets: usize, probabilities: usize, classes: usize) -> Result<()> {
    if !probabilities.is_multiple_of(classes) {
        return Err(Error::Ragged {
            classes,
            found: probabilities,
        });
    }
    check_length("rows of probabilities", targets, probabilities / classes)
}

pub(crate) fn check_columns(place: Place, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Columns {
            place,
            expected,
            found,
        })
    }
}

pub(crate) fn check_class(
    place: Place,
    what: &'static str,
    class: usize,
    classes: usize,
) -> Result<()> {
    if class < classes {
        Ok(())
    } else {
        Err(Error::Class {
            place,
            what,
            class,
            classes,
        })
    }
}

pub(crate) fn check_weight(place: Place, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::Weight { place, value })
    }
}

/// Refuses weights whose sum is so large that products of sums, which many scores need, are infinite.
pub(crate) fn check_weights(sum: f64) -> Result<()> {
    if sum <= MAX_WEIGHT {
        Ok(())
    } else {
        Err(Error::WeightSum { sum })
    }
}

/// Checks the weights of all samples.
pub(crate) fn check_all_weights(samples: usize, weights: &[f64]) -> Result<()> {
    check_length("weights", samples, weights.len())?;
    for (row, &value) in weights.iter().enumerate() {
        check_weight(Place::Row(row), value)?;
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return Err(Error::NoWeight);
    }
    check_weights(weights.iter().sum())
}

pub(crate) fn check_probabilities(place: Place, values: &[f64]) -> Result<()> {
    let mut sum = 0.0;
    for (class, &value) in values.iter().enumerate() {
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Probability {
                place,
                class,
                value,
            });
        }
        sum += value;
    }
    if (sum - 1.0).abs() <= SUM_TOLERANCE {
        Ok(())
    } else {
        Err(Error::Sum {
            place,
            sum,
            tolerance: SUM_TOLERANCE,
        })
    }
}

pub(crate) fn check_distinct(names: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(names.len());
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(Error::DuplicateClass { name: name.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_samples_than_indices_are_refused() {
        check_samples(1 << 31).unwrap();
        let error = check_samples((1 << 31) + 1).unwrap_err().to_string();
        assert!(
            error.starts_with("number of samples is 2147483649"),
            "{error}"
        );
    }
}
