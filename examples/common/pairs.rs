//! Answers of two classifiers to the same images, in whatever order.

use std::error::Error;

use metrics::comparison::Comparison;

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

/// What a comparison says about the two, in a sentence.
pub fn verdict(comparison: &Comparison, [first, second]: [&str; 2]) -> String {
    let outcomes = &comparison.outcomes;
    let (fixed, broken) = (outcomes.fixed.len(), outcomes.broken.len());
    let Some(test) = &outcomes.mcnemar else {
        return format!(
            "{first} and {second} are right on the same images: neither is better here."
        );
    };
    let counts = format!(
        "{fixed} right that {first} has wrong, and {broken} wrong that {first} has right (p = {:.3})",
        test.p_value
    );
    match (test.p_value < 0.05, fixed > broken) {
        (true, true) => format!("{second} is better: it has {counts}."),
        (true, false) => format!("{second} is worse: it has {counts}."),
        (false, _) => format!(
            "Nothing shows that one of the two is better: {second} has {counts}, which may be chance; more images would tell."
        ),
    }
}
