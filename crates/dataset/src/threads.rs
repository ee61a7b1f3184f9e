//! Work on several threads: rayon's, or without the feature `rayon` the caller's alone.

/// Whether the caller is a thread of a pool: one that waits for another thread's work may wait for itself. Without the
/// feature there is no other thread to wait for.
pub(crate) fn in_pool() -> bool {
    #[cfg(feature = "rayon")]
    return rayon::current_thread_index().is_some();
    #[cfg(not(feature = "rayon"))]
    return true;
}

/// What `run` makes of each item, in their order. An item is a task of its own.
#[cfg(feature = "rayon")]
pub(crate) fn map<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    run: impl Fn(T) -> R + Send + Sync,
) -> Vec<R> {
    use rayon::prelude::*;
    let items: Vec<T> = items.collect();
    items.into_par_iter().with_max_len(1).map(run).collect()
}

/// What `run` makes of each item, in their order.
#[cfg(not(feature = "rayon"))]
pub(crate) fn map<T, R>(items: impl Iterator<Item = T>, run: impl Fn(T) -> R) -> Vec<R> {
    items.map(run).collect()
}
