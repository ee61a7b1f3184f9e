use burn::module::Module;

use super::EpochRecord;
use super::average::Average;
use super::optimiser::Optimiser;
use super::tail::Tail;
use crate::Validation;

/// Where a fine-tuning stands between two steps: all that the next ones depend on.
pub(super) struct State {
    /// Steps done.
    pub(super) steps: usize,
    pub(super) tail: Tail,
    pub(super) optimiser: Optimiser,
    pub(super) average: Average,
    pub(super) epoch: Epoch,
    /// The tail that came in, on the validation images, if there are any.
    pub(super) before: Option<Validation>,
    /// The best tail so far, without autodiff; the one that came in until an epoch is better.
    pub(super) best: Tail,
    /// The epoch that it is of.
    pub(super) kept: Option<usize>,
    pub(super) history: Vec<EpochRecord>,
}

/// What the epoch under way has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Epoch {
    /// Sum of the losses of its images.
    pub(super) loss: f64,
    pub(super) images: usize,
    /// The step size of its last step.
    pub(super) rate: f64,
}

impl State {
    pub(super) fn new(tail: Tail, weight_decay: f32) -> Self {
        Self {
            steps: 0,
            // `valid` copies the statistics of batch normalisations, which clones share.
            best: tail.valid(),
            tail,
            optimiser: Optimiser::new(weight_decay),
            average: Average::default(),
            epoch: Epoch::default(),
            before: None,
            kept: None,
            history: Vec::new(),
        }
    }

    /// Ends the epoch: keeps the tail that was judged if it is the best so far, or there is nothing to judge by.
    pub(super) fn record(&mut self, record: EpochRecord, judged: &Tail) {
        let loss = record.validation.map(|v| v.cross_entropy);
        let best = match self.kept {
            Some(epoch) => self.history[epoch].validation,
            None => self.before,
        };
        let best = best.map(|v| v.cross_entropy);
        if loss.is_none_or(|loss| best.is_none_or(|best| loss < best)) {
            self.best = judged.valid();
            self.kept = Some(record.epoch);
        }
        self.history.push(record);
        self.epoch = Epoch::default();
    }

    /// Epochs since the one that is kept.
    pub(super) fn waited(&self) -> usize {
        self.history.len() - self.kept.map_or(0, |epoch| epoch + 1)
    }
}
