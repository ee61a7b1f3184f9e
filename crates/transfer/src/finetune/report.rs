use dataset::ImageItem;
use serde::{Deserialize, Serialize};

use super::FineTuneConfig;
use super::plot::{Panel, Plot};
use crate::{Stopped, Validation};

/// What happens during a fine-tuning.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FineTuneEvent<'a> {
    /// The frozen blocks have run on `done` of `total` images.
    Prepared {
        /// Images done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// A step was made.
    Step {
        /// The epoch, from 0.
        epoch: usize,
        /// The step, from 0, over all epochs.
        step: usize,
        /// Steps in all.
        steps: usize,
        /// Mean loss over the batch, before the step.
        loss: f64,
        /// The head's step size.
        learning_rate: f64,
        /// Training images a second since the first step of this call.
        images_per_second: f64,
        /// At that speed, without the looks at the validation images.
        seconds_left: f64,
    },
    /// An epoch is over.
    Epoch(&'a EpochRecord),
}

/// An epoch in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EpochRecord {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Blocks that learnt.
    pub blocks: usize,
    /// The head's step size at the end.
    pub learning_rate: f64,
    /// Mean loss over the batches, each before its step; with label smoothing, if there is any.
    pub train_loss: f64,
    /// The validation images afterwards, if there are any.
    pub validation: Option<Validation>,
}

/// How a fine-tuning went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FineTuneReport {
    /// What was asked for.
    pub config: FineTuneConfig,
    /// Training images used.
    pub images: usize,
    /// The classifier that came in, without its temperature, on the validation images, if there are any.
    pub before: Option<Validation>,
    /// Epoch by epoch.
    pub history: Vec<EpochRecord>,
    /// Why it ended: after its [steps](Stopped::Steps), [early](Stopped::Early) or [cancelled](Stopped::Cancelled).
    pub stopped: Stopped,
    /// The epoch whose weights were kept; `None` where the classifier that came in was better than all, or nothing was
    /// trained.
    pub kept: Option<usize>,
    /// Images left out, and why.
    #[serde(skip)]
    pub failed: Vec<(ImageItem, dataset::Error)>,
}

impl FineTuneReport {
    /// What of it belongs into the file of the classifier that came out
    /// ([`Provenance::with_fine_tuning`](crate::Provenance::with_fine_tuning)).
    pub fn record(&self) -> FineTuneRecord {
        FineTuneRecord {
            config: self.config.clone(),
            images: self.images,
            before: self.before,
            history: self.history.clone(),
            stopped: self.stopped,
            kept: self.kept,
        }
    }
}

/// How the last blocks of a classifier's net learnt; goes into its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FineTuneRecord {
    /// What was asked for, seed included.
    pub config: FineTuneConfig,
    /// Training images used.
    pub images: usize,
    /// As [`FineTuneReport::before`].
    pub before: Option<Validation>,
    /// Epoch by epoch.
    pub history: Vec<EpochRecord>,
    /// Why it ended.
    pub stopped: Stopped,
    /// The epoch whose weights were kept; `None`: the net is the one that came in.
    pub kept: Option<usize>,
}

impl FineTuneRecord {
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
