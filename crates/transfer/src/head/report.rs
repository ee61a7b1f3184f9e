use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::class_weights::ClassWeights;
use super::config::HeadConfig;
use super::network::{Dense, Head};

/// One setting that cross-validation evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Candidate {
    /// The inverse of the regularization strength.
    pub c: f64,
    /// The class weights.
    pub class_weights: ClassWeights,
    /// The mean of `-ln p(target)` over the held-out images of all folds; every image counts the same.
    pub log_loss: f64,
    /// The standard error of that mean.
    pub standard_error: f64,
    /// The share of held-out images whose most probable class is the target, 0 to 1.
    pub accuracy: f64,
}

impl Candidate {
    /// The setting in words, such as `C = 0.1, classes balanced`.
    pub fn setting(&self) -> String {
        let weights = match &self.class_weights {
            ClassWeights::Balanced => ", classes balanced",
            _ => "",
        };
        format!("C = {}{weights}", self.c)
    }
}

/// One line: the setting, its log loss with the standard error, its accuracy.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: log loss {:.4} ± {:.4}, accuracy {:.4} (cross-validation)",
            self.setting(),
            self.log_loss,
            self.standard_error,
            self.accuracy
        )
    }
}

/// One evaluation during gradient descent, as `retrain.py` logs it. `Display` prints the lines of that log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepRecord {
    /// The step, from 0.
    pub step: usize,
    /// The learning rate.
    pub learning_rate: f32,
    /// Accuracy on the batch of the step, after the step, 0 to 1.
    pub train_accuracy: f64,
    /// Mean cross-entropy on that batch.
    pub train_cross_entropy: f64,
    /// The same for validation images, if there are any.
    pub validation: Option<Validation>,
}

/// Accuracy and cross-entropy on validation images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Validation {
    /// The share of images whose most probable class is the target, 0 to 1.
    pub accuracy: f64,
    /// Mean cross-entropy.
    pub cross_entropy: f64,
    /// The number of images.
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
    /// Cross-validation has evaluated a setting.
    Candidate(&'a Candidate),
    /// With three classes or more: on the first fold a setting is worse than the best one by more than chance, so it is
    /// not tried on the other folds. The numbers are those of the images of the first fold.
    Dropped(&'a Candidate),
    /// About how long the choice of the settings and the fit take together. It is told early in the search, and only
    /// where it is 10 seconds or more.
    Estimate(Duration),
    /// Logistic regression has made a pass over the images.
    Pass {
        /// Which search the pass belongs to.
        search: Search,
        /// The number of the pass in this search, from 0.
        pass: usize,
        /// The largest absolute entry of the gradient.
        gradient: f64,
    },
    /// Gradient descent has made an evaluation.
    Step {
        /// Its result.
        record: &'a StepRecord,
        /// The current layers.
        layers: &'a [Dense],
        /// The number of steps of the whole training.
        steps: usize,
    },
}

/// A search of logistic regression for an optimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// A search for heads of folds, with this inverse of the regularization strength: for two classes those of all folds
    /// and class weightings, for more classes that of one fold.
    CrossValidation {
        /// The inverse of the regularization strength.
        c: f64,
        /// Settings that were evaluated, or dropped, before.
        tried: usize,
        /// Settings that there are: the search may end before all of them are tried.
        most: usize,
    },
    /// The search for the final head, on all images.
    Final,
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stopped {
    /// The optimum was reached, within the tolerance or as closely as rounding allows.
    Converged,
    /// The last step was done.
    Steps,
    /// Early stopping: the validation cross-entropy no longer fell. The weights are those with its lowest value.
    Early,
    /// The limit of passes was reached before the optimum.
    PassLimit,
    /// The caller ended the training. The weights are the best so far.
    Cancelled,
}

/// How a head was trained. The report is stored in the classifier file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FitReport {
    /// The configuration.
    pub config: HeadConfig,
    /// The number of images that the head was fitted on.
    pub images: usize,
    /// The settings that cross-validation has evaluated on all folds, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The index of the chosen setting in `candidates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<usize>,
    /// The probabilities `[images, classes]` of each image for the chosen setting, by the head of a fold that has not
    /// seen the image: first the training images, then the validation images. Empty if nothing was chosen. Files do not
    /// store it.
    #[serde(skip)]
    pub out_of_fold: Vec<f64>,
    /// The evaluations during gradient descent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<StepRecord>,
    /// Why the training ended.
    pub stopped: Stopped,
    /// The number of passes over the images, or of steps, after which the final weights were reached.
    pub steps: usize,
    /// For logistic regression, the largest absolute entry of the gradient of the mean loss at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient: Option<f64>,
}

impl FitReport {
    /// The setting that cross-validation chose; `None` if there was nothing to choose.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.choice.and_then(|index| self.candidates.get(index))
    }
}

/// A trained head, and how it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The trained head.
    pub head: Head,
    /// The settings, the results of cross-validation or the training log, and why the fit ended.
    pub report: FitReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_a_line() {
        let candidate = Candidate {
            c: 0.5,
            class_weights: ClassWeights::Balanced,
            log_loss: 0.25,
            standard_error: 0.01,
            accuracy: 0.9,
        };
        let line = "C = 0.5, classes balanced: log loss 0.2500 ± 0.0100, accuracy 0.9000 (cross-validation)";
        assert_eq!(candidate.to_string(), line);
    }
}
