use std::fmt;

use serde::{Deserialize, Serialize};

use super::class_weights::ClassWeights;
use super::config::HeadConfig;
use super::network::{Dense, Head};

/// What cross-validation found for one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Candidate {
    /// Inverse regularisation.
    pub c: f64,
    /// How much images of each class counted.
    pub class_weights: ClassWeights,
    /// Mean of `-ln p(target)` over the held-out images of all folds, every image counting the same.
    pub log_loss: f64,
    /// Standard error of that mean over the images.
    pub standard_error: f64,
    /// Share of held-out images whose likeliest class is the target.
    pub accuracy: f64,
}

/// A look at a training by steps, as `retrain.py` logs it; `Display` gives its lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepRecord {
    /// The step, from 0.
    pub step: usize,
    /// Step size.
    pub learning_rate: f32,
    /// Accuracy on the step's batch, after the step.
    pub train_accuracy: f64,
    /// Mean cross-entropy there.
    pub train_cross_entropy: f64,
    /// The same on validation images, if there are any.
    pub validation: Option<Validation>,
}

/// Accuracy and cross-entropy on validation images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Validation {
    /// Share of images whose likeliest class is the target.
    pub accuracy: f64,
    /// Mean cross-entropy.
    pub cross_entropy: f64,
    /// How many images.
    pub images: usize,
}

impl fmt::Display for StepRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Step {}: Train accuracy = {:.1}%",
            self.step,
            self.train_accuracy * 100.0
        )?;
        write!(
            f,
            "Step {}: Cross entropy = {:.6}",
            self.step, self.train_cross_entropy
        )?;
        if let Some(validation) = &self.validation {
            let (percent, n) = (validation.accuracy * 100.0, validation.images);
            write!(
                f,
                "\nStep {}: Validation accuracy = {percent:.1}% (N={n})",
                self.step
            )?;
        }
        Ok(())
    }
}

/// What happens during a fit.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FitEvent<'a> {
    /// Cross-validation has judged a setting.
    Candidate(&'a Candidate),
    /// The converged recipe has made a pass over the images.
    Pass {
        /// Passes so far in this search.
        pass: usize,
        /// The largest entry of the gradient.
        gradient: f64,
    },
    /// A look at a training by steps.
    Step {
        /// What was seen.
        record: &'a StepRecord,
        /// The weights at this moment.
        layers: &'a [Dense],
        /// Steps in all.
        steps: usize,
    },
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stopped {
    /// At the optimum, to the tolerance or to what rounding allows.
    Converged,
    /// After the last step.
    Steps,
    /// The validation cross-entropy no longer fell; the weights are those of its lowest value.
    Early,
    /// The limit of passes was reached before the optimum.
    PassLimit,
    /// The caller ended it; the weights are the best so far.
    Cancelled,
}

/// How a head came to be; goes into the classifier file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FitReport {
    /// What was asked for.
    pub config: HeadConfig,
    /// Images the head was fitted on.
    pub images: usize,
    /// Settings that cross-validation has judged, in the order tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Index into `candidates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<usize>,
    /// Of the chosen setting, the probabilities `[images, classes]` of each image by the head that had not seen it:
    /// training images first, then validation images. Empty where nothing was chosen; not kept in files.
    #[serde(skip)]
    pub out_of_fold: Vec<f64>,
    /// Looks at a training by steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<StepRecord>,
    /// Why the fit ended.
    pub stopped: Stopped,
    /// Passes over the images, or steps, that the final weights took.
    pub steps: usize,
    /// The largest entry of the gradient of the mean loss at the end (converged recipe).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient: Option<f64>,
}

impl FitReport {
    /// The setting that cross-validation chose.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.choice.and_then(|index| self.candidates.get(index))
    }
}

/// A trained head, and how it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The trained head.
    pub head: Head,
    /// The settings, what cross-validation or the training log showed, and why the fit ended.
    pub report: FitReport,
}
