use std::collections::HashSet;

use crate::checks::{MAX_CLASSES, check_all_weights, check_distinct, check_length, check_samples};
use crate::curves::{Ranking, descending};
use crate::error::{Error, Place, Result};
use crate::predictions::Predictions;

/// From this probability on, a label is predicted by default.
const THRESHOLD: f64 = 0.5;

/// The largest number of pairs of a sample and a label.
const MAX_CELLS: usize = 1 << 31;

/// The labels and the predictions of `n` samples, each of which may have any number of `l` labels.
///
/// For each sample and each label there is whether the sample has the label (the target), and a probability from 0 to 1.
/// The probabilities of a sample need not sum to one. A label is predicted where its probability is at least its
/// threshold; the default is 0.5. Weights, file names and names of the labels are optional.
///
/// The constructors check that all lengths agree and that the probabilities are numbers from 0 to 1. There are at most
/// [`Predictions::MAX_CLASSES`] labels, and at most 2^31 pairs of a sample and a label.
#[derive(Clone, Debug, PartialEq)]
pub struct MultilabelPredictions {
    labels: Vec<String>,
    targets: Vec<bool>,
    probabilities: Vec<f64>,
    thresholds: Vec<f64>,
    weights: Option<Vec<f64>>,
    files: Option<Vec<String>>,
}

impl MultilabelPredictions {
    /// Makes predictions from one row of targets and one row of probabilities for each sample.
    ///
    /// # Errors
    /// If a check described at [`MultilabelPredictions`] fails; the error names the first such row.
    pub fn new(targets: Vec<Vec<bool>>, probabilities: Vec<Vec<f64>>) -> Result<Self> {
        check_length("rows of probabilities", targets.len(), probabilities.len())?;
        let labels = targets.first().ok_or(Error::Empty)?.len();
        let (mut held, mut flat) = (Vec::new(), Vec::new());
        for (row, (targets, values)) in targets.into_iter().zip(probabilities).enumerate() {
            check_row(Place::Row(row), "targets", labels, targets.len())?;
            check_row(Place::Row(row), "probabilities", labels, values.len())?;
            held.extend(targets);
            flat.extend(values);
        }
        Self::from_flat(held, flat, labels)
    }

    /// Makes predictions from targets `[n, labels]` and probabilities `[n, labels]`, row after row.
    ///
    /// # Errors
    /// The errors of [`MultilabelPredictions::new`], and if a length is not `n * labels`.
    pub fn from_flat(targets: Vec<bool>, probabilities: Vec<f64>, labels: usize) -> Result<Self> {
        check_labels(labels)?;
        if targets.is_empty() {
            return Err(Error::Empty);
        }
        if !targets.len().is_multiple_of(labels) {
            let expected = format!("a multiple of the {labels} labels");
            return Err(Error::setting("number of targets", targets.len(), expected));
        }
        check_length("probabilities", targets.len(), probabilities.len())?;
        check_samples(targets.len() / labels)?;
        if targets.len() > MAX_CELLS {
            let expected = "at most 2,147,483,648";
            let what = "number of samples times number of labels";
            return Err(Error::setting(what, targets.len(), expected));
        }
        for (row, values) in probabilities.chunks_exact(labels).enumerate() {
            check_probabilities(Place::Row(row), values)?;
        }
        Ok(Self {
            labels: (0..labels).map(|label| label.to_string()).collect(),
            targets,
            probabilities,
            thresholds: vec![THRESHOLD; labels],
            weights: None,
            files: None,
        })
    }

    /// Sets the names of the labels; the default is their indices.
    ///
    /// # Errors
    /// If there is not one name for each label, or a name is given twice.
    pub fn with_labels<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.check_each("label names", names.len())?;
        check_names(&names)?;
        self.labels = names;
        Ok(self)
    }

    /// Sets the probability from which on each label is predicted; the default is 0.5 for each. A label with an infinite
    /// threshold is never predicted. [`choose_thresholds`](Self::choose_thresholds) finds good ones.
    ///
    /// # Errors
    /// If there is not one threshold for each label, or one is neither from 0 to 1 nor infinite.
    pub fn with_thresholds(mut self, thresholds: Vec<f64>) -> Result<Self> {
        self.check_each("thresholds", thresholds.len())?;
        let sound = |value: &f64| (0.0..=1.0).contains(value) || *value == f64::INFINITY;
        if let Some(label) = thresholds.iter().position(|value| !sound(value)) {
            return Err(Error::Setting {
                setting: "threshold",
                value: format!(
                    "{} for the label `{}`",
                    thresholds[label], self.labels[label]
                ),
                expected: "a number from 0 to 1, or infinity".to_string(),
            });
        }
        self.thresholds = thresholds;
        Ok(self)
    }

    /// Sets the weights of the samples; by default each sample has weight 1.
    ///
    /// # Errors
    /// If there is not one weight for each sample, one of them is negative or not finite, all are 0, or their sum is more
    /// than 1e75.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self> {
        check_all_weights(self.len(), &weights)?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// Sets the names of the samples, usually the names of their files.
    ///
    /// # Errors
    /// If there is not one name for each sample.
    pub fn with_files<S: Into<String>>(
        mut self,
        files: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let files: Vec<String> = files.into_iter().map(Into::into).collect();
        check_length("file names", self.len(), files.len())?;
        self.files = Some(files);
        Ok(self)
    }

    /// Number of samples; at least 1.
    #[allow(clippy::len_without_is_empty)] // The constructors refuse empty predictions.
    pub fn len(&self) -> usize {
        self.targets.len() / self.labels.len()
    }

    /// Names of the labels, in the order of their indices.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether each sample has each label: `[n, l]`, row after row.
    pub fn targets(&self) -> &[bool] {
        &self.targets
    }

    /// Probabilities `[n, l]`, row after row.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// For each label, the probability from which on it is predicted.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Weight of each sample, if weights were given.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Name of each sample, if names were given.
    pub fn files(&self) -> Option<&[String]> {
        self.files.as_deref()
    }

    /// Whether each sample is predicted to have each label: `[n, l]`, row after row.
    pub fn predicted(&self) -> Vec<bool> {
        let thresholds = self.thresholds.iter().cycle();
        let both = self.probabilities.iter().zip(thresholds);
        both.map(|(probability, threshold)| probability >= threshold)
            .collect()
    }

    /// The samples whose indices are in `rows`, in that order, with their weights and names.
    ///
    /// # Errors
    /// If `rows` is empty, an index is out of range, or all weights of these samples are 0.
    pub fn subset(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            let expected = format!("below {}", self.len());
            return Err(Error::setting("row", row, expected));
        }
        let l = self.labels.len();
        let cells = || rows.iter().flat_map(|&row| row * l..(row + 1) * l);
        let files = self.files.as_ref();
        let some = Self {
            labels: self.labels.clone(),
            targets: cells().map(|cell| self.targets[cell]).collect(),
            probabilities: cells().map(|cell| self.probabilities[cell]).collect(),
            thresholds: self.thresholds.clone(),
            weights: None,
            files: files.map(|files| rows.iter().map(|&row| files[row].clone()).collect()),
        };
        match &self.weights {
            None => Ok(some),
            Some(weights) => some.with_weights(rows.iter().map(|&row| weights[row]).collect()),
        }
    }

    /// The samples ranked by the probability of one label, where those with the label are the positives; `None` for a label
    /// that does not exist.
    pub fn ranking(&self, label: usize) -> Option<Ranking> {
        let l = self.labels.len();
        if label >= l {
            return None;
        }
        let column = self.probabilities.iter().skip(label).step_by(l).copied();
        let (target, weight) = (|i: usize| self.targets[i * l + label], |i| self.weight(i));
        Some(Ranking::of(&descending(column), target, weight))
    }

    /// One label as predictions of two classes: class 0 is `not` and the name of the label, and class 1 is the label. All
    /// that this crate does with two classes (calibration, risk against coverage, comparison) then works for the label. The
    /// predicted class is the more probable one, so that the thresholds do not count. `None` for a label that does not exist.
    pub fn as_two_classes(&self, label: usize) -> Option<Predictions> {
        let l = self.labels.len();
        if label >= l {
            return None;
        }
        let column = self.probabilities.iter().skip(label).step_by(l);
        let targets = self.targets.iter().skip(label).step_by(l);
        let name = &self.labels[label];
        let two = Predictions {
            classes: vec![format!("not {name}"), name.clone()],
            targets: targets.map(|&target| usize::from(target)).collect(),
            predicted: column.clone().map(|&p| usize::from(p > 0.5)).collect(),
            probabilities: Some(column.flat_map(|&p| [1.0 - p, p]).collect()),
            weights: self.weights.clone(),
            files: self.files.clone(),
        };
        Some(two)
    }

    /// Weight of a sample; 1 if no weights were given.
    pub(super) fn weight(&self, sample: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[sample])
    }

    fn check_each(&self, what: &'static str, found: usize) -> Result<()> {
        let expected = self.labels.len();
        if expected == found {
            return Ok(());
        }
        Err(Error::LabelCount {
            what,
            expected,
            found,
        })
    }
}

/// Refuses no labels, and more than have names and matrices in memory.
pub(crate) fn check_labels(labels: usize) -> Result<()> {
    if (1..=MAX_CLASSES).contains(&labels) {
        return Ok(());
    }
    Err(Error::setting("number of labels", labels, "1 to 25,000"))
}

/// Refuses two labels of the same name.
pub(crate) fn check_names(names: &[String]) -> Result<()> {
    check_distinct(names).map_err(|_| {
        let mut seen = HashSet::new();
        let twice = names.iter().find(|name| !seen.insert(name.as_str()));
        let name = twice.cloned().unwrap_or_default();
        Error::DuplicateLabel { name }
    })
}

/// Refuses a row that has not one value for each label.
pub(crate) fn check_row(
    place: Place,
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let reason = format!("expected {expected} {what}, one for each label, found {found}");
    Err(Error::Parse { place, reason })
}

/// Refuses what is no probability.
pub(crate) fn check_probabilities(place: Place, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !(0.0..=1.0).contains(value)) {
        None => Ok(()),
        Some(label) => Err(Error::Parse {
            place,
            reason: format!(
                "probability of label {label} is {}; expected a number from 0 to 1 (apply the sigmoid function to scores \
                 such as logits first)",
                values[label]
            ),
        }),
    }
}
