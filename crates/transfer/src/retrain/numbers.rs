use metrics::{ConfusionMatrix, Predictions};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::outcome::Retrained;
use crate::familiarity::FamiliarityCounts;

#[derive(serde::Serialize)]
struct Training {
    accuracy: Option<f64>,
    n: usize,
}

#[derive(serde::Serialize)]
struct Test {
    accuracy: Option<f64>,
    /// `[target][predicted]`.
    confusion: Vec<Vec<u64>>,
    n: usize,
    /// How well the test images are known, where the classifier has seen some of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pictures: Option<FamiliarityCounts>,
}

#[derive(serde::Serialize)]
struct Seconds {
    embed: f64,
    fit: f64,
}

fn accuracy(predictions: &Predictions) -> Option<f64> {
    predictions.confusion().accuracy()
}

fn counts(confusion: &ConfusionMatrix) -> Vec<Vec<u64>> {
    let rows = confusion.rows();
    rows.map(|row| row.iter().map(|&n| n as u64).collect())
        .collect()
}

/// The numbers of the job: `classes`; `train` with `accuracy` and number of images `n`; `test` with the same and the
/// matrix `confusion[target][predicted]`, or null without test images, and with `pictures` (how many test images the
/// classifier has seen, and how) where it has seen some; `seconds` for `embed` and `fit`;
/// `images_per_second` of embedding; `learning_curve`, where it was asked for
/// ([`SampleSizeCurve`](crate::insight::SampleSizeCurve)). Accuracies are 0 to 1.
impl Serialize for Retrained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let training = Training {
            accuracy: accuracy(&self.training),
            n: self.training.len(),
        };
        let test = self.test.as_ref().map(|test| Test {
            accuracy: accuracy(test),
            confusion: counts(&test.confusion()),
            n: test.len(),
            pictures: (self.test_counts.seen() > 0).then_some(self.test_counts),
        });
        let seconds = Seconds {
            embed: self.embedding_seconds,
            fit: self.fitting_seconds,
        };
        let speed = self.computed as f64 / self.embedding_seconds;
        let fields = 5 + usize::from(self.learning_curve.is_some());
        let mut numbers = serializer.serialize_struct("Retrained", fields)?;
        numbers.serialize_field("classes", self.classifier.classes())?;
        numbers.serialize_field("images_per_second", &speed)?;
        if let Some(curve) = &self.learning_curve {
            numbers.serialize_field("learning_curve", curve)?;
        }
        numbers.serialize_field("seconds", &seconds)?;
        numbers.serialize_field("test", &test)?;
        numbers.serialize_field("train", &training)?;
        numbers.end()
    }
}
