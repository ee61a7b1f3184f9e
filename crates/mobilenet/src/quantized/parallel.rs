//! Images in parallel, on rayon's current pool; without the feature `rayon`, one after the other.

/// What `run` makes of each number below `n`, in their order.
#[cfg(feature = "rayon")]
pub(super) fn map<R: Send>(n: usize, run: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    use rayon::prelude::*;
    (0..n).into_par_iter().map(run).collect()
}

/// What `run` makes of each number below `n`, in their order.
#[cfg(not(feature = "rayon"))]
pub(super) fn map<R>(n: usize, run: impl Fn(usize) -> R) -> Vec<R> {
    (0..n).map(run).collect()
}
