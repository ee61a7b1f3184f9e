use std::borrow::Cow;

use crate::embeddings::Embeddings;

/// For each row its file and its class: the names, or the numbers where no names are known. `from` is the number of the
/// first row.
pub(super) fn file_and_class<'a>(
    set: &'a Embeddings,
    classes: &'a [String],
    from: usize,
) -> impl Iterator<Item = [Cow<'a, str>; 2]> {
    set.targets().iter().enumerate().map(move |(row, &target)| {
        let named = |names: &'a [String], index: usize, number: usize| {
            names
                .get(index)
                .map_or_else(|| number.to_string().into(), std::convert::Into::into)
        };
        [
            named(set.names(), row, from + row),
            named(classes, target, target),
        ]
    })
}
