//! What a fine-tuning reports while it runs.

use std::ops::ControlFlow;
use std::time::Instant;

use super::record::EpochRecord;

/// What happens during a fine-tuning.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FineTuneEvent<'a> {
    /// The frozen blocks have run on `done` of `total` images.
    Prepared {
        /// Images done so far, validation images included.
        done: usize,
        /// Images in all, validation images included.
        total: usize,
    },
    /// A step was made.
    Step {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The step, counted from 0 over all epochs.
        step: usize,
        /// Number of steps in all epochs together.
        steps: usize,
        /// Mean loss over the batch, before the step.
        loss: f64,
        /// The head's learning rate in this step.
        learning_rate: f64,
        /// Training images per second since the first step of this run.
        images_per_second: f64,
        /// Estimated seconds for the remaining steps at that speed, without validation.
        seconds_left: f64,
    },
    /// An epoch has ended.
    Epoch(&'a EpochRecord),
}

/// The caller's function for events; [`ControlFlow::Break`] ends the training.
pub(super) type OnEvent<'a> = dyn FnMut(FineTuneEvent<'_>) -> ControlFlow<()> + 'a;

/// How fast a training goes, and how long it still takes.
pub(super) struct Speed {
    start: Instant,
    done: usize,
    left: usize,
}

impl Speed {
    /// Starts the clock before the first of so many images.
    pub(super) fn new(images: usize) -> Self {
        Self {
            start: Instant::now(),
            done: 0,
            left: images,
        }
    }

    /// Counts the images of a step; gives images per second, and seconds left.
    pub(super) fn after(&mut self, images: usize) -> (f64, f64) {
        self.done += images;
        self.left = self.left.saturating_sub(images);
        let per_second = self.done as f64 / self.start.elapsed().as_secs_f64().max(1e-9);
        (per_second, self.left as f64 / per_second)
    }
}
