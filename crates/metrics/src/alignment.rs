//! Samples of two sets of predictions, paired by the names of their files.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// Which samples of two sets of predictions are of the same file, and which are in one of the two alone.
///
/// ```
/// use metrics::Predictions;
/// # fn main() -> Result<(), metrics::Error> {
/// let first = Predictions::from_classes(vec![0, 1], vec![0, 1], 2)?.with_files(["a", "b"])?;
/// let second = Predictions::from_classes(vec![1, 0, 0], vec![1, 1, 0], 2)?.with_files(["b", "a", "c"])?;
/// let alignment = first.align(&second)?.expect("both have names");
/// assert_eq!((alignment.first, alignment.second), (vec![0, 1], vec![1, 0]));
/// assert_eq!(alignment.only_second, ["c"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Alignment {
    /// Indices of the common samples in the first set, in its order.
    pub first: Vec<usize>,
    /// Indices of the same samples in the second set.
    pub second: Vec<usize>,
    /// Names of files that only the first set has.
    pub only_first: Vec<String>,
    /// Names of files that only the second set has.
    pub only_second: Vec<String>,
}

impl Predictions {
    /// Pairs the samples with those of a `second` set by the names of their files; `None` where one of the two has no names,
    /// or names that occur more than once.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where no file is in both.
    pub fn align(&self, second: &Self) -> Result<Option<Alignment>> {
        let (Some(names), Some(others)) = (&self.files, &second.files) else {
            return Ok(None);
        };
        let index = |names: &'_ [String]| -> Option<HashMap<String, usize>> {
            let index: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
            (index.len() == names.len()).then_some(index)
        };
        let (Some(in_first), Some(in_second)) = (index(names), index(others)) else {
            return Ok(None);
        };
        let mut alignment = Alignment::default();
        for (at, name) in names.iter().enumerate() {
            match in_second.get(name) {
                Some(&other) => {
                    alignment.first.push(at);
                    alignment.second.push(other);
                }
                None => alignment.only_first.push(name.clone()),
            }
        }
        let only = others.iter().filter(|name| !in_first.contains_key(*name));
        alignment.only_second = only.cloned().collect();
        if alignment.first.is_empty() {
            return Err(Error::Mismatch {
                what: "files",
                first: names[0].clone(),
                second: others[0].clone(),
            });
        }
        Ok(Some(alignment))
    }
}
