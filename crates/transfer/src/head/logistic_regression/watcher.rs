use crate::head::report::FitEvent;
use crate::head::training::Watch;

/// The caller's function, and whether it has ended the training.
pub(super) struct Watcher<'a> {
    watch: Watch<'a>,
    pub(super) cancelled: bool,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(watch: Watch<'a>) -> Self {
        Self {
            watch,
            cancelled: false,
        }
    }

    /// Passes an event on; says whether the training goes on.
    pub(super) fn tell(&mut self, event: FitEvent<'_>) -> bool {
        self.cancelled |= (self.watch)(event).is_break();
        !self.cancelled
    }
}
