//! What follows from the settings: whether they have a meaning, the learning rate of each step, and which blocks are
//! frozen in each epoch.

use super::config::FineTuneConfig;
use crate::error::{Error, Result};

/// The largest number of epochs, and of steps of a learning rate search. A larger number is a typing error.
pub(super) const MAX_EPOCHS: usize = 1 << 20;

impl FineTuneConfig {
    /// Refuses settings without a meaning, for a backbone of this number of blocks.
    pub(super) fn check(&self, blocks: usize) -> Result<()> {
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
            ("batch_size", self.batch_size),
            ("threads", self.threads),
            ("variants", self.variants),
        ];
        if let Some((setting, value)) = counts.into_iter().find(|c| c.1 == 0) {
            return wrong(setting, &value, "at least 1");
        }
        if self.epochs > MAX_EPOCHS {
            return wrong("epochs", &self.epochs, "at most 1,048,576");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate", &self.learning_rate, "a positive number");
        }
        if !(self.block_decay > 0.0 && self.block_decay <= 1.0) {
            return wrong("block_decay", &self.block_decay, "above 0, at most 1");
        }
        if !(0.0..=1.0).contains(&self.warmup) {
            return wrong("warmup", &self.warmup, "0 to 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return wrong("weight_decay", &self.weight_decay, "0 or a positive number");
        }
        if let Some(penalty) = self.head_penalty.filter(|p| !(*p >= 0.0 && p.is_finite())) {
            return wrong("head_penalty", &penalty, "0 or a positive number");
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let hint = "from 0 up to, but not including, 1";
            return wrong("label_smoothing", &self.label_smoothing, hint);
        }
        if let Some(decay) = self.ema_decay.filter(|d| !(0.0..1.0).contains(d)) {
            return wrong("ema_decay", &decay, "from 0 up to, but not including, 1");
        }
        Ok(())
    }

    /// The head's learning rate at `step` of `steps`: a linear warm-up, then half a cosine down to 0.
    pub(super) fn rate(&self, step: usize, steps: usize) -> f64 {
        let warm = (self.warmup * steps as f64).round() as usize;
        if step < warm {
            return self.learning_rate * (step + 1) as f64 / warm as f64;
        }
        let share = (step - warm) as f64 / (steps - warm).max(1) as f64;
        self.learning_rate * 0.5 * (1.0 + (share * std::f64::consts::PI).cos())
    }

    /// How many of the blocks to train are still frozen in `epoch`.
    pub(super) fn still_frozen(&self, epoch: usize) -> usize {
        match self.epochs_per_block {
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
        assert!(config.with_warmup(1.0).rate(99, 100) <= 1.0);
    }

    #[test]
    fn blocks_are_unfrozen_one_after_the_other() {
        let config = FineTuneConfig::new()
            .with_blocks(3)
            .with_epochs_per_block(2);
        let frozen: Vec<usize> = (0..9).map(|epoch| config.still_frozen(epoch)).collect();
        assert_eq!(frozen, [3, 3, 2, 2, 1, 1, 0, 0, 0]);
        assert_eq!(FineTuneConfig::new().still_frozen(0), 0);
    }
}
