use dataset::ImageItem;
use serde::Serialize;

use super::FineTuneConfig;
use crate::Validation;

/// What happens during a fine-tuning.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FineTuneEvent<'a> {
    /// The frozen blocks have run on `done` of `total` images.
    Prepared {
        /// Images done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// A step was made.
    Step {
        /// The epoch, from 0.
        epoch: usize,
        /// The step, from 0, over all epochs.
        step: usize,
        /// Steps in all.
        steps: usize,
        /// Mean loss over the batch, before the step.
        loss: f64,
        /// The head's step size.
        learning_rate: f64,
        /// Training images a second since the first step.
        images_per_second: f64,
        /// At that speed, without the looks at the validation images.
        seconds_left: f64,
    },
    /// An epoch is over.
    Epoch(&'a EpochRecord),
}

/// An epoch in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EpochRecord {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Blocks that learnt.
    pub blocks: usize,
    /// The head's step size at the end.
    pub learning_rate: f64,
    /// Mean loss over the batches, each before its step; with label smoothing, if there is any.
    pub train_loss: f64,
    /// The validation images afterwards, if there are any.
    pub validation: Option<Validation>,
}

/// How a fine-tuning went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FineTuneReport {
    /// What was asked for.
    pub config: FineTuneConfig,
    /// Training images used.
    pub images: usize,
    /// The classifier that came in, on the validation images, if there are any.
    pub before: Option<Validation>,
    /// Epoch by epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept; `None` where the classifier that came in was better than all, or nothing was
    /// trained.
    pub kept: Option<usize>,
    /// Images left out, and why.
    #[serde(skip)]
    pub failed: Vec<(ImageItem, dataset::Error)>,
}
