use std::fmt;
use std::path::Path;

use metrics::Predictions;

use crate::classifier::Classifier;
use crate::error::Result;
use crate::familiarity::FamiliarityCounts;
use crate::head::Checkpoint;
use crate::insight::SampleSizeCurve;

/// The result of a job.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retrained {
    /// The classifier, calibrated, with the report of the training and a record of where it came from.
    pub classifier: Classifier,
    /// Its predictions for the images that it was trained on.
    pub training: Predictions,
    /// Its predictions for the test images, without those that it has seen. `None` if there are no test images, so that
    /// nothing tells how good it is.
    pub test: Option<Predictions>,
    /// How well the classifier knows the test images. Those that it has seen are not in `test`, unless
    /// [`include_training`](super::Retrain::include_training) was set.
    pub test_counts: FamiliarityCounts,
    /// Predictions for the training and validation images, which are more images than the test has. Each image is
    /// predicted by a head like the classifier's that has not seen it, at the classifier's temperature. Each of these
    /// heads was fitted on a part of the images (four fifths by default), so the classifier itself is usually a little
    /// better. `None` if there was no cross-validation.
    pub out_of_fold: Option<Predictions>,
    /// How good heads are that were fitted on fewer images, and what more images would bring. `None` if
    /// [`with_learning_curve`](super::Retrain::with_learning_curve) was not set, or if the job was stopped before.
    pub learning_curve: Option<SampleSizeCurve>,
    /// Number of embeddings that were computed; the others were in the cache.
    pub computed: usize,
    /// Seconds that embedding took.
    pub embedding_seconds: f64,
    /// Seconds that training and calibration took.
    pub fitting_seconds: f64,
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Retrained {
    /// Saves the classifier ([`Classifier::save`]), then removes the checkpoint if the training reached its end.
    ///
    /// # Errors
    /// If a file cannot be written or removed.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.classifier.save(path)?;
        match &self.checkpoint {
            Some(checkpoint) => checkpoint.remove(),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Retrained {
    /// The classes, and the summary of the predictions on the test images.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.classifier.classes().join(", "))?;
        match &self.test {
            Some(test) => write!(
                f,
                "\non the {} test images:\n{}",
                test.len(),
                test.summary()
            ),
            None => f.write_str(
                "\nthere are no test images, so that the accuracy on new images is not known",
            ),
        }
    }
}
