use std::ops::ControlFlow;
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use dataset::ImageItem;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::checkpoint::File;
use super::gradients::{Batch, Objective, gradients};
use super::inputs::Inputs;
use super::state::State;
use super::tail::{Tail, floats};
use super::{EpochRecord, FineTuneConfig, FineTuneEvent};
use crate::{Classifier, Error, Result, Stopped, Validation};

/// What a training goes through: images, settings. What it changes is a [`State`].
pub(super) struct Course<'a> {
    config: &'a FineTuneConfig,
    pub(super) device: Device,
    training: Inputs<'a>,
    validation: Inputs<'a>,
    pub(super) penalty: f64,
    pub(super) failed: Vec<(ImageItem, dataset::Error)>,
    /// Broken off before the frozen blocks had run on all images: nothing can be trained.
    pub(super) cancelled: bool,
    #[cfg(feature = "distributed")]
    pub(super) group: Option<super::distributed::Group>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        config: &'a FineTuneConfig,
        classifier: &'a Classifier,
        [training, validation]: [&'a [ImageItem]; 2],
        device: &'a Device,
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Self> {
        let backbone = classifier.backbone();
        let total = training.len() + validation.len();
        let mut cancelled = false;
        let mut inputs = |items, augment, room, before| {
            Inputs::new(backbone, config, items, augment, room, |done| {
                let done = before + done;
                let go_on = watch(FineTuneEvent::Prepared { done, total });
                cancelled |= go_on.is_break();
                go_on
            })
        };
        let (validation, mut failed) = inputs(validation, false, config.memory, 0)?;
        let done = validation.len() + failed.len();
        let room = validation.room();
        let (training, more) = inputs(training, config.augmentation.is_some(), room, done)?;
        failed.extend(more);
        if training.len() == 0 && !cancelled {
            return Err(Error::mismatch("training images", "at least 1", 0));
        }
        Ok(Self {
            config,
            device: device.clone().without_autodiff(),
            training,
            validation,
            penalty: config.penalty_of(classifier),
            failed,
            cancelled,
            #[cfg(feature = "distributed")]
            group: None,
        })
    }

    /// Training images that can be used.
    pub(super) fn images(&self) -> usize {
        self.training.len()
    }

    fn gradients(
        &self,
        tail: &Tail,
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
            return group.gradients(tail, batch, objective);
        }
        gradients(tail, batch, objective, self.config, &self.device)
    }

    /// The images of `epoch` in batches.
    pub(super) fn batches(&self, epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.training.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(self.config.seed);
        random.set_stream(epoch as u64);
        order.shuffle(&mut random);
        order
            .chunks(self.config.batch)
            .map(<[usize]>::to_vec)
            .collect()
    }

    /// A step; gives the loss of the batch before it.
    pub(super) fn step(
        &mut self,
        state: &mut State,
        images: &[usize],
        epoch: usize,
        rate: f64,
    ) -> Result<f64> {
        let batch = self.training.batch(images, epoch)?;
        let (loss, gradients) = self.gradients(&state.tail, &batch, epoch)?;
        let (tail, decay) = (state.tail.clone(), self.config.block_decay);
        state.tail = state.optimiser.step(tail, gradients, rate, decay);
        state.steps += 1;
        state.epoch.loss += loss * images.len() as f64;
        state.epoch.images += images.len();
        state.epoch.rate = rate;
        Ok(loss)
    }

    /// Trains on, from where the state stands, and says why it ended.
    pub(super) fn run(
        &mut self,
        state: &mut State,
        file: Option<&File<'_>>,
        watch: &mut impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Stopped> {
        if self.cancelled {
            return Ok(Stopped::Cancelled);
        }
        let config = self.config;
        if state.steps == 0 {
            state.before = self.validate(&state.tail)?;
        }
        let an_epoch = self.training.len().div_ceil(config.batch);
        let steps = config.epochs * an_epoch;
        let mut left =
            (config.epochs - state.history.len()) * self.training.len() - state.epoch.images;
        let (start, mut images_done) = (Instant::now(), 0);
        loop {
            if let Some(stopped) = self.over(state) {
                return Ok(stopped);
            }
            let epoch = state.history.len();
            let done = state.steps - epoch * an_epoch;
            for images in self.batches(epoch).iter().skip(done) {
                let (step, rate) = (state.steps, config.rate(state.steps, steps));
                let loss = self.step(state, images, epoch, rate)?;
                if !loss.is_finite() {
                    return Err(Error::setting(
                        "learning_rate",
                        config.learning_rate,
                        "a smaller one: with this one the loss is no longer a number",
                    ));
                }
                if let Some(decay) = config.average {
                    state.average.update(&state.tail, decay);
                }
                images_done += images.len();
                left -= images.len();
                let speed = images_done as f64 / start.elapsed().as_secs_f64().max(1e-9);
                let go_on = watch(FineTuneEvent::Step {
                    epoch,
                    step,
                    steps,
                    loss,
                    learning_rate: rate,
                    images_per_second: speed,
                    seconds_left: left as f64 / speed,
                });
                if go_on.is_break() {
                    // The file has the epoch under way; what is given now ends it here.
                    save(file, state)?;
                    self.end_epoch(state)?;
                    let last = state.steps == steps;
                    return Ok(if last {
                        Stopped::Steps
                    } else {
                        Stopped::Cancelled
                    });
                }
                if let Some(file) = file {
                    file.save_now_and_then(state)?;
                }
            }
            self.end_epoch(state)?;
            let go_on = state
                .history
                .last()
                .map(|record| watch(FineTuneEvent::Epoch(record)));
            save(file, state)?;
            if let Some(stopped) = self.over(state) {
                return Ok(stopped);
            }
            if go_on.is_some_and(|go_on| go_on.is_break()) {
                return Ok(Stopped::Cancelled);
            }
        }
    }

    /// Whether all is done after a whole epoch.
    fn over(&self, state: &State) -> Option<Stopped> {
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
        let judged = match self.config.average {
            Some(_) => state.average.of(&state.tail),
            None => state.tail.clone(),
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
    fn validate(&mut self, tail: &Tail) -> Result<Option<Validation>> {
        let all: Vec<usize> = (0..self.validation.len()).collect();
        let (mut right, mut loss) = (0, 0.0);
        for images in all.chunks(self.config.batch) {
            let batch = self.validation.batch(images, 0)?;
            let x = batch.tensor(0, images.len(), &self.device);
            let logits = tail.forward(x, 0, false);
            let classes = logits.dims()[1];
            let logits = floats(logits)?;
            for (row, &target) in logits.chunks_exact(classes).zip(&batch.targets) {
                let mut p: Vec<f64> = row.iter().map(|&z| f64::from(z)).collect();
                crate::head::softmax(&mut p, 1.0);
                let (is_right, cost) = crate::head::score(&p, target);
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
