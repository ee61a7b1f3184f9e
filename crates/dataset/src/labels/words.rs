//! Lists in sentences.

/// At most so many names are in a sentence.
pub(super) const NAMED: usize = 3;

/// The first of some names, and that there are more.
pub(super) fn named(names: &[String]) -> String {
    let first = &names[..names.len().min(NAMED)];
    let first = first.join(", ");
    if names.len() > NAMED {
        format!("{first}, ...")
    } else {
        first
    }
}

/// `1 row`, `2 rows`.
pub(super) fn rows(count: usize) -> String {
    match count {
        1 => "1 row".to_owned(),
        _ => format!("{count} rows"),
    }
}
