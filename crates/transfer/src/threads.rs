//! Work on several threads: rayon's, or without the feature `rayon` the caller's alone.

/// What `run` makes of each item, in their order.
#[cfg(feature = "rayon")]
pub(crate) fn map<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    run: impl Fn(T) -> R + Send + Sync,
) -> Vec<R> {
    use rayon::prelude::*;
    let items: Vec<T> = items.collect();
    items.into_par_iter().map(run).collect()
}

/// What `run` makes of each item, in their order.
#[cfg(not(feature = "rayon"))]
pub(crate) fn map<T, R>(items: impl Iterator<Item = T>, run: impl Fn(T) -> R) -> Vec<R> {
    items.map(run).collect()
}
