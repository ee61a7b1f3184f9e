use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
use crate::embed::Embedded;
use crate::finetune::FineTuneRecord;
use crate::quantize::QuantizationRecord;

/// Where a classifier came from. Its file stores this, so that the classifier can be traced and made again. How the
/// head was trained (recipe, seed) is in the [`FitReport`](crate::head::FitReport).
///
/// ```
/// use transfer::classifier::Provenance;
/// let provenance = Provenance::default().with_split("by a hash of the names: 80/10/10").with_metric("test accuracy", 0.98);
/// assert_eq!(provenance.metrics["test accuracy"], 0.98);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The images of each part (`training`, `validation`, `test`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, ImageSetRecord>,
    /// How the images were split, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// When the classifier was trained, as a text that the caller gave. No clock is read, so that the same input gives
    /// the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Measurements by name, such as `test accuracy`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// How the last blocks of the network were fine-tuned; `None` if they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuneRecord>,
    /// How the network was quantized, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationRecord>,
}

/// A set of images, recorded so that it can be compared with another set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSetRecord {
    /// Number of images that were used.
    pub count: usize,
    /// SHA-256 over each image's name, class and content ([`Embedded::digest`]).
    pub digest: String,
}

impl Provenance {
    /// Adds the images of a part.
    #[cfg(feature = "train")]
    pub fn with_images(mut self, part: impl Into<String>, images: &Embedded) -> Self {
        let images = ImageSetRecord {
            count: images.embeddings.len(),
            digest: images.digest.clone(),
        };
        self.images.insert(part.into(), images);
        self
    }

    /// Sets how the images were split, in words.
    pub fn with_split(mut self, split: impl Into<String>) -> Self {
        self.split = Some(split.into());
        self
    }

    /// Sets when the classifier was trained, as text.
    pub fn with_date(mut self, date: impl Into<String>) -> Self {
        self.date = Some(date.into());
        self
    }

    /// Sets how the last blocks of the network were fine-tuned.
    pub fn with_fine_tuning(mut self, record: FineTuneRecord) -> Self {
        self.fine_tuning = Some(record);
        self
    }

    /// Adds a measurement; one that is not a finite number is left out.
    pub fn with_metric(mut self, name: impl Into<String>, value: f64) -> Self {
        if value.is_finite() {
            self.metrics.insert(name.into(), value);
        }
        self
    }
}
