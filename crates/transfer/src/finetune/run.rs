use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use dataset::ImageItem;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::average::Average;
use super::gradients::{Batch, Objective, gradients, optimiser, step};
use super::inputs::Inputs;
use super::tail::{Tail, floats};
use super::{EpochRecord, FineTuneConfig, FineTuneEvent, FineTuneReport};
use crate::{Classifier, Error, Result, Validation};

impl FineTuneConfig {
    /// Fine-tunes a classifier whose head sits on the embedding. `validation` may be empty: then the last epoch is
    /// kept. [`ControlFlow::Break`] ends the training after that step; the best epoch so far is kept, without
    /// validation images the weights of that moment. Same inputs, same seed, same number of threads: same bytes.
    ///
    /// # Errors
    /// Where a setting has no meaning, the head sits on logits, no training image can be used, or the loss is no longer
    /// a number (the learning rate is too large).
    pub fn run(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        validation: &[ImageItem],
        device: &Device,
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let course = Course::new(self, classifier, training, validation, device, &mut watch)?;
        course.finish(classifier, device, &mut watch)
    }

    /// As [`run`](Self::run), with each batch over several devices of a kind that Burn has collectives for (in 0.22:
    /// CUDA; others panic). The first device does the rest.
    ///
    /// # Errors
    /// As [`run`](Self::run); where there is no device, or a batch has fewer images than there are devices.
    #[cfg(feature = "distributed")]
    pub fn run_distributed(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        validation: &[ImageItem],
        devices: &[Device],
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let Some(device) = devices.first() else {
            return Err(Error::mismatch("devices", "at least 1", 0));
        };
        let mut course = Course::new(self, classifier, training, validation, device, &mut watch)?;
        course.group = Some(super::distributed::Group::new(devices));
        course.finish(classifier, device, &mut watch)
    }
}

/// A training on its way.
pub(super) struct Course<'a> {
    config: &'a FineTuneConfig,
    device: Device,
    pub(super) training: Inputs<'a>,
    validation: Inputs<'a>,
    pub(super) tail: Tail,
    pub(super) optimiser: ModuleOptimizer,
    penalty: f64,
    before: Option<Validation>,
    history: Vec<EpochRecord>,
    kept: Option<usize>,
    failed: Vec<(ImageItem, dataset::Error)>,
    #[cfg(feature = "distributed")]
    group: Option<super::distributed::Group>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        config: &'a FineTuneConfig,
        classifier: &'a Classifier,
        training: &'a [ImageItem],
        validation: &'a [ImageItem],
        device: &'a Device,
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Self> {
        let backbone = classifier.backbone();
        config.check(backbone.weights().config().blocks)?;
        let classes = classifier.classes().len();
        let mut items = training.iter().chain(validation);
        if let Some(item) = items.find(|item| item.class >= classes) {
            let what = format!("class of {}", item.name);
            return Err(Error::mismatch(
                what,
                format!("below {classes}"),
                item.class,
            ));
        }
        let total = training.len() + validation.len();
        let mut inputs = |items, augment, room, before| {
            Inputs::new(backbone, config, device, items, augment, room, |done| {
                let done = before + done;
                // Nothing is trained yet that could be kept: there is no stopping here.
                let _ = watch(FineTuneEvent::Prepared { done, total });
            })
        };
        let (validation, mut failed) = inputs(validation, false, config.memory, 0)?;
        let done = validation.len() + failed.len();
        let (training, more) = inputs(
            training,
            config.augmentation.is_some(),
            validation.room(),
            done,
        )?;
        failed.extend(more);
        if training.len() == 0 {
            return Err(Error::mismatch("training images", "at least 1", 0));
        }
        let tail = Tail::new(classifier, config.blocks, config.norms, device)?;
        let optimiser = optimiser(&tail, config);
        Ok(Self {
            config,
            device: device.clone().without_autodiff(),
            training,
            validation,
            tail,
            optimiser,
            penalty: config.penalty_of(classifier),
            before: None,
            history: Vec::new(),
            kept: None,
            failed,
            #[cfg(feature = "distributed")]
            group: None,
        })
    }

    /// Trains, and puts the parts together again.
    fn finish(
        mut self,
        classifier: &Classifier,
        device: &Device,
        watch: &mut impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let result = self.run(watch)?;
        let report = FineTuneReport {
            config: self.config.clone(),
            images: self.training.len(),
            before: self.before,
            history: self.history,
            kept: self.kept,
            failed: self.failed,
        };
        Ok((result.into_classifier(classifier, device)?, report))
    }

    fn gradients(&self, batch: &Batch, epoch: usize) -> Result<(f64, GradientsParams)> {
        let objective = Objective {
            frozen: self.config.still_frozen(epoch),
            smoothing: self.config.label_smoothing,
            penalty: self.penalty,
        };
        #[cfg(feature = "distributed")]
        if let Some(group) = &self.group {
            return group.gradients(&self.tail, batch, objective);
        }
        gradients(&self.tail, batch, objective, self.config, &self.device)
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

    /// Loss of a batch before, and the tail after, a step.
    pub(super) fn step(&mut self, images: &[usize], epoch: usize, rate: f64) -> Result<f64> {
        let batch = self.training.batch(images, epoch)?;
        let (loss, gradients) = self.gradients(&batch, epoch)?;
        let decay = self.config.block_decay;
        self.tail = step(
            &mut self.optimiser,
            self.tail.clone(),
            gradients,
            rate,
            decay,
        );
        Ok(loss)
    }

    fn run(
        &mut self,
        watch: &mut impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Tail> {
        let config = self.config;
        self.before = self.validate(&self.tail.clone())?;
        // `valid` copies the statistics of batch normalisations, which clones share.
        let mut best = (self.before.map(|v| v.cross_entropy), self.tail.valid());
        let steps = config.epochs * self.training.len().div_ceil(config.batch);
        let (mut at, mut images_done, mut waited) = (0, 0, 0);
        let mut average = config.average.map(|decay| (decay, Average::default()));
        let start = Instant::now();
        'epochs: for epoch in 0..config.epochs {
            let (mut sum, mut images_of_epoch, mut rate) = (0.0, 0, 0.0);
            let mut go_on = ControlFlow::Continue(());
            for images in self.batches(epoch) {
                rate = config.rate(at, steps);
                let loss = self.step(&images, epoch, rate)?;
                if !loss.is_finite() {
                    return Err(Error::Setting {
                        setting: "learning_rate",
                        value: config.learning_rate.to_string(),
                        hint: "the loss is no longer a number: take a smaller one",
                    });
                }
                if let Some((decay, average)) = &mut average {
                    average.update(&self.tail, *decay);
                }
                sum += loss * images.len() as f64;
                images_of_epoch += images.len();
                images_done += images.len();
                let speed = images_done as f64 / start.elapsed().as_secs_f64().max(1e-9);
                let left = config.epochs * self.training.len() - images_done;
                go_on = watch(FineTuneEvent::Step {
                    epoch,
                    step: at,
                    steps,
                    loss,
                    learning_rate: rate,
                    images_per_second: speed,
                    seconds_left: left as f64 / speed,
                });
                at += 1;
                if go_on.is_break() {
                    break;
                }
            }
            let judged = match &average {
                Some((_, average)) => average.of(&self.tail),
                None => self.tail.clone(),
            };
            let validation = self.validate(&judged)?;
            let record = EpochRecord {
                epoch,
                blocks: config.blocks - config.still_frozen(epoch),
                learning_rate: rate,
                train_loss: sum / images_of_epoch.max(1) as f64,
                validation,
            };
            let go_on = go_on.is_break() || watch(FineTuneEvent::Epoch(&record)).is_break();
            self.history.push(record);
            let loss = validation.map(|v| v.cross_entropy);
            if loss.is_none_or(|loss| best.0.is_none_or(|best| loss < best)) {
                best = (loss, judged.valid());
                self.kept = Some(epoch);
                waited = 0;
            } else {
                waited += 1;
            }
            if go_on || config.patience.is_some_and(|patience| waited >= patience) {
                break 'epochs;
            }
        }
        Ok(best.1)
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
                right += usize::from(p.iter().all(|&other| other <= p[target]));
                loss -= p[target].max(f64::MIN_POSITIVE).ln();
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
