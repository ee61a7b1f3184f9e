use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Gradient steps on batches: `retrain.py`'s recipe ([`parity`](Self::parity)), or a hidden layer with dropout
/// ([`hidden`](Self::hidden)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GradientDescent {
    pub(crate) hidden: Option<usize>,
    pub(crate) dropout: f32,
    #[serde(rename = "optimiser")]
    pub(crate) optimizer: Optimizer,
    pub(crate) learning_rate: f32,
    pub(crate) weight_decay: f32,
    pub(crate) sampling: Sampling,
    pub(crate) batch: usize,
    pub(crate) steps: usize,
    pub(crate) eval_interval: usize,
    pub(crate) validation_batch: Option<usize>,
    pub(crate) patience: Option<usize>,
}

/// How a step changes the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Plain stochastic gradient descent.
    Sgd,
    /// Adam (Kingma and Ba 2015; 0.9, 0.999, 1e-8) with decoupled weight decay (Loshchilov and Hutter 2019).
    Adam,
}

/// How a batch is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// A class at random, then an image of it, with replacement: `retrain.py`'s way.
    Balanced,
    /// Each image once before any comes again, in a new order each time.
    Shuffled,
}

impl GradientDescent {
    /// What `retrain.py` did: 4000 steps of plain gradient descent at 0.01 on batches of 100, a class drawn at
    /// random, then an image of it; every 10 steps accuracy and cross-entropy on the batch and on 100 drawn
    /// validation images. Weights start from a truncated normal distribution of deviation 0.001.
    pub fn parity() -> Self {
        Self {
            hidden: None,
            dropout: 0.0,
            optimizer: Optimizer::Sgd,
            learning_rate: 0.01,
            weight_decay: 0.0,
            sampling: Sampling::Balanced,
            batch: 100,
            steps: 4000,
            eval_interval: 10,
            validation_batch: Some(100),
            patience: None,
        }
    }

    /// A hidden layer of `units` with ReLU and dropout 0.5: at most 2000 steps of Adam at 0.001, weight decay
    /// 0.01, batches of 100 shuffled images; every 20 steps a look at all validation images, over after 10 looks
    /// that did not lower their cross-entropy, and the best weights kept.
    pub fn hidden(units: usize) -> Self {
        Self {
            hidden: Some(units),
            dropout: 0.5,
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            sampling: Sampling::Shuffled,
            batch: 100,
            steps: 2000,
            eval_interval: 20,
            validation_batch: None,
            patience: Some(10),
        }
    }

    /// Units of the hidden layer, or none.
    pub fn with_hidden(mut self, units: Option<usize>) -> Self {
        self.hidden = units;
        self
    }

    /// The share of hidden units left out at random in each step, from 0 up to, not including, 1.
    pub fn with_dropout(mut self, share: f32) -> Self {
        self.dropout = share;
        self
    }

    /// How a step changes the weights.
    pub fn with_optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// Step size.
    pub fn with_learning_rate(mut self, rate: f32) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Decoupled weight decay: each step takes `learning_rate * decay` of every weight (not of the biases).
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// How a batch is drawn.
    pub fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Images a batch.
    pub fn with_batch(mut self, images: usize) -> Self {
        self.batch = images;
        self
    }

    /// Number of steps.
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Steps between two looks at accuracy and cross-entropy.
    pub fn with_eval_interval(mut self, steps: usize) -> Self {
        self.eval_interval = steps;
        self
    }

    /// Validation images drawn for each look; `None` takes all, and so does early stopping.
    pub fn with_validation_batch(mut self, images: Option<usize>) -> Self {
        self.validation_batch = images;
        self
    }

    /// Ends after so many looks without a lower cross-entropy on the validation images, with the best weights.
    pub fn with_patience(mut self, looks: Option<usize>) -> Self {
        self.patience = looks;
        self
    }

    /// Images a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Number of steps, at most.
    pub fn steps(&self) -> usize {
        self.steps
    }

    pub(in crate::head) fn check(&self, validated: bool) -> Result<()> {
        let one_or_more = |name, value: usize| {
            if value == 0 {
                Err(Error::setting(name, value, "1 or more"))
            } else {
                Ok(())
            }
        };
        one_or_more("batch", self.batch)?;
        one_or_more("steps", self.steps)?;
        one_or_more("eval_interval", self.eval_interval)?;
        one_or_more("hidden", self.hidden.unwrap_or(1))?;
        one_or_more("patience", self.patience.unwrap_or(1))?;
        one_or_more("validation_batch", self.validation_batch.unwrap_or(1))?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::setting(
                "dropout",
                self.dropout,
                "from 0 up to, not including, 1",
            ));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::setting(
                "learning_rate",
                self.learning_rate,
                "a positive number",
            ));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(Error::setting(
                "weight_decay",
                self.weight_decay,
                "0 or more",
            ));
        }
        if self.patience.is_some() && !validated {
            return Err(Error::mismatch(
                "validation images for early stopping",
                "at least 1",
                0,
            ));
        }
        Ok(())
    }
}
