//! The answer of a classifier to an image, which may be "none of the classes".

use std::fmt;

use serde::Serialize;

use super::classify::{Classifier, Prediction};
use crate::error::Result;
use crate::insight::OpenSet;

/// The answer of a classifier to one image.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// All classes, the most probable first.
    pub ranked: Vec<Prediction>,
    /// Why the image belongs to none of the classes; `None` if it gets the name of the most probable class.
    pub rejection: Option<Rejection>,
}

/// Why an image belongs to none of the classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejection {
    /// It does not resemble the images that the classifier was trained on ([`Classifier::open_set`]).
    Unlike {
        /// Distance of its embedding from the nearest class, 0 to 2 ([`OpenSet::scores`]).
        distance: f64,
        /// The largest distance at which an image counts as one of the classes.
        limit: f64,
    },
    /// No class is probable enough ([`Classifier::thresholds`]).
    Unsure {
        /// The most probable class.
        class: String,
        /// Its probability, 0 to 1.
        probability: f64,
        /// The lowest probability with which an image gets the name of this class.
        threshold: f64,
    },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlike { distance, limit } => write!(
                f,
                "none of the classes: the image is unlike the training images (distance {distance:.3}, at most {limit:.3} \
                 is usual)"
            ),
            Self::Unsure {
                class,
                probability,
                threshold,
            } => write!(
                f,
                "none of the classes: the most probable one, {class}, has {probability:.4} and needs {threshold:.4}"
            ),
        }
    }
}

impl Classifier {
    /// Whether the classifier can answer [none of the classes](Answer::rejection).
    pub fn can_reject(&self) -> bool {
        self.thresholds.is_some() || self.open_set.is_some()
    }

    /// Sets the test for images that belong to none of the classes. It must have been fitted on outputs of the
    /// backbone's [layer](crate::Backbone::layer).
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) if it was fitted on rows of another length.
    pub fn with_open_set(mut self, open_set: OpenSet) -> Result<Self> {
        open_set.check_dim(self.backbone.dim())?;
        self.open_set = Some(open_set);
        Ok(self)
    }

    /// The test for images that belong to none of the classes, if there is one.
    pub fn open_set(&self) -> Option<&OpenSet> {
        self.open_set.as_ref()
    }

    /// The answer to one image, given as pixels `[size, size, 3]`, RGB, 0 to 255. The probabilities are those of
    /// [`predict`](Self::predict). Without thresholds and open-set test, every image gets the name of a class.
    ///
    /// # Errors
    /// If the length of `pixels` is wrong.
    pub fn answer(&self, pixels: &[u8]) -> Result<Answer> {
        let output = self.backbone.forward(pixels, 1)?;
        self.answer_of(&self.head.probabilities(&output)?, &output)
    }

    /// The answers to `n` images, given as pixels `[n, size, size, 3]`: each is the same as that of
    /// [`answer`](Self::answer), in less time.
    ///
    /// # Errors
    /// If the length of `pixels` is wrong.
    pub fn answers(&self, pixels: &[u8], n: usize) -> Result<Vec<Answer>> {
        let outputs = self.backbone.forward(pixels, n)?;
        let probabilities = self.head.probabilities(&outputs)?;
        let rows = probabilities.chunks(self.classes().len());
        let outputs = outputs.chunks(self.backbone.dim());
        rows.zip(outputs)
            .map(|(row, output)| self.answer_of(row, output))
            .collect()
    }

    fn answer_of(&self, probabilities: &[f64], output: &[f32]) -> Result<Answer> {
        let ranked = self.rank(probabilities);
        Ok(Answer {
            rejection: self.rejection(probabilities, output, &ranked)?,
            ranked,
        })
    }

    fn rejection(
        &self,
        probabilities: &[f64],
        output: &[f32],
        ranked: &[Prediction],
    ) -> Result<Option<Rejection>> {
        if let Some(open_set) = &self.open_set {
            let (distance, limit) = (open_set.score(output)?, open_set.threshold());
            if distance > limit {
                return Ok(Some(Rejection::Unlike { distance, limit }));
            }
        }
        let unsure = ranked
            .first()
            .filter(|_| self.decide(probabilities).is_none());
        Ok(unsure.map(|best| Rejection::Unsure {
            class: best.class.clone(),
            probability: best.probability,
            threshold: self.threshold(best.index),
        }))
    }

    /// The probability from which on an image gets the name of a class: 0 without thresholds.
    fn threshold(&self, class: usize) -> f64 {
        let thresholds = self.thresholds.as_deref().unwrap_or_default();
        thresholds.get(class).copied().unwrap_or(0.0)
    }
}
