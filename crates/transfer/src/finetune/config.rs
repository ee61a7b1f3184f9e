use dataset::ImageItem;
use dataset::augment::Augmentation;
use serde::{Deserialize, Serialize};

use crate::{Classifier, Error, Recipe, Result};

/// More epochs, or steps of a search for the learning rate, are a slip of the pen.
pub(super) const MOST_EPOCHS: usize = 1 << 20;

/// How to fine-tune. Start from [`FineTuneConfig::new`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FineTuneConfig {
    pub(super) blocks: usize,
    pub(super) epochs: usize,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) learning_rate: f64,
    pub(super) block_decay: f64,
    pub(super) warm_up: f64,
    pub(super) weight_decay: f32,
    pub(super) label_smoothing: f64,
    pub(super) head_penalty: Option<f64>,
    pub(super) norms: Norms,
    pub(super) epochs_a_block: usize,
    pub(super) average: Option<f64>,
    pub(super) augmentation: Option<Augmentation>,
    pub(super) variants: usize,
    pub(super) patience: Option<usize>,
    pub(super) memory: u64,
    pub(super) seed: u64,
}

/// What the batch normalisations of the blocks that learn do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norms {
    /// They keep their statistics, to the bit; their scale and offset learn.
    Frozen,
    /// They normalise by the batch and their statistics follow it. Batches should be large, 32 and up.
    Train,
}

impl Default for FineTuneConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl FineTuneConfig {
    /// The last 2 blocks, 4 epochs of batches of 32, AdamW at 1e-4 (0.9, 0.999, 1e-8), half as much for each block
    /// further from the head, warm-up over the first tenth of the steps and then half a cosine down to 0, weight decay
    /// 0.05 on kernels, no label smoothing, the penalty that the head was fitted with, frozen norms, all blocks from the
    /// start, an average of 0.98, 4 variants by [`Augmentation::standard`] (without them the training images are soon
    /// learnt by heart), no early stopping, 2 GiB of memory for what the frozen blocks give, seed 0, one thread.
    pub fn new() -> Self {
        Self {
            blocks: 2,
            epochs: 4,
            batch: 32,
            threads: 1,
            learning_rate: 1e-4,
            block_decay: 0.5,
            warm_up: 0.1,
            weight_decay: 0.05,
            label_smoothing: 0.0,
            head_penalty: None,
            norms: Norms::Frozen,
            epochs_a_block: 0,
            average: Some(0.98),
            augmentation: Some(Augmentation::standard()),
            variants: 4,
            patience: None,
            memory: 2 << 30,
            seed: 0,
        }
    }

    /// How many blocks learn, counted from the head; one more than the backbone has takes the stem too. 0: only the
    /// head.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// How many blocks learn.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Passes over the training images, at least 1.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Images a step, at least 1.
    pub fn with_batch(mut self, images: usize) -> Self {
        self.batch = images;
        self
    }

    /// Threads that share a batch, at least 1. Its gradients are those of parts of 8 images, added up in one order: the
    /// whole batch's to rounding, and the same bytes whatever the number of threads. More threads than parts are of no
    /// use, nor are any with [`Norms::Train`], where the batch is one part.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The largest step size, that of the head.
    pub fn with_learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Factor to the learning rate for each block further from the head, in (0, 1]
    /// ([Howard and Ruder 2018](https://arxiv.org/abs/1801.06146) divide by 2.6 a layer).
    pub fn with_block_decay(mut self, factor: f64) -> Self {
        self.block_decay = factor;
        self
    }

    /// Share of the steps over which the learning rate grows from 0, 0 to 1.
    pub fn with_warm_up(mut self, share: f64) -> Self {
        self.warm_up = share;
        self
    }

    /// Decoupled weight decay ([Loshchilov and Hutter 2019](https://arxiv.org/abs/1711.05101)) of kernels and of the
    /// head's weights; biases and norms have none.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// Share of each target that is spread over all classes, from 0 up to, not including, 1.
    pub fn with_label_smoothing(mut self, share: f64) -> Self {
        self.label_smoothing = share;
        self
    }

    /// Adds so many times half the squares of the head's weights to the mean loss, so that they do not just grow.
    /// `None`, the default: what the head was fitted with, where the classifier's report tells that the
    /// [logistic regression](Recipe::LogisticRegression) did it; then a head that was fitted without class weights stays where
    /// it is as long as the features under it do (this loss weighs all images alike). Else 0.
    pub fn with_head_penalty(mut self, penalty: Option<f64>) -> Self {
        self.head_penalty = penalty;
        self
    }

    /// What the batch normalisations do.
    pub fn with_norms(mut self, norms: Norms) -> Self {
        self.norms = norms;
        self
    }

    /// Gradual unfreezing: the first `epochs` only the head learns, then every `epochs` one block more, from the last
    /// backwards. 0: all blocks from the start.
    pub fn with_epochs_a_block(mut self, epochs: usize) -> Self {
        self.epochs_a_block = epochs;
        self
    }

    /// Judges, and gives, a moving average of the weights: `decay` of the average and the rest of the new weights each
    /// step, less in the first steps. In [0, 1), usually 0.99 to 0.9999.
    pub fn with_average(mut self, decay: Option<f64>) -> Self {
        self.average = decay;
        self
    }

    /// Trains on `variants` (at least 1) augmented forms of each image, in turn, epoch by epoch. Each costs a run of
    /// the frozen blocks and its share of the [memory](Self::with_memory).
    pub fn with_augmentation(mut self, augmentation: Augmentation, variants: usize) -> Self {
        self.augmentation = Some(augmentation);
        self.variants = variants;
        self
    }

    /// Trains on the images as they are.
    pub fn without_augmentation(mut self) -> Self {
        self.augmentation = None;
        self
    }

    /// Ends after so many epochs that did not lower the validation loss.
    pub fn with_patience(mut self, epochs: Option<usize>) -> Self {
        self.patience = epochs;
        self
    }

    /// Bytes for what the frozen blocks give (at k = 2 and 224 px 0.4 MB an image); what does not fit is computed anew
    /// each epoch.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Everything random follows from it: the order of images and their augmentation.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the settings have a meaning, and the images are of the classifier's classes.
    pub(super) fn check(&self, classifier: &Classifier, sets: &[&[ImageItem]]) -> Result<()> {
        self.check_settings(classifier.backbone().weights().config().blocks)?;
        let classes = classifier.classes().len();
        let mut items = sets.iter().flat_map(|items| items.iter());
        match items.find(|item| item.class >= classes) {
            Some(item) => Err(Error::mismatch(
                format!("class of {}", item.name),
                format!("below {classes}"),
                item.class,
            )),
            None => Ok(()),
        }
    }

    fn check_settings(&self, blocks: usize) -> Result<()> {
        let wrong = |setting, value: &dyn ToString, hint| {
            Err(Error::setting(setting, value.to_string(), hint))
        };
        if self.blocks > blocks + 1 {
            return Err(Error::mismatch(
                "blocks to fine-tune",
                format!("at most {} (all {blocks} and the stem)", blocks + 1),
                self.blocks,
            ));
        }
        let counts = [
            ("epochs", self.epochs),
            ("batch", self.batch),
            ("threads", self.threads),
            ("variants", self.variants),
        ];
        if let Some((setting, value)) = counts.into_iter().find(|c| c.1 == 0) {
            return wrong(setting, &value, "at least 1");
        }
        if self.epochs > MOST_EPOCHS {
            return wrong("epochs", &self.epochs, "at most 1,048,576");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate", &self.learning_rate, "a positive number");
        }
        if !(self.block_decay > 0.0 && self.block_decay <= 1.0) {
            return wrong("block_decay", &self.block_decay, "above 0, at most 1");
        }
        if !(0.0..=1.0).contains(&self.warm_up) {
            return wrong("warm_up", &self.warm_up, "0 to 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay", &self.weight_decay, "0 or a positive number");
        }
        if let Some(penalty) = self.head_penalty.filter(|p| !(*p >= 0.0 && p.is_finite())) {
            return wrong("head_penalty", &penalty, "0 or a positive number");
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let hint = "from 0 up to, not including, 1";
            return wrong("label_smoothing", &self.label_smoothing, hint);
        }
        if let Some(decay) = self.average.filter(|d| !(0.0..1.0).contains(d)) {
            return wrong("average", &decay, "from 0 up to, not including, 1");
        }
        Ok(())
    }

    /// The penalty on the weights of this classifier's head.
    pub(super) fn penalty_of(&self, classifier: &Classifier) -> f64 {
        let fitted = || {
            let report = classifier.report()?;
            let Recipe::LogisticRegression(recipe) = report.config.recipe() else {
                return None;
            };
            // Where there was one value, nothing was chosen.
            let c = match report.chosen() {
                Some(chosen) => chosen.c,
                None => *recipe.regularization.first()?,
            };
            // Two classes were fitted as one vector, of which each has half.
            let share = if classifier.classes().len() == 2 {
                2.0
            } else {
                1.0
            };
            Some(share / (c * report.images as f64))
        };
        self.head_penalty.or_else(fitted).unwrap_or(0.0)
    }

    /// The head's step size at `step` of `steps`: up in a line, down in half a cosine.
    pub(super) fn rate(&self, step: usize, steps: usize) -> f64 {
        let warm = (self.warm_up * steps as f64).round() as usize;
        if step < warm {
            return self.learning_rate * (step + 1) as f64 / warm as f64;
        }
        let share = (step - warm) as f64 / (steps - warm).max(1) as f64;
        self.learning_rate * 0.5 * (1.0 + (share * std::f64::consts::PI).cos())
    }

    /// How many of the blocks that shall learn are still frozen in `epoch`.
    pub(super) fn still_frozen(&self, epoch: usize) -> usize {
        match self.epochs_a_block {
            0 => 0,
            epochs => self.blocks.saturating_sub(epoch / epochs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let config = FineTuneConfig::new().with_learning_rate(1.0);
        let rates: Vec<f64> = (0..100).map(|step| config.rate(step, 100)).collect();
        assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[9] - 1.0).abs() < 1e-12);
        assert!((rates[10] - 1.0).abs() < 1e-12 && (rates[55] - 0.5).abs() < 1e-12);
        assert!(rates[10..].is_sorted_by(|a, b| a > b) && rates[99] > 0.0);
        assert!(config.with_warm_up(1.0).rate(99, 100) <= 1.0);
    }

    #[test]
    fn blocks_thaw_one_after_the_other() {
        let config = FineTuneConfig::new().with_blocks(3).with_epochs_a_block(2);
        let frozen: Vec<usize> = (0..9).map(|epoch| config.still_frozen(epoch)).collect();
        assert_eq!(frozen, [3, 3, 2, 2, 1, 1, 0, 0, 0]);
        assert_eq!(FineTuneConfig::new().still_frozen(0), 0);
    }
}
