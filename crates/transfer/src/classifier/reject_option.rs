//! How a classifier chooses when to answer "none of the classes".

use std::borrow::Cow;

use metrics::Predictions;

use super::classify::Classifier;
use crate::embeddings::{Embeddings, class_counts};
use crate::error::{Error, Result};
use crate::insight::OpenSet;

/// Fewer predictions of a class choose no threshold for it.
const LEAST_NAMED: usize = 20;
/// Fewer images choose no open-set test: the share of refused images would be anything.
const LEAST_IMAGES: usize = 100;
/// Of more images so many are looked at, divided among the classes: the means of classes need no more.
const MOST_IMAGES: usize = 20_000;

/// When a classifier answers "none of the classes": if no class is probable enough, or if an image is unlike those that
/// the classifier was trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RejectOption {
    precision: f64,
    accepted: f64,
}

impl Default for RejectOption {
    fn default() -> Self {
        Self::new()
    }
}

impl RejectOption {
    /// The default: 0.9 of the images that get the name of a class must belong to it, and 0.99 of the images of the
    /// classes must be accepted as such.
    pub fn new() -> Self {
        Self {
            precision: 0.9,
            accepted: 0.99,
        }
    }

    /// Sets the precision, 0 to 1: the share of the images that get the name of a class that must belong to it. With 0
    /// there are no thresholds. Default: 0.9.
    pub fn with_precision(mut self, precision: f64) -> Self {
        self.precision = precision;
        self
    }

    /// Sets the share of images of the classes that the open-set test must accept, 0 to 1. With 1 there is no open-set
    /// test. Default: 0.99.
    pub fn with_accepted(mut self, accepted: f64) -> Self {
        self.accepted = accepted;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (setting, value) in [
            ("precision of the reject option", self.precision),
            ("accepted share of the reject option", self.accepted),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::setting(setting, value, "a number from 0 to 1"));
            }
        }
        Ok(())
    }
}

impl Classifier {
    /// Chooses [thresholds](Self::thresholds) on these predictions, and the [open-set test](Self::open_set) on these
    /// embeddings. The predictions must be those of this classifier (or out-of-fold predictions of heads like its head)
    /// after calibration, for images that it was not trained on, and not for test images. The embeddings may be those
    /// of the training images, because each is compared with the other images only ([`OpenSet::of_classes`]). Of more
    /// than 20,000 embeddings, about 20,000 are used.
    ///
    /// Choices that need more data are skipped. A class keeps its name at any probability (threshold 0) if fewer than
    /// 20 images are predicted as it, or if no threshold reaches the precision. With fewer than 100 images, or fewer
    /// than 5 of one class, there is no open-set test.
    ///
    /// # Errors
    /// [`Error::Setting`] if a share is not from 0 to 1; [`Error::Mismatch`] if the predictions have other classes or
    /// no probabilities, or the embeddings have another length.
    pub fn with_reject_option(
        mut self,
        option: &RejectOption,
        predictions: Option<&Predictions>,
        embeddings: &Embeddings,
    ) -> Result<Self> {
        option.check()?;
        if let Some(predictions) = predictions.filter(|_| option.precision > 0.0) {
            self = self.with_reached_thresholds(predictions, option.precision)?;
        }
        if embeddings.classes() > self.classes.len() {
            let (known, found) = (self.classes.len(), embeddings.classes());
            return Err(Error::mismatch("classes of the embeddings", known, found));
        }
        let counts = class_counts(embeddings.targets(), self.classes.len());
        let enough = counts.iter().all(|&count| count >= OpenSet::FOLDS);
        if option.accepted == 1.0 || !enough || embeddings.len() < LEAST_IMAGES {
            return Ok(self);
        }
        let some = thinned(embeddings, &counts);
        let (values, targets) = (some.values(), some.targets());
        let open_set = OpenSet::of_classes(values, some.dim(), targets, option.accepted)?;
        self.with_open_set(open_set)
    }

    fn with_reached_thresholds(self, predictions: &Predictions, precision: f64) -> Result<Self> {
        self.check_classes(predictions)?;
        let named = |class| {
            predictions
                .predicted()
                .iter()
                .filter(|&&p| p == class)
                .count()
        };
        let choose = |class| match named(class) {
            ..LEAST_NAMED => Ok(0.0),
            _ => Ok(Self::threshold_for(predictions, class, precision)?.unwrap_or(0.0)),
        };
        let thresholds: Result<Vec<f64>> = (0..self.classes.len()).map(choose).collect();
        let thresholds = thresholds?;
        if thresholds.iter().all(|&threshold| threshold == 0.0) {
            return Ok(self);
        }
        self.with_thresholds(thresholds)
    }
}

/// About [`MOST_IMAGES`] images, evenly chosen from each class; all where there are no more.
fn thinned<'a>(embeddings: &'a Embeddings, counts: &[usize]) -> Cow<'a, Embeddings> {
    if embeddings.len() <= MOST_IMAGES {
        return Cow::Borrowed(embeddings);
    }
    let most = (MOST_IMAGES / counts.len()).max(OpenSet::FOLDS);
    let mut seen = vec![0; counts.len()];
    let keep = |&row: &usize| {
        let class = embeddings.targets()[row];
        seen[class] += 1;
        // Of each class those rows at which its share of `most` reaches the next whole number.
        let share = |rows: usize| rows * most / counts[class];
        counts[class] <= most || share(seen[class]) > share(seen[class] - 1)
    };
    let rows: Vec<usize> = (0..embeddings.len()).filter(keep).collect();
    Cow::Owned(embeddings.select(&rows))
}
