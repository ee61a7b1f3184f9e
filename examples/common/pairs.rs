//! Answers of two classifiers to the same images, in whatever order.

use std::error::Error;

use crate::answers::Answers;

/// Pairs the answers of both by the names of their files, where these are not the same in the same order. Says what only one
/// of the two has.
///
/// # Errors
/// Where no file is in both.
pub fn pair(first: &mut Answers, second: &mut Answers) -> Result<(), Box<dyn Error>> {
    if first.predictions.files() == second.predictions.files() {
        return Ok(());
    }
    let Some(pairs) = first.predictions.align(&second.predictions)? else {
        return Ok(());
    };
    for (which, names) in [("first", &pairs.only_first), ("second", &pairs.only_second)] {
        if let Some(name) = names.first() {
            let count = crate::counted(names.len(), "file is", "files are");
            crate::say!(
                "{count} in the {which} alone, and left out, such as {}",
                files::shown(name)
            );
        }
    }
    first.keep(&pairs.first)?;
    second.keep(&pairs.second)
}
