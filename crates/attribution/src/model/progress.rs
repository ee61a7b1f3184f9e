//! The progress of a long explanation.

/// The progress of a method or a measure of trust, which the function of
/// [`Model::on_progress`](crate::Model::on_progress) receives.
///
/// A step is what the method or the measure repeats: a gradient along a path, a sample, a mask, a window, or an image
/// with some parts replaced.
/// some parts replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of steps that are done; it never decreases.
    pub done: usize,
    /// Total number of steps; `None` if the method decides during the work how many it needs, as integrated gradients
    /// with a tolerance do.
    pub total: Option<usize>,
}
