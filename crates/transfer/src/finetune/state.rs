//! The state of a training, and the choice of the best epoch.

use burn::module::Module;

use super::moving_average::MovingAverage;
use super::optimizer::Optimizer;
use super::record::EpochRecord;
use super::trainable::TrainableLayers;
use crate::head::Validation;

/// Everything that the next steps of a fine-tuning depend on.
pub(super) struct State {
    /// Steps done.
    pub(super) steps: usize,
    pub(super) layers: TrainableLayers,
    pub(super) optimizer: Optimizer,
    pub(super) average: MovingAverage,
    pub(super) epoch: Epoch,
    /// The validation result before the first step; `None` without validation images.
    pub(super) before: Option<Validation>,
    /// The best layers so far, without autodiff; those from before the training until an epoch is better.
    pub(super) best: TrainableLayers,
    /// The epoch that the best layers are from.
    pub(super) kept: Option<usize>,
    pub(super) history: Vec<EpochRecord>,
}

/// What the current epoch has measured so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Epoch {
    /// Sum of the losses over its images.
    pub(super) loss: f64,
    pub(super) images: usize,
    /// The head's learning rate in its last step.
    pub(super) rate: f64,
}

impl State {
    pub(super) fn new(layers: TrainableLayers, weight_decay: f32) -> Self {
        Self {
            steps: 0,
            // `valid` copies the statistics of batch normalizations, which clones share.
            best: layers.valid(),
            layers,
            optimizer: Optimizer::new(weight_decay),
            average: MovingAverage::default(),
            epoch: Epoch::default(),
            before: None,
            kept: None,
            history: Vec::new(),
        }
    }

    /// Ends the epoch: keeps the layers that were validated if they are the best so far, or if there are no validation
    /// images.
    pub(super) fn record(&mut self, record: EpochRecord, judged: &TrainableLayers) {
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

    /// How many epochs there were since the kept one.
    pub(super) fn waited(&self) -> usize {
        self.history.len() - self.kept.map_or(0, |epoch| epoch + 1)
    }
}
