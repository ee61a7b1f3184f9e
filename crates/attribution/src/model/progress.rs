//! How far a long explanation is.

/// How far a method or a measure of trust is: what the function of
/// [`Model::on_progress`](crate::Model::on_progress) is told.
///
/// A step is what the method or the measure repeats: a gradient along a path, a sample, a mask, a window, or an image with
/// some parts replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of steps that are done; it never becomes smaller.
    pub done: usize,
    /// Number of steps in all; `None` where the method decides on the way how many it needs, as integrated gradients with a
    /// tolerance do.
    pub total: Option<usize>,
}
