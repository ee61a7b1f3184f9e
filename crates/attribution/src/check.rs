//! Checks of settings and values that several files share.

use crate::error::{Error, Result};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The largest number of steps, samples or masks.
pub(crate) const MOST_STEPS: usize = 1 << 20;

/// The largest batch: it limits the memory that one call of the model needs.
const MOST_BATCH: usize = 4096;

/// Fails with [`Error::Setting`] unless the condition holds.
pub(crate) fn require(
    holds: bool,
    setting: &'static str,
    value: impl Display,
    expected: impl Into<String>,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        value: value.to_string(),
        expected: expected.into(),
    })
}

/// Fails unless the value lies in the range, both ends included.
pub(crate) fn within<T: PartialOrd + Display>(
    setting: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<()> {
    let expected = format!("{} to {}", range.start(), range.end());
    require(range.contains(&value), setting, value, expected)
}

/// Fails unless the batch size is usable.
pub(crate) fn batch(batch: usize) -> Result<()> {
    within("batch", batch, 1..=MOST_BATCH)
}

/// Fails unless `found` is `expected` values.
pub(crate) fn length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Length {
        what,
        expected,
        found,
    })
}

/// Fails on the first value that is NaN or infinite.
pub(crate) fn all_finite(what: &'static str, values: impl IntoIterator<Item = f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((index, value)) => Err(Error::NotFinite { what, index, value }),
        None => Ok(()),
    }
}

/// Fails unless there is at least one value and as many as the shape says, all of them finite.
pub(crate) fn values(
    what: &'static str,
    values: impl ExactSizeIterator<Item = f64>,
    shape: [usize; 3],
) -> Result<()> {
    // A shape too large for memory has more values than any slice.
    let volume = |n: usize, &side: &usize| n.saturating_mul(side);
    let expected = if shape.contains(&0) {
        return Err(Error::Empty { what });
    } else {
        shape.iter().fold(1, volume)
    };
    length(what, values.len(), expected)?;
    all_finite(what, values)
}

/// Fails unless a map of this shape has the height and width of an image.
pub(crate) fn same_size(what: &'static str, map: [usize; 3], image: [usize; 3]) -> Result<()> {
    if map[..2] == image[..2] {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: image,
        found: map,
    })
}
