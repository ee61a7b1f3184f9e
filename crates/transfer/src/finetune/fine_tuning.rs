//! One fine-tuning: what it needs, and its start.

use std::fmt;
use std::ops::ControlFlow;

use burn::tensor::Device;
use dataset::ImageItem;

use super::checkpoint::File;
use super::config::FineTuneConfig;
use super::event::{FineTuneEvent, OnEvent};
use super::gradients::head_penalty;
use super::learning_rate::{LearningRateCurve, LearningRateRange};
use super::record::FineTuneRecord;
use super::state::State;
use super::trainable::TrainableLayers;
use super::trainer::Trainer;
use crate::classifier::Classifier;
use crate::embed::UnusableImage;
use crate::error::{Error, Result};
use crate::head::Checkpoint;

impl FineTuneConfig {
    /// Starts to describe a fine-tuning with these settings on these training images. Add what else it needs, then call
    /// [`fit`](FineTuning::fit).
    pub fn training<'a>(&self, images: &'a [ImageItem]) -> FineTuning<'a> {
        FineTuning {
            config: self.clone(),
            training: images,
            validation: &[],
            checkpoint: None,
            other_devices: Vec::new(),
            on_event: Box::new(|_| ControlFlow::Continue(())),
        }
    }
}

/// A fine-tuning that can be run; [`FineTuneConfig::training`] makes it.
///
/// ```no_run
/// # fn tune(classifier: &transfer::Classifier, split: &dataset::Split, device: &burn::tensor::Device) -> transfer::Result<()> {
/// use transfer::finetune::FineTuneConfig;
/// use transfer::head::Checkpoint;
/// let state = Checkpoint::new("tuned.training").with_every(20);
/// let tuned = FineTuneConfig::new()
///     .training(&split.training)
///     .validation(&split.validation)
///     .resume(&state)
///     .fit(classifier, device)?;
/// tuned.classifier.save("tuned.safetensors")?;
/// state.remove()
/// # }
/// ```
#[must_use = "nothing is trained before `fit` is called"]
pub struct FineTuning<'a> {
    config: FineTuneConfig,
    training: &'a [ImageItem],
    validation: &'a [ImageItem],
    checkpoint: Option<&'a Checkpoint>,
    other_devices: Vec<Device>,
    on_event: Box<OnEvent<'a>>,
}

/// The result of [`FineTuning::fit`].
#[derive(Debug)]
pub struct FineTuned {
    /// The classifier with the best weights. It has no calibration, thresholds, report or provenance.
    pub classifier: Classifier,
    /// What was done and measured. Pass it to
    /// [`Provenance::with_fine_tuning`](crate::classifier::Provenance::with_fine_tuning).
    pub record: FineTuneRecord,
    /// The images that could not be used, with the reason.
    pub failed: Vec<UnusableImage>,
}

impl<'a> FineTuning<'a> {
    /// Sets the validation images, which are classified after each epoch. The epoch with the lowest cross-entropy is
    /// kept. If no epoch is better than the classifier before the training, that classifier is kept. Without validation
    /// images the last epoch is kept.
    pub fn validation(mut self, images: &'a [ImageItem]) -> Self {
        self.validation = images;
        self
    }

    /// Resumes from this checkpoint if the file exists, and keeps it up to date: it is written after each epoch, after
    /// every [`Checkpoint::with_every`] steps, and when the training is cancelled. A resumed training gives the same
    /// bytes as one that was never stopped. The file is about five times as large as the trained weights.
    ///
    /// A finished training leaves its last state in the file, and the same call returns the same result at once. Remove
    /// the file once the result is saved.
    pub fn resume(mut self, checkpoint: impl Into<Option<&'a Checkpoint>>) -> Self {
        self.checkpoint = checkpoint.into();
        self
    }

    /// Sets a function that is called with each event. [`ControlFlow::Break`] ends the training after the current step.
    /// Then the best epoch so far is kept, or, without validation images, the current weights.
    pub fn on_event(
        mut self,
        on_event: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()> + 'a,
    ) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Shares each batch with other devices for which Burn has collectives (in Burn 0.22 only CUDA devices; on others
    /// Burn panics). The device given to [`fit`](Self::fit) computes the rest of the batch. With
    /// [`BatchNormMode::Train`](super::BatchNormMode::Train) the statistics are those of its share. Such a training can
    /// be [resumed](Self::resume), but on several devices it need not give the same bytes.
    #[cfg(feature = "distributed")]
    pub fn share_with(mut self, devices: &[Device]) -> Self {
        self.other_devices = devices.to_vec();
        self
    }

    /// Fine-tunes a classifier whose head takes the embedding. Burn runs the trained blocks on `device`; the engine of
    /// the classifier's backbone runs the frozen blocks. The same inputs and the same seed give the same bytes,
    /// whatever the number of threads.
    ///
    /// The head starts without the temperature of the classifier's calibration, even if no epoch is better and the
    /// network stays the same. So whatever was measured or chosen for the old classifier does not hold for the result,
    /// which has no [report](Classifier::report), [provenance](Classifier::provenance), calibration or thresholds.
    /// [Calibrate](Classifier::calibrate) it, choose thresholds, and store where it comes from ([`FineTuned::record`]).
    ///
    /// # Errors
    /// * A setting is out of its range, or the head does not take the embedding.
    /// * No training image can be used.
    /// * The loss is no longer a finite number, because the learning rate is too large.
    /// * The checkpoint cannot be read or written, is damaged, or belongs to another training.
    pub fn fit(mut self, classifier: &Classifier, device: &Device) -> Result<FineTuned> {
        let sets = [self.training, self.validation];
        let mut state = self.state(classifier, device)?;
        let devices = [std::slice::from_ref(device), &self.other_devices[..]].concat();
        let penalty = head_penalty(&self.config, classifier);
        let file = self
            .checkpoint
            .map(|c| File::new(c, &self.config, classifier, penalty, sets, &devices));
        if let Some(file) = &file {
            // Before the frozen blocks run on all images, so that another training's file is refused at once.
            state = file.load(state, &device.clone().without_autodiff())?;
        }
        let mut trainer =
            Trainer::new(&self.config, classifier, sets, device, &mut *self.on_event)?;
        #[cfg(feature = "distributed")]
        trainer.distribute(&devices);
        let stopped = trainer.run(&mut state, file.as_ref(), &mut *self.on_event)?;
        let (images, failed) = (trainer.images(), trainer.into_failed());
        let record = FineTuneRecord {
            config: self.config,
            images,
            before: state.before,
            history: state.history,
            stopped,
            kept: state.kept,
        };
        Ok(FineTuned {
            classifier: state.best.into_classifier(classifier, device)?,
            record,
            failed,
        })
    }

    /// Tries learning rates from low to high, one batch for each, with all blocks trained from the start
    /// ([`LearningRateCurve`]). It works on a copy of the network, so it does not change a later [`fit`](Self::fit). It
    /// does not use the validation images and the checkpoint. It ends early if the loss is four times the lowest one,
    /// and at [`ControlFlow::Break`], with the rates so far.
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit), and if the range is not valid ([`LearningRateRange`]).
    pub fn find_learning_rate(
        mut self,
        classifier: &Classifier,
        device: &Device,
        range: &LearningRateRange,
    ) -> Result<LearningRateCurve> {
        range.check()?;
        self.config = self.config.with_epochs_per_block(0);
        let mut state = self.state(classifier, device)?;
        let sets: [&[ImageItem]; 2] = [self.training, &[]];
        let on_event = &mut *self.on_event;
        let mut trainer = Trainer::new(&self.config, classifier, sets, device, on_event)?;
        LearningRateCurve::measure(range, &mut trainer, &mut state, on_event)
    }

    /// The state before the first step, once everything is checked.
    fn state(&self, classifier: &Classifier, device: &Device) -> Result<State> {
        let config = &self.config;
        config.check(classifier.backbone().weights().config().blocks)?;
        let classes = classifier.classes().len();
        let mut items = self.training.iter().chain(self.validation);
        if let Some(item) = items.find(|item| item.class >= classes) {
            let what = format!("class of {}", item.name);
            return Err(Error::mismatch(
                what,
                format!("below {classes}"),
                item.class,
            ));
        }
        let layers = TrainableLayers::new(classifier, config.blocks, config.batch_norm, device)?;
        Ok(State::new(layers, config.weight_decay))
    }
}

impl fmt::Debug for FineTuning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FineTuning")
            .field("config", &self.config)
            .field("training", &self.training.len())
            .field("validation", &self.validation.len())
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}
