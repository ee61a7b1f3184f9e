//! The loop over epochs and steps.

use std::ops::ControlFlow;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use dataset::ImageItem;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::checkpoint::File;
use super::config::FineTuneConfig;
#[cfg(feature = "distributed")]
use super::distributed::Group;
use super::event::{FineTuneEvent, OnEvent, Speed};
use super::features::FrozenFeatures;
use super::gradients::{Batch, Objective, gradients, head_penalty};
use super::record::EpochRecord;
use super::state::State;
use super::trainable::{TrainableLayers, floats};
use crate::classifier::Classifier;
use crate::embed::UnusableImage;
use crate::error::{Error, Result};
use crate::head::{Stopped, Validation, score, softmax};

/// Runs the epochs of a training: its images and settings. What changes from step to step is a [`State`].
pub(super) struct Trainer<'a> {
    config: &'a FineTuneConfig,
    device: Device,
    training: FrozenFeatures<'a>,
    validation: FrozenFeatures<'a>,
    penalty: f64,
    failed: Vec<UnusableImage>,
    /// The caller broke it off before the frozen blocks had run on all images: nothing can be trained.
    cancelled: bool,
    #[cfg(feature = "distributed")]
    group: Option<Group>,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        config: &'a FineTuneConfig,
        classifier: &'a Classifier,
        [training, validation]: [&'a [ImageItem]; 2],
        device: &'a Device,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Self> {
        let backbone = classifier.backbone();
        let total = training.len() + validation.len();
        let mut cancelled = false;
        let mut features = |items, augment, memory, before| {
            FrozenFeatures::new(backbone, config, items, augment, memory, |done| {
                let done = before + done;
                let go_on = on_event(FineTuneEvent::Prepared { done, total });
                cancelled |= go_on.is_break();
                go_on
            })
        };
        let (validation, mut failed) = features(validation, false, config.memory, 0)?;
        let done = validation.len() + failed.len();
        let memory = validation.memory();
        let (training, more) = features(training, config.augmentation.is_some(), memory, done)?;
        failed.extend(more);
        if training.len() == 0 && !cancelled {
            return Err(Error::mismatch("training images", "at least 1", 0));
        }
        Ok(Self {
            config,
            device: device.clone().without_autodiff(),
            training,
            validation,
            penalty: head_penalty(config, classifier),
            failed,
            cancelled,
            #[cfg(feature = "distributed")]
            group: None,
        })
    }

    /// How many training images can be used.
    pub(super) fn images(&self) -> usize {
        self.training.len()
    }

    /// The images that could not be used.
    pub(super) fn into_failed(self) -> Vec<UnusableImage> {
        self.failed
    }

    /// Whether the caller broke it off before anything could be trained.
    pub(super) fn cancelled(&self) -> bool {
        self.cancelled
    }

    /// Shares each batch among these devices, if there are several.
    #[cfg(feature = "distributed")]
    pub(super) fn distribute(&mut self, devices: &[Device]) {
        self.group = (devices.len() > 1).then(|| Group::new(devices));
    }

    fn gradients(
        &self,
        layers: &TrainableLayers,
        batch: &Batch,
        epoch: usize,
    ) -> Result<(f64, GradientsParams)> {
        let objective = Objective {
            frozen: self.config.still_frozen(epoch),
            smoothing: self.config.label_smoothing,
            penalty: self.penalty,
        };
        #[cfg(feature = "distributed")]
        if let Some(group) = &self.group {
            return group.gradients(layers, batch, objective);
        }
        gradients(layers, batch, objective, self.config, &self.device)
    }

    /// The shuffled images of `epoch` in batches.
    pub(super) fn batches(&self, epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.training.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(self.config.seed);
        random.set_stream(epoch as u64);
        order.shuffle(&mut random);
        order
            .chunks(self.config.batch_size)
            .map(<[usize]>::to_vec)
            .collect()
    }

    /// Makes a step and gives the loss of its batch before the step.
    pub(super) fn step(
        &mut self,
        state: &mut State,
        images: &[usize],
        epoch: usize,
        rate: f64,
    ) -> Result<f64> {
        let batch = self.training.batch(images, epoch)?;
        let (loss, gradients) = self.gradients(&state.layers, &batch, epoch)?;
        let (layers, decay) = (state.layers.clone(), self.config.block_decay);
        state.layers = state.optimizer.step(layers, gradients, rate, decay);
        state.steps += 1;
        state.epoch.loss += loss * images.len() as f64;
        state.epoch.images += images.len();
        state.epoch.rate = rate;
        Ok(loss)
    }

    /// Trains on from where the state stands, and gives the reason why it ended.
    pub(super) fn run(
        &mut self,
        state: &mut State,
        file: Option<&File<'_>>,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Stopped> {
        if self.cancelled {
            return Ok(Stopped::Cancelled);
        }
        if state.steps == 0 {
            state.before = self.validate(&state.layers)?;
        }
        let epochs_left = self.config.epochs - state.history.len();
        let mut speed = Speed::new(epochs_left * self.training.len() - state.epoch.images);
        loop {
            if let Some(stopped) = self.finished(state) {
                return Ok(stopped);
            }
            let cancelled = self.epoch(state, file, &mut speed, on_event)?.is_break();
            if cancelled {
                // The file holds the unfinished epoch; what is returned ends it here.
                save(file, state)?;
            }
            self.end_epoch(state)?;
            if cancelled {
                let all = state.steps == self.steps();
                return Ok(if all {
                    Stopped::Steps
                } else {
                    Stopped::Cancelled
                });
            }
            let last = state.history.last();
            let go_on = last.map(|record| on_event(FineTuneEvent::Epoch(record)));
            save(file, state)?;
            if go_on.is_some_and(|go_on| go_on.is_break()) {
                return Ok(self.finished(state).unwrap_or(Stopped::Cancelled));
            }
        }
    }

    /// Makes the steps that are left of the current epoch, unless the caller breaks it off.
    fn epoch(
        &mut self,
        state: &mut State,
        file: Option<&File<'_>>,
        speed: &mut Speed,
        on_event: &mut OnEvent<'_>,
    ) -> Result<ControlFlow<()>> {
        let (epoch, steps) = (state.history.len(), self.steps());
        let done = state.steps - epoch * self.steps_per_epoch();
        for images in self.batches(epoch).iter().skip(done) {
            let (step, learning_rate) = (state.steps, self.config.rate(state.steps, steps));
            let loss = self.step(state, images, epoch, learning_rate)?;
            if !loss.is_finite() {
                return Err(Error::setting(
                    "learning_rate",
                    self.config.learning_rate,
                    "a smaller number: the loss is no longer finite",
                ));
            }
            if let Some(decay) = self.config.ema_decay {
                state.average.update(&state.layers, decay);
            }
            let (images_per_second, seconds_left) = speed.after(images.len());
            let go_on = on_event(FineTuneEvent::Step {
                epoch,
                step,
                steps,
                loss,
                learning_rate,
                images_per_second,
                seconds_left,
            });
            if go_on.is_break() {
                return Ok(go_on);
            }
            if let Some(file) = file {
                file.save_if_due(state)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn steps_per_epoch(&self) -> usize {
        self.training.len().div_ceil(self.config.batch_size)
    }

    /// Steps in all epochs together.
    fn steps(&self) -> usize {
        self.config.epochs * self.steps_per_epoch()
    }

    /// Why the training is over after a whole epoch, if it is.
    fn finished(&self, state: &State) -> Option<Stopped> {
        let patience = self.config.patience;
        if state.history.len() >= self.config.epochs {
            Some(Stopped::Steps)
        } else if !state.history.is_empty() && patience.is_some_and(|p| state.waited() >= p) {
            Some(Stopped::Early)
        } else {
            None
        }
    }

    fn end_epoch(&mut self, state: &mut State) -> Result<()> {
        let epoch = state.history.len();
        let judged = match self.config.ema_decay {
            Some(_) => state.average.of(&state.layers),
            None => state.layers.clone(),
        };
        let record = EpochRecord {
            epoch,
            blocks: self.config.blocks - self.config.still_frozen(epoch),
            learning_rate: state.epoch.rate,
            train_loss: state.epoch.loss / state.epoch.images.max(1) as f64,
            validation: self.validate(&judged)?,
        };
        state.record(record, &judged);
        Ok(())
    }

    /// Accuracy and cross-entropy on the validation images, if there are any.
    fn validate(&mut self, layers: &TrainableLayers) -> Result<Option<Validation>> {
        let all: Vec<usize> = (0..self.validation.len()).collect();
        let (mut right, mut loss) = (0, 0.0);
        for images in all.chunks(self.config.batch_size) {
            let batch = self.validation.batch(images, 0)?;
            let x = batch.tensor(0, images.len(), &self.device);
            let logits = layers.forward(x, 0, false);
            let classes = logits.dims()[1];
            let logits = floats(logits)?;
            for (row, &target) in logits.chunks_exact(classes).zip(&batch.targets) {
                let mut p: Vec<f64> = row.iter().map(|&z| f64::from(z)).collect();
                softmax(&mut p, 1.0);
                let (is_right, cost) = score(&p, target);
                right += usize::from(is_right);
                loss += cost;
            }
        }
        let n = all.len();
        Ok((n > 0).then(|| Validation {
            accuracy: right as f64 / n as f64,
            cross_entropy: loss / n as f64,
            images: n,
        }))
    }
}

fn save(file: Option<&File<'_>>, state: &State) -> Result<()> {
    file.map_or(Ok(()), |file| file.save(state))
}
