//! What a classifier file contains, for people.

use std::fmt;
use std::path::Path;

use files::hex;
use metrics::uncertainty::wilson_interval;
use safetensors::SafeTensors;
use safetensors::tensor::Metadata;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::classify::Classifier;
use super::file;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::file_kind::FileKind;
use crate::head::{HeadConfig, Recipe};

/// The parts of a file: how the names of their tensors begin, and what they are called.
const PARTS: [(&str, &str); 5] = [
    ("backbone.", "network"),
    ("head.", "head"),
    ("open_set", "open-set test"),
    ("reference.", "picture of the self-test"),
    ("seal", "seal"),
];

/// What a classifier file contains. Its `Display` is a table of facts and of the size of each part.
///
/// ```no_run
/// println!("{}", transfer::classifier::FileSummary::open("boats.safetensors")?);
/// # Ok::<(), transfer::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    facts: Vec<(&'static str, String)>,
    parts: Vec<FilePart>,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// What it is.
    pub name: &'static str,
    /// Its size in bytes.
    pub bytes: usize,
}

impl FileSummary {
    /// Loads a file as [`Classifier::load`] does, and summarizes it.
    ///
    /// # Errors
    /// The errors of [`Classifier::load`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = file::bytes(path)?;
        let classifier = Classifier::decode(path, &bytes, Backbone::new)?;
        let (length, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| Error::file_caused(path, error.to_string(), error))?;
        let about = header.metadata().as_ref();
        let about = about.and_then(|about| about.get(FileKind::Classifier.key()));
        let about: Value = about
            .map_or(Ok(Value::Null), |json| serde_json::from_str(json))
            .map_err(|error| Error::file_caused(path, error.to_string(), error))?;
        let mut facts = vec![("classes", classes(&classifier))];
        facts.extend(training(&classifier));
        facts.push(("preprocessing", preprocessing(&classifier)));
        facts.extend(limits(&classifier));
        facts.push(("network", network(&classifier, &about)));
        facts.push(("precision", precision(&header)));
        facts.push(("file", seal(&header, &about)));
        facts.push(("SHA-256", hex(&Sha256::digest(&bytes))));
        Ok(Self {
            facts,
            parts: parts(&header, 8 + length),
        })
    }

    /// Names and values: classes, date, training, accuracy, preprocessing, thresholds, network, precision, digest.
    /// Facts that the file does not contain are left out.
    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.facts
    }

    /// The parts of the file; their sizes add up to its size.
    pub fn parts(&self) -> &[FilePart] {
        &self.parts
    }
}

impl fmt::Display for FileSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.facts {
            writeln!(f, "{name:<18}{value}")?;
        }
        let bytes: usize = self.parts.iter().map(|part| part.bytes).sum();
        write!(f, "{:<18}{bytes:>12} bytes", "size")?;
        for part in &self.parts {
            write!(f, "\n  {:<26}{:>12}", part.name, part.bytes)?;
        }
        Ok(())
    }
}

fn classes(classifier: &Classifier) -> String {
    let classes = classifier.classes();
    format!("{}: {}", classes.len(), classes.join(", "))
}

/// When and on what it was trained, and how good it was on the test images.
fn training(classifier: &Classifier) -> Vec<(&'static str, String)> {
    let known = classifier.provenance();
    let mut facts = Vec::new();
    facts.extend(known.date.clone().map(|date| ("date", date)));
    if let Some(report) = classifier.report() {
        let (images, recipe) = (report.images, recipe(&report.config));
        let seed = report.config.seed();
        let c = report
            .chosen()
            .map_or(String::new(), |chosen| format!(", C = {}", chosen.c));
        facts.push((
            "training",
            format!("{recipe}{c} on {images} images, seed {seed}"),
        ));
    }
    if let Some(tuning) = classifier.tuned() {
        let (images, epochs) = (tuning.images, tuning.history.len());
        facts.push(("fine-tuning", format!("{epochs} epochs on {images} images")));
    }
    // In the order in which they are used.
    let parts = ["training", "validation", "test"].into_iter();
    let parts = parts.filter_map(|part| Some((part, known.images.get(part)?)));
    let parts: Vec<String> = parts
        .map(|(part, images)| format!("{} {part}", images.count))
        .collect();
    if !parts.is_empty() {
        facts.push(("images", parts.join(", ")));
    }
    facts.extend(known.split.clone().map(|split| ("split", split)));
    if let Some(&accuracy) = known.metrics.get("test accuracy") {
        let n = known.images.get("test").map_or(0, |test| test.count as u64);
        let right = (accuracy * n as f64).round() as u64;
        let found = wilson_interval(right, n, 0.95).map_or_else(
            || format!("{accuracy:.4} on test images"),
            |found| format!("{found} on {n} test images (95 % interval)"),
        );
        facts.push(("accuracy", found));
    }
    for (name, value) in known
        .metrics
        .iter()
        .filter(|(name, _)| *name != "test accuracy")
    {
        facts.push(("", format!("{name} {value:.4}")));
    }
    facts.extend(
        classifier
            .calibration()
            .map(|found| ("calibration", found.to_string())),
    );
    facts
}

fn recipe(config: &HeadConfig) -> String {
    match config.recipe() {
        Recipe::LogisticRegression(_) => "logistic regression".into(),
        Recipe::GradientDescent(recipe) => format!("{} steps of gradient descent", recipe.steps()),
    }
}

fn preprocessing(classifier: &Classifier) -> String {
    let config = classifier.backbone().weights().config();
    let (mean, std) = (config.mean, config.std);
    let filter = format!("{:?}", classifier.backbone().filter()).to_lowercase();
    format!(
        "{} ({filter}), then (level - {mean}) / {std}",
        classifier.preparation()
    )
}

/// From when on an image is of none of the classes.
fn limits(classifier: &Classifier) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(thresholds) = classifier.thresholds() {
        let named = classifier.classes().iter().zip(thresholds);
        let named = named.map(|(class, threshold)| format!("{class} from {threshold:.4}"));
        facts.push(("thresholds", named.collect::<Vec<_>>().join(", ")));
    }
    if let Some(open_set) = classifier.open_set() {
        let threshold = open_set.threshold();
        let limit = format!("distance from the nearest class at most {threshold:.4}");
        facts.push(("open-set test", limit));
    }
    if facts.is_empty() {
        facts.push((
            "thresholds",
            "none: each image gets the name of a class".into(),
        ));
    }
    facts
}

fn network(classifier: &Classifier, about: &Value) -> String {
    let digest: String = classifier.backbone().digest().chars().take(16).collect();
    let linked = about["backbone"]["name"].as_str();
    let linked = linked.map_or(String::new(), |name| format!(", not in the file: `{name}`"));
    let (network, state) = (classifier.network(), classifier.state());
    let (dim, layer) = (classifier.backbone().dim(), classifier.backbone().layer());
    format!(
        "{network}; {state}; weights {digest}…{linked}; the head sees the {dim} values of the {layer}"
    )
}

fn precision(header: &Metadata) -> String {
    let of = |part: &str| {
        let mut types: Vec<String> = header
            .tensors()
            .into_iter()
            .filter(|(name, _)| name.starts_with(part))
            .map(|(_, tensor)| format!("{:?}", tensor.dtype))
            .collect();
        types.sort();
        types.dedup();
        types.join(" and ")
    };
    match of("backbone.") {
        network if network.is_empty() => format!("head {}", of("head.")),
        network => format!("network {network}, head {}", of("head.")),
    }
}

fn seal(header: &Metadata, about: &Value) -> String {
    let version = &about["version"];
    let seal = if header.info("seal").is_some() {
        "its seal is correct"
    } else {
        "it has no seal"
    };
    format!("version {version} of the format; {seal}, and the self-test gave the stored answer")
}

/// The sizes, with the header in `header_bytes`. What no name of [`PARTS`] begins is together at the end.
fn parts(header: &Metadata, header_bytes: usize) -> Vec<FilePart> {
    let mut sizes = [0; PARTS.len() + 1];
    for (name, tensor) in header.tensors() {
        let part = PARTS.iter().position(|(start, _)| name.starts_with(start));
        let (start, end) = tensor.data_offsets;
        sizes[part.unwrap_or(PARTS.len())] += end - start;
    }
    let names = PARTS
        .map(|(_, name)| name)
        .into_iter()
        .chain(["other tensors"]);
    let sizes = names.zip(sizes).filter(|(_, bytes)| *bytes > 0);
    let header = ("description", header_bytes);
    let parts = sizes.chain([header]);
    parts
        .map(|(name, bytes)| FilePart { name, bytes })
        .collect()
}
