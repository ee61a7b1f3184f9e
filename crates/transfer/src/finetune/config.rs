//! The settings of a fine-tuning.

use dataset::augment::Augmentation;
use serde::{Deserialize, Serialize};

/// The settings of a fine-tuning. Start from [`FineTuneConfig::new`]; the settings are checked when the training starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FineTuneConfig {
    pub(super) blocks: usize,
    pub(super) epochs: usize,
    #[serde(rename = "batch")]
    pub(super) batch_size: usize,
    pub(super) threads: usize,
    pub(super) learning_rate: f64,
    pub(super) block_decay: f64,
    #[serde(rename = "warm-up")]
    pub(super) warmup: f64,
    pub(super) weight_decay: f32,
    pub(super) label_smoothing: f64,
    pub(super) head_penalty: Option<f64>,
    #[serde(rename = "norms")]
    pub(super) batch_norm: BatchNormMode,
    #[serde(rename = "epochs-a-block")]
    pub(super) epochs_per_block: usize,
    #[serde(rename = "average")]
    pub(super) ema_decay: Option<f64>,
    pub(super) augmentation: Option<Augmentation>,
    pub(super) variants: usize,
    pub(super) patience: Option<usize>,
    pub(super) memory: u64,
    pub(super) seed: u64,
}

/// What the batch normalizations of the trained blocks do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNormMode {
    /// Their running mean and variance are used for the normalization and stay exactly as they are. Only their scale
    /// and offset are trained. This is right for small data sets and small batches.
    #[default]
    Frozen,
    /// They normalize with the mean and variance of each batch, and update their running mean and variance. Use batches
    /// of 32 images or more.
    Train,
}

impl Default for FineTuneConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl FineTuneConfig {
    /// The default settings:
    ///
    /// * The last 2 blocks are trained, both from the first epoch on, for 4 epochs in batches of 32 images.
    /// * The optimizer is AdamW (betas 0.9 and 0.999, epsilon 1e-8). The learning rate is 1e-4 for the head and is
    ///   halved for each block further from it; the weight decay of the kernels is 0.05.
    /// * The learning rate warms up over the first tenth of the steps, then falls to 0 along half a cosine.
    /// * Batch normalizations keep their statistics. There is no label smoothing. The head's weights have the penalty
    ///   that they were fitted with.
    /// * The result is an exponential moving average of the weights with decay 0.98.
    /// * There are 4 augmented variants of each image by [`Augmentation::standard`], because without them the network
    ///   soon memorizes the training images.
    /// * There is no early stopping. The outputs of the frozen blocks may take 2 GiB of memory. One thread is used, and
    ///   the seed is 0.
    pub fn new() -> Self {
        Self {
            blocks: 2,
            epochs: 4,
            batch_size: 32,
            threads: 1,
            learning_rate: 1e-4,
            block_decay: 0.5,
            warmup: 0.1,
            weight_decay: 0.05,
            label_smoothing: 0.0,
            head_penalty: None,
            batch_norm: BatchNormMode::Frozen,
            epochs_per_block: 0,
            ema_decay: Some(0.98),
            augmentation: Some(Augmentation::standard()),
            variants: 4,
            patience: None,
            memory: 2 << 30,
            seed: 0,
        }
    }

    /// Sets how many blocks are trained, counted from the head backwards. With 0, only the head is trained. With one
    /// more than the backbone has blocks, the stem is trained as well. Default: 2.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// How many blocks are trained.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Sets the number of passes over the training images, at least 1. Default: 4.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of images per step, at least 1. Default: 32.
    pub fn with_batch_size(mut self, images: usize) -> Self {
        self.batch_size = images;
        self
    }

    /// Sets how many threads share a batch, at least 1. Default: 1.
    ///
    /// A batch is split into parts of 8 images, whose gradients are added in a fixed order. The sum is the gradient of
    /// the whole batch up to rounding, and its bytes do not depend on the number of threads. More threads than parts do
    /// not help. With [`BatchNormMode::Train`] the batch is one part, and only one thread is used.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the largest learning rate, which is that of the head. Default: 1e-4.
    pub fn with_learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Sets the factor by which the learning rate is multiplied for each block further from the head (layer-wise
    /// learning rate decay), above 0 and at most 1. Default: 0.5.
    /// ([Howard and Ruder 2018](https://arxiv.org/abs/1801.06146) divide by 2.6 per layer.)
    pub fn with_block_decay(mut self, factor: f64) -> Self {
        self.block_decay = factor;
        self
    }

    /// Sets the fraction of all steps, 0 to 1, during which the learning rate grows linearly from 0 (warm-up). Default:
    /// 0.1.
    pub fn with_warmup(mut self, share: f64) -> Self {
        self.warmup = share;
        self
    }

    /// Sets the decoupled weight decay ([Loshchilov and Hutter 2019](https://arxiv.org/abs/1711.05101)) of the kernels
    /// and of the head's weights. Biases and batch normalizations have none. Default: 0.05.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// Sets label smoothing: the share of each target's probability that is spread over all classes, from 0 up to, but
    /// not including, 1. Default: 0.
    pub fn with_label_smoothing(mut self, share: f64) -> Self {
        self.label_smoothing = share;
        self
    }

    /// Sets the L2 penalty on the head's weights: this number times half the sum of their squares is added to the mean
    /// loss, so that the weights do not keep growing.
    ///
    /// `None`, the default, uses the penalty that the head was fitted with if the classifier's report says that it was
    /// fitted by [logistic regression](crate::head::Recipe::LogisticRegression), and 0 otherwise. With that penalty, a
    /// head that was fitted without class weights is already at its optimum for the frozen network, and changes only
    /// because the blocks below it change. (Fine-tuning gives all images the same weight.)
    pub fn with_head_penalty(mut self, penalty: Option<f64>) -> Self {
        self.head_penalty = penalty;
        self
    }

    /// Sets what the batch normalizations of the trained blocks do. Default: [`BatchNormMode::Frozen`].
    pub fn with_batch_norm(mut self, mode: BatchNormMode) -> Self {
        self.batch_norm = mode;
        self
    }

    /// Sets gradual unfreezing: for the first `epochs` epochs only the head is trained, and then one more block is
    /// added every `epochs` epochs, starting from the block nearest to the head. With 0, the default, all blocks are
    /// trained from the start.
    pub fn with_epochs_per_block(mut self, epochs: usize) -> Self {
        self.epochs_per_block = epochs;
        self
    }

    /// Sets the decay of an exponential moving average of the weights (EMA). The average is validated and returned.
    /// Each step keeps the share `decay` of the average and takes the rest from the new weights; the first steps keep
    /// less. The decay is from 0 up to, but not including, 1; usual values are 0.99 to 0.9999. With `None` there is no
    /// average. Default: 0.98.
    pub fn with_ema_decay(mut self, decay: Option<f64>) -> Self {
        self.ema_decay = decay;
        self
    }

    /// Trains on augmented variants of each image. Each epoch uses the next of the `variants` variants (at least 1),
    /// and after the last one the first again. Each variant of an image costs one run of the frozen blocks, and its
    /// share of the [memory](Self::with_memory). Default: 4 variants by [`Augmentation::standard`].
    pub fn with_augmentation(mut self, augmentation: Augmentation, variants: usize) -> Self {
        self.augmentation = Some(augmentation);
        self.variants = variants;
        self
    }

    /// Trains on the images without augmentation.
    pub fn without_augmentation(mut self) -> Self {
        self.augmentation = None;
        self
    }

    /// Sets early stopping: the training ends after this number of consecutive epochs that did not lower the validation
    /// loss. With `None`, the default, all epochs are run.
    pub fn with_patience(mut self, epochs: Option<usize>) -> Self {
        self.patience = epochs;
        self
    }

    /// Sets how many bytes of memory the outputs of the frozen blocks may take. Outputs that do not fit are computed
    /// again in each epoch; the result is the same. With 2 trained blocks at 224 px and alpha 1.0, an image takes 0.4
    /// MB. Default: 2 GiB.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the seed for everything random: the order of the images and their augmentation. Default: 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classifier files hold the settings under these names, and the digest of a checkpoint is made of this text.
    #[test]
    fn the_stored_form_stays() {
        let config = FineTuneConfig::new().without_augmentation();
        let stored = r#"{"blocks":2,"epochs":4,"batch":32,"threads":1,"learning-rate":0.0001,"block-decay":0.5,"warm-up":0.1,"weight-decay":0.05,"label-smoothing":0.0,"head-penalty":null,"norms":"frozen","epochs-a-block":0,"average":0.98,"augmentation":null,"variants":4,"patience":null,"memory":2147483648,"seed":0}"#;
        assert_eq!(serde_json::to_string(&config).unwrap(), stored);
        assert_eq!(
            serde_json::from_str::<FineTuneConfig>(stored).unwrap(),
            config
        );
    }
}
