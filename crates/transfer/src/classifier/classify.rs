use std::collections::HashSet;
use std::path::Path;

use dataset::RgbImage;
use serde::Serialize;

use super::calibration::Calibration;
use super::pictures::Pictures;
use super::provenance::Provenance;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::head::{FitReport, Head};
use crate::insight::OpenSet;
use crate::quantize::QuantizationRecord;

/// A class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Index of the class.
    pub index: usize,
    /// Its name.
    pub class: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// Classifies images: a backbone, a head trained on it, the classes, and how images are prepared.
///
/// One file holds all of this ([`save`](Self::save)). A program that [loads](Self::load) it cannot prepare images in
/// another way or confuse classes, and it gets an error if the network computes other results here. The crate's
/// `FORMAT.md` describes the format.
#[derive(Debug)]
pub struct Classifier {
    pub(super) backbone: Backbone,
    pub(super) head: Head,
    pub(super) classes: Vec<String>,
    pub(super) calibration: Option<Calibration>,
    pub(super) thresholds: Option<Vec<f64>>,
    pub(super) open_set: Option<OpenSet>,
    pub(super) report: Option<FitReport>,
    pub(super) provenance: Provenance,
    pub(super) pictures: Option<Pictures>,
}

impl Classifier {
    /// Combines the parts into a classifier without calibration, thresholds and open-set test.
    ///
    /// # Errors
    /// If the head takes another number of values or has another number of classes, or if two classes have the same
    /// name.
    pub fn new(backbone: Backbone, head: Head, classes: Vec<String>) -> Result<Self> {
        if head.dim() != backbone.dim() {
            return Err(Error::mismatch(
                "inputs of the head",
                backbone.dim(),
                head.dim(),
            ));
        }
        if head.classes() != classes.len() {
            return Err(Error::mismatch(
                "class names",
                head.classes(),
                classes.len(),
            ));
        }
        check_names(&classes)?;
        Ok(Self {
            backbone,
            head,
            classes,
            calibration: None,
            thresholds: None,
            open_set: None,
            report: None,
            provenance: Provenance::default(),
            pictures: None,
        })
    }

    /// Stores in the classifier, and so in its file, how the head was trained.
    pub fn with_report(mut self, report: FitReport) -> Self {
        self.report = Some(report);
        self
    }

    /// Stores in the classifier, and so in its file, where it came from.
    pub fn with_provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// Stores in the classifier, and so in its file, which pictures it was made with. They tell later which pictures
    /// are new to it.
    pub fn with_pictures(mut self, pictures: Pictures) -> Self {
        self.pictures = Some(pictures);
        self
    }

    /// Sets for each class the lowest probability, 0 to 1, with which an image [gets its name](Self::decide).
    ///
    /// # Errors
    /// If there is not one threshold for each class, or one is not from 0 to 1.
    pub fn with_thresholds(mut self, thresholds: Vec<f64>) -> Result<Self> {
        if thresholds.len() != self.classes.len() {
            return Err(Error::mismatch(
                "thresholds",
                self.classes.len(),
                thresholds.len(),
            ));
        }
        if let Some(threshold) = thresholds.iter().find(|t| !(0.0..=1.0).contains(*t)) {
            return Err(Error::mismatch("a threshold", "0 to 1", threshold));
        }
        self.thresholds = Some(thresholds);
        Ok(self)
    }

    /// This classifier with another network of the same outputs, and how that came to be.
    pub(crate) fn with_backbone(&self, backbone: Backbone, record: QuantizationRecord) -> Self {
        let mut classifier = self.with_network(backbone);
        classifier.provenance.quantization = Some(record);
        classifier
    }

    /// This classifier with another network of the same outputs.
    pub(crate) fn with_network(&self, backbone: Backbone) -> Self {
        Self {
            backbone,
            head: self.head.clone(),
            classes: self.classes.clone(),
            calibration: self.calibration,
            thresholds: self.thresholds.clone(),
            open_set: self.open_set.clone(),
            report: self.report.clone(),
            provenance: self.provenance.clone(),
            pictures: self.pictures.clone(),
        }
    }

    /// Sets the largest number of pixels of an image ([`Backbone::with_max_pixels`]).
    pub fn with_max_pixels(mut self, max_pixels: Option<u64>) -> Self {
        self.backbone = self.backbone.with_max_pixels(max_pixels);
        self
    }

    /// The frozen network, and how it prepares images.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The trained head; its weights already include the calibration.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The head as a starting point for training on these `classes`, in their order. Known classes are matched by name.
    /// A new class gets zero weights and the lowest bias of the known classes
    /// ([`HeadTraining::start_from`](crate::head::HeadTraining::start_from)).
    ///
    /// # Errors
    /// If one of the classifier's own classes is missing in `classes`, or one occurs twice.
    pub fn head_for(&self, classes: &[String]) -> Result<Head> {
        if let Some(class) = self.classes.iter().find(|class| !classes.contains(class)) {
            let expected = format!("each of {}", self.classes.join(", "));
            let found =
                format!("no `{class}`; a further training keeps all classes of the classifier");
            return Err(Error::mismatch("class names", expected, found));
        }
        check_names(classes)?;
        let place = |name: &String| self.classes.iter().position(|known| known == name);
        self.head
            .reordered(&classes.iter().map(place).collect::<Vec<_>>())
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How the probabilities were calibrated, if they were.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// For each class the lowest probability with which an image [gets its name](Self::decide); `None` without
    /// thresholds.
    pub fn thresholds(&self) -> Option<&[f64]> {
        self.thresholds.as_deref()
    }

    /// How the head was trained, if that is known.
    pub fn report(&self) -> Option<&FitReport> {
        self.report.as_ref()
    }

    /// Where the classifier came from, as far as that is known.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Which pictures the classifier was made with. `None` if it is not known: in files of earlier versions, and if the
    /// pictures were [left out](crate::retrain::Retrain::keep_pictures).
    pub fn pictures(&self) -> Option<&Pictures> {
        self.pictures.as_ref()
    }

    /// Probabilities `[n, classes]` of pixels `[n, size, size, 3]`, RGB, 0 to 255.
    ///
    /// # Errors
    /// If the length of `pixels` is wrong.
    pub fn predict(&self, pixels: &[u8], n: usize) -> Result<Vec<f64>> {
        self.head.probabilities(&self.backbone.forward(pixels, n)?)
    }

    /// All classes for an image file, the most probable first.
    ///
    /// # Errors
    /// If the file is not an image that can be used.
    pub fn classify(&self, path: impl AsRef<Path>) -> Result<Vec<Prediction>> {
        self.classify_image(&self.backbone.loader().decode(path)?)
    }

    /// Does the same as [`classify`](Self::classify) for the bytes of an image file.
    ///
    /// # Errors
    /// If the bytes are not an image that can be used.
    pub fn classify_bytes(&self, bytes: &[u8]) -> Result<Vec<Prediction>> {
        let options = self.backbone.decode_options();
        self.classify_image(&dataset::decode(bytes, &options)?)
    }

    /// Does the same as [`classify`](Self::classify) for a decoded image of any size, which must be upright.
    ///
    /// # Errors
    /// If the image has no pixels.
    pub fn classify_image(&self, image: &RgbImage) -> Result<Vec<Prediction>> {
        let square = self.backbone.square(image);
        Ok(self.rank(&self.predict(square.as_raw(), 1)?))
    }

    /// A row of probabilities as named classes, the most probable first. Equally probable classes keep their order.
    pub fn rank(&self, probabilities: &[f64]) -> Vec<Prediction> {
        let mut ranked: Vec<_> = self
            .classes
            .iter()
            .zip(probabilities)
            .enumerate()
            .map(|(index, (class, &probability))| Prediction {
                index,
                class: class.clone(),
                probability,
            })
            .collect();
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        ranked
    }

    /// The most probable class of a row of probabilities, if it reaches its threshold; otherwise `None`, which means "I
    /// do not know". Without thresholds there is always a class.
    pub fn decide(&self, probabilities: &[f64]) -> Option<usize> {
        let best = crate::head::argmax(probabilities);
        let probability = probabilities.get(best)?;
        let threshold = match &self.thresholds {
            Some(thresholds) => *thresholds.get(best)?,
            None => 0.0,
        };
        (*probability >= threshold).then_some(best)
    }
}

fn check_names(classes: &[String]) -> Result<()> {
    let mut known = HashSet::new();
    match classes.iter().find(|class| !known.insert(*class)) {
        Some(twice) => {
            let found = format!("`{twice}` twice");
            Err(Error::mismatch("class names", "each once", found))
        }
        None => Ok(()),
    }
}
