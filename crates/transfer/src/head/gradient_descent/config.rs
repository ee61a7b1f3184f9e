use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Gradient descent on batches: the recipe of `retrain.py` ([`parity`](Self::parity)), or a head with a hidden layer
/// and dropout ([`hidden`](Self::hidden)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GradientDescent {
    pub(crate) hidden: Option<usize>,
    pub(crate) dropout: f32,
    #[serde(alias = "optimiser")]
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

/// The optimizer: how a step changes the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Plain stochastic gradient descent.
    Sgd,
    /// Adam (Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8) with decoupled weight decay (Loshchilov and Hutter
    /// 2019).
    Adam,
}

/// How a batch is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// A class is drawn at random, then one of its images, with replacement, as in `retrain.py`.
    Balanced,
    /// Each image is used once, in a random order. Then the next pass over the images begins, in a new order.
    Shuffled,
}

impl GradientDescent {
    /// The recipe of `retrain.py`: 4000 steps of plain gradient descent with the learning rate 0.01 on balanced batches of
    /// 100. Every 10 steps, accuracy and cross-entropy are logged for the batch and for 100 drawn validation images. The
    /// initial weights come from a truncated normal distribution with the standard deviation 0.001.
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

    /// A hidden layer of `units` with ReLU and dropout 0.5, trained by at most 2000 steps of Adam with the learning
    /// rate 0.001 and weight decay 0.01 on shuffled batches of 100. Every 20 steps, all validation images are
    /// evaluated. The training ends after 10 consecutive evaluations that did not lower their cross-entropy, and the
    /// best weights are kept.
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

    /// The number of units of the hidden layer; `None` for a head without one.
    pub fn with_hidden(mut self, units: Option<usize>) -> Self {
        self.hidden = units;
        self
    }

    /// The share of hidden units that each step drops at random, from 0 up to, but not including, 1.
    pub fn with_dropout(mut self, share: f32) -> Self {
        self.dropout = share;
        self
    }

    /// How a step changes the weights.
    pub fn with_optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// The learning rate, a positive number.
    pub fn with_learning_rate(mut self, rate: f32) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Decoupled weight decay, 0 or more: each step reduces every weight, but not the biases, by the share
    /// `learning_rate * decay`.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// How a batch is drawn.
    pub fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// The batch size: images per step, at least 1.
    pub fn with_batch(mut self, images: usize) -> Self {
        self.batch = images;
        self
    }

    /// The largest number of steps; at least 1.
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The number of steps between two evaluations of accuracy and cross-entropy, at least 1.
    pub fn with_eval_interval(mut self, steps: usize) -> Self {
        self.eval_interval = steps;
        self
    }

    /// The number of validation images that are drawn for each evaluation. `None` uses all of them. Early stopping
    /// always uses all of them.
    pub fn with_validation_batch(mut self, images: Option<usize>) -> Self {
        self.validation_batch = images;
        self
    }

    /// Early stopping: the training ends after this number of consecutive evaluations that did not lower the
    /// cross-entropy on the validation images, and keeps the best weights. `None` means no early stopping.
    pub fn with_patience(mut self, looks: Option<usize>) -> Self {
        self.patience = looks;
        self
    }

    /// The batch size: images per step.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The largest number of steps.
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

#[cfg(test)]
mod tests {
    use super::GradientDescent;

    #[test]
    fn the_optimizer_is_read_under_its_name_of_earlier_files() {
        let recipe = GradientDescent::hidden(8);
        let json = serde_json::to_string(&recipe).unwrap();
        let earlier = json.replace("optimizer", "optimiser");
        assert_ne!(earlier, json);
        let read: GradientDescent = serde_json::from_str(&earlier).unwrap();
        assert_eq!(read, recipe);
    }
}
