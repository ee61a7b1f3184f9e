//! What a fine-tuning leaves behind: numbers for each epoch, and a record for the classifier's file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::FineTuneConfig;
use super::plot::{Panel, Plot};
use crate::head::{Stopped, Validation};

/// The numbers of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EpochRecord {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// How many blocks were trained in this epoch.
    pub blocks: usize,
    /// The head's learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// Mean training loss over the batches of the epoch. Each batch is measured before its own step. It includes label
    /// smoothing and the head's penalty where those are used.
    pub train_loss: f64,
    /// Accuracy and cross-entropy on the validation images after the epoch; `None` without validation images.
    pub validation: Option<Validation>,
}

/// How a classifier was fine-tuned. It is stored in the classifier's file
/// ([`Provenance::with_fine_tuning`](crate::Provenance::with_fine_tuning)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FineTuneRecord {
    /// The settings, the seed included.
    pub config: FineTuneConfig,
    /// How many training images were used.
    pub images: usize,
    /// Accuracy and cross-entropy on the validation images before fine-tuning; `None` without validation images. The
    /// head is measured without its calibration temperature.
    pub before: Option<Validation>,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
    /// Why the training ended: after its [steps](Stopped::Steps), [early](Stopped::Early) or
    /// [cancelled](Stopped::Cancelled).
    pub stopped: Stopped,
    /// The epoch whose weights were kept, counted from 0. `None`: the weights are those from before fine-tuning,
    /// because no epoch was better or nothing was trained.
    pub kept: Option<usize>,
}

impl FineTuneRecord {
    /// How many blocks of the network differ from before, counted from the head: those that were trained up to the
    /// [kept](Self::kept) epoch. 0 where only the head was trained, or nothing was kept.
    pub fn changed_blocks(&self) -> usize {
        let kept = self.kept.and_then(|epoch| self.history.get(epoch));
        kept.map_or(0, |epoch| epoch.blocks)
    }

    /// The learning curve as SVG: training and validation loss over the epochs, the learning rate below. Epoch 0 is the
    /// classifier that came in; a dashed line is at the one that is kept.
    pub fn svg(&self) -> String {
        let ends = || self.history.iter().map(|e| ((e.epoch + 1) as f64, e));
        let training: Vec<_> = ends().map(|(x, e)| (x, e.train_loss)).collect();
        let before = self.before.map(|v| (0.0, v.cross_entropy));
        let after = ends().filter_map(|(x, e)| Some((x, e.validation?.cross_entropy)));
        let validation: Vec<_> = before.into_iter().chain(after).collect();
        let rates: Vec<_> = ends().map(|(x, e)| (x, e.learning_rate)).collect();
        let highest = |points: &mut dyn Iterator<Item = &(f64, f64)>| {
            let finite = points.map(|p| p.1).filter(|y| y.is_finite());
            finite.fold(0.0, f64::max).max(1e-9)
        };
        let x = (0.0, self.history.len().max(1) as f64);
        let losses = Panel {
            top: 0.0,
            height: 320.0,
            x,
            y: highest(&mut training.iter().chain(&validation)),
        };
        let below = Panel {
            top: losses.height,
            height: 220.0,
            x,
            y: highest(&mut rates.iter()),
        };
        let mut plot = Plot::new(losses.height + below.height);
        for (panel, name) in [(&losses, "loss"), (&below, "learning rate at its end")] {
            plot.axes(panel, "epoch", name);
            let every = self.history.len().div_ceil(10).max(1);
            for epoch in (0..=self.history.len()).step_by(every) {
                plot.tick(panel, epoch as f64, &epoch.to_string());
            }
        }
        let (blue, orange) = ("#0072b2", "#e69f00");
        for (points, colour) in [(&training, blue), (&validation, orange)] {
            plot.line(&losses, points, colour);
            plot.dots(&losses, points, colour);
        }
        plot.legend(&losses, &[("training", blue), ("validation", orange)]);
        plot.line(&below, &rates, "black");
        plot.dots(&below, &rates, "black");
        if let Some(epoch) = self.kept {
            plot.mark(&losses, (epoch + 1) as f64, "kept");
        }
        plot.finish()
    }
}

/// The validation results before the training and after each epoch, and which epoch was kept, in lines. Epochs are
/// counted from 1: epoch 0 is the state before the training.
impl fmt::Display for FineTuneRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let validated = |found: Option<Validation>| match found {
            Some(found) => format!(
                "validation loss {:.4}, accuracy {:.4} (N = {})",
                found.cross_entropy, found.accuracy, found.images
            ),
            None => "no validation images".to_string(),
        };
        writeln!(f, "training images: {}", self.images)?;
        writeln!(f, "frozen network: {}", validated(self.before))?;
        for epoch in &self.history {
            let (number, blocks, loss) = (epoch.epoch + 1, epoch.blocks, epoch.train_loss);
            write!(
                f,
                "epoch {number} ({blocks} blocks, training loss {loss:.4}): "
            )?;
            writeln!(f, "{}", validated(epoch.validation))?;
        }
        match self.kept {
            Some(epoch) => write!(f, "kept: epoch {}", epoch + 1),
            None => write!(f, "kept: the frozen network, because no epoch was better"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_has_a_point_an_epoch_where_it_belongs() {
        let of = |loss| Validation {
            accuracy: 0.5,
            cross_entropy: loss,
            images: 8,
        };
        let epoch = |epoch, loss, validation| EpochRecord {
            epoch,
            blocks: 2,
            learning_rate: 1e-4,
            train_loss: loss,
            validation: Some(of(validation)),
        };
        let record = FineTuneRecord {
            config: FineTuneConfig::new(),
            images: 24,
            before: Some(of(0.5)),
            history: vec![epoch(0, 1.0, 0.25), epoch(1, 0.75, 0.75)],
            stopped: Stopped::Steps,
            kept: Some(0),
        };
        let svg = record.svg();
        // From 50 to 590 for 2 epochs; the axis is at 270, and 220 pixels are a loss of 1.
        assert!(svg.contains("points='320.0,50.0 590.0,105.0 '"), "{svg}");
        assert!(svg.contains("points='50.0,160.0 320.0,215.0 590.0,105.0 '"));
        assert!(svg.contains("<path d='M320.0 50V270.0'"));
        let nothing = FineTuneRecord {
            history: vec![],
            before: None,
            kept: None,
            ..record
        };
        assert!(!nothing.svg().contains("NaN"));
    }
}
