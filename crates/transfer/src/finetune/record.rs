//! What a fine-tuning records: numbers for each epoch, and a record for the classifier's file.

use std::fmt;

#[cfg(feature = "report")]
use metrics::report::LearningCurve;
use serde::{Deserialize, Serialize};

use super::config::FineTuneConfig;
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
    /// Mean training loss over the batches of the epoch. The loss of a batch is measured before the batch changes the
    /// weights. It includes label smoothing and the head's penalty if they are used.
    pub train_loss: f64,
    /// Accuracy and cross-entropy on the validation images after the epoch; `None` without validation images.
    pub validation: Option<Validation>,
}

/// How a classifier was fine-tuned. It is stored in the classifier's file
/// ([`Provenance::with_fine_tuning`](crate::classifier::Provenance::with_fine_tuning)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FineTuneRecord {
    /// The settings, the seed included.
    pub config: FineTuneConfig,
    /// Number of training images that were used.
    pub images: usize,
    /// Accuracy and cross-entropy on the validation images before fine-tuning; `None` without validation images. The
    /// head is measured without its calibration temperature.
    pub before: Option<Validation>,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
    /// Why the training ended: after its [steps](Stopped::Steps), [early](Stopped::Early), or because it was
    /// [cancelled](Stopped::Cancelled).
    pub stopped: Stopped,
    /// The epoch whose weights were kept, counted from 0. `None` if the weights are those from before fine-tuning,
    /// because no epoch was better or nothing was trained.
    pub kept: Option<usize>,
}

impl FineTuneRecord {
    /// How many blocks of the network differ from before, counted from the head: those that were trained up to the
    /// [kept](Self::kept) epoch. 0 if only the head was trained, or no epoch was kept.
    pub fn changed_blocks(&self) -> usize {
        let kept = self.kept.and_then(|epoch| self.history.get(epoch));
        kept.map_or(0, |epoch| epoch.blocks)
    }

    /// The learning curves: the loss on training and validation images by epoch, and the learning rate. Epoch 0 is the
    /// state before the training; the point `kept` marks the epoch that was kept.
    /// [`metrics::report::learning_curves_svg`] draws them.
    #[cfg(feature = "report")]
    pub fn learning_curves(&self) -> [LearningCurve; 2] {
        let ends = || self.history.iter().map(|e| ((e.epoch + 1) as f64, e));
        let before = self.before.map(|found| (0.0, found.cross_entropy));
        let after = ends().filter_map(|(x, e)| Some((x, e.validation?.cross_entropy)));
        let validation: Vec<_> = before.into_iter().chain(after).collect();
        let mut loss = LearningCurve::new("Loss", "epoch")
            .with_title("Loss during fine-tuning")
            .with_series("training", ends().map(|(x, e)| (x, e.train_loss)));
        let kept = self.kept.map_or(0.0, |epoch| (epoch + 1) as f64);
        let kept = validation.iter().find(|(x, _)| *x == kept).copied();
        if !validation.is_empty() {
            loss = loss.with_series("validation", validation);
        }
        if let Some(kept) = kept {
            loss = loss.with_series("kept", [kept]);
        }
        let rate = LearningCurve::new("Learning rate", "epoch")
            .with_title("Learning rate at the end of each epoch")
            .with_series("head", ends().map(|(x, e)| (x, e.learning_rate)));
        [loss, rate]
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

#[cfg(all(test, feature = "report"))]
mod tests {
    use super::*;

    #[test]
    fn the_curves_have_a_point_per_epoch_and_one_for_the_state_before() {
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
        let points = |curve: &LearningCurve| -> Vec<(String, Vec<(f64, f64)>)> {
            let series = curve.series.iter();
            let points = series.map(|s| {
                (
                    s.name.clone(),
                    s.points.iter().map(|p| (p.x, p.y)).collect(),
                )
            });
            points.collect()
        };
        let [loss, rate] = record.learning_curves();
        let expected = [
            ("training".into(), vec![(1.0, 1.0), (2.0, 0.75)]),
            (
                "validation".into(),
                vec![(0.0, 0.5), (1.0, 0.25), (2.0, 0.75)],
            ),
            ("kept".into(), vec![(1.0, 0.25)]),
        ];
        assert_eq!(points(&loss), expected);
        assert_eq!(
            points(&rate),
            [("head".into(), vec![(1.0, 1e-4), (2.0, 1e-4)])]
        );
        let nothing = FineTuneRecord {
            history: vec![],
            before: None,
            kept: None,
            ..record
        };
        assert_eq!(
            points(&nothing.learning_curves()[0]),
            [("training".into(), vec![])]
        );
    }
}
