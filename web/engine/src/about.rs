//! What a classifier says of itself.

use metrics::uncertainty::wilson_interval;
use serde::Serialize;
use transfer::Classifier;
use transfer::classifier::Provenance;

/// The classes, how pictures are prepared, when the answer is "I do not know", where the classifier came from, and how
/// good it was on its test images.
#[derive(Serialize)]
pub(crate) struct About<'a> {
    classes: &'a [String],
    thresholds: Option<&'a [f64]>,
    /// The largest distance from the training images that the open-set test accepts.
    open_set: Option<f64>,
    /// Side of the square that the network takes, in pixels.
    size: u32,
    resize: String,
    alpha: f64,
    layer: String,
    precision: String,
    instruction_set: Option<&'static str>,
    /// SHA-256 of the weights.
    weights: &'a str,
    /// Number of images that the head was trained on.
    trained_on: Option<usize>,
    provenance: &'a Provenance,
    accuracy: Option<Accuracy>,
}

/// The share of the test images that were classified rightly.
#[derive(Serialize)]
struct Accuracy {
    value: f64,
    /// Of 95 %, where the number of images is known.
    interval: Option<[f64; 2]>,
    images: u64,
}

impl<'a> About<'a> {
    pub(crate) fn of(classifier: &'a Classifier) -> Self {
        let backbone = classifier.backbone();
        let engine = backbone.engine();
        Self {
            classes: classifier.classes(),
            thresholds: classifier.thresholds(),
            open_set: classifier.open_set().map(|known| known.threshold()),
            size: backbone.size(),
            resize: backbone.resize().to_string(),
            alpha: backbone.weights().config().alpha,
            layer: backbone.layer().to_string(),
            precision: engine.precision().to_string(),
            instruction_set: engine.instruction_set().map(|set| set.name()),
            weights: backbone.digest(),
            trained_on: classifier.report().map(|report| report.images),
            provenance: classifier.provenance(),
            accuracy: Accuracy::of(classifier.provenance()),
        }
    }
}

impl Accuracy {
    fn of(known: &Provenance) -> Option<Self> {
        let value = *known.metrics.get("test accuracy")?;
        let images = known.images.get("test").map_or(0, |test| test.count as u64);
        let right = (value * images as f64).round() as u64;
        let interval = wilson_interval(right, images, 0.95).map(|found| [found.low, found.high]);
        Some(Self {
            value,
            interval,
            images,
        })
    }
}
