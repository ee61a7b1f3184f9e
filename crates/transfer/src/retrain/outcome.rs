use std::fmt;
use std::path::Path;

use metrics::Predictions;

use crate::classifier::Classifier;
use crate::error::Result;
use crate::familiarity::FamiliarityCounts;
use crate::head::Checkpoint;
use crate::insight::SampleSizeCurve;

/// What a job gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retrained {
    /// The classifier, calibrated, with the report of the training and a record of where it came from.
    pub classifier: Classifier,
    /// Its predictions on the images that it was trained on.
    pub training: Predictions,
    /// Its predictions on the test images, without those that it has seen; `None` where there are none, and nothing says how
    /// good it is.
    pub test: Option<Predictions>,
    /// How well the test images are known: those that the classifier has seen are left out of `test`, unless
    /// [`include_training`](super::Retrain::include_training) was asked for.
    pub test_counts: FamiliarityCounts,
    /// Predictions on the training and the validation images, each by a head like the classifier's that had not seen it, at
    /// the classifier's temperature: more images than the test has. Each of these heads was fitted on a part of the images
    /// (four fifths by default), so the classifier itself is rather better. `None` where no cross-validation was made.
    pub out_of_fold: Option<Predictions>,
    /// How good heads are that were fitted on fewer images, and what more images would bring; `None` where that was not asked
    /// for ([`with_learning_curve`](super::Retrain::with_learning_curve)), or the job was stopped before.
    pub learning_curve: Option<SampleSizeCurve>,
    /// Embeddings that were computed; the others were in the cache.
    pub computed: usize,
    /// Seconds that embedding took.
    pub embedding_seconds: f64,
    /// Seconds that training and calibration took.
    pub fitting_seconds: f64,
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Retrained {
    /// Writes the classifier ([`Classifier::save`]), then removes the checkpoint of a training that reached its end.
    ///
    /// # Errors
    /// Where a file cannot be written or removed.
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
            None => f.write_str("\nno test images: nothing says how good it is"),
        }
    }
}
