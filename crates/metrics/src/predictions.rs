use std::collections::HashSet;

use crate::{ConfusionMatrix, Error, Place, Result, Summary};

/// How far from one the probabilities of a row may sum; `f32` softmax stays well within.
pub(crate) const SUM_TOLERANCE: f64 = 1e-5;

/// What was true and what was said, checked once: all else in this crate starts here.
///
/// Holds `n` samples over `k` classes: a target each, and probabilities `[n, k]` or, where a tool gives
/// nothing more, hard classes. Weights, file names and class names are optional.
///
/// Checked on the way in: equal lengths, class indices below `k`, probabilities finite, within 0 and 1,
/// and summing to one within `1e-5`; at most [`Predictions::MAX_CLASSES`] classes. They are kept as given, not normalised again.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    pub(crate) classes: Vec<String>,
    pub(crate) targets: Vec<usize>,
    pub(crate) predicted: Vec<usize>,
    pub(crate) probabilities: Option<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) files: Option<Vec<String>>,
}

impl Predictions {
    /// The most classes there may be: room for the 21,841 of ImageNet, and a confusion matrix of 5 GB.
    pub const MAX_CLASSES: usize = 25_000;

    /// From one row of probabilities a sample; the class said is the most probable one, at a tie the first.
    ///
    /// # Errors
    /// Names the first row that is not as [`Predictions`] demands.
    pub fn new(targets: Vec<usize>, probabilities: Vec<Vec<f64>>) -> Result<Self> {
        let k = probabilities.first().ok_or(Error::Empty)?.len();
        let mut flat = Vec::with_capacity(probabilities.len().saturating_mul(k));
        for (row, values) in probabilities.into_iter().enumerate() {
            check_columns(Place::Row(row), k, values.len())?;
            flat.extend(values);
        }
        Self::from_flat(targets, flat, k)
    }

    /// From probabilities `[n, classes]` in one vector, row after row.
    ///
    /// # Errors
    /// As [`Predictions::new`]; also where the vector is not `n * classes` long.
    pub fn from_flat(targets: Vec<usize>, probabilities: Vec<f64>, classes: usize) -> Result<Self> {
        if classes == 0 {
            return Err(Error::NoClasses);
        }
        if targets.is_empty() {
            return Err(Error::Empty);
        }
        check_flat(targets.len(), probabilities.len(), classes)?;
        let mut predicted = Vec::with_capacity(targets.len());
        for (row, values) in probabilities.chunks_exact(classes).enumerate() {
            check_probabilities(Place::Row(row), values)?;
            predicted.push(argmax(values));
        }
        Self::checked(targets, predicted, Some(probabilities), classes)
    }

    /// From hard classes, where no probabilities are known; what needs them is then `None` or an error.
    ///
    /// # Errors
    /// Where lengths differ or a class is out of range, or there are too many classes.
    pub fn from_classes(
        targets: Vec<usize>,
        predicted: Vec<usize>,
        classes: usize,
    ) -> Result<Self> {
        if classes == 0 {
            return Err(Error::NoClasses);
        }
        if targets.is_empty() {
            return Err(Error::Empty);
        }
        check_length("predicted classes", targets.len(), predicted.len())?;
        Self::checked(targets, predicted, None, classes)
    }

    fn checked(
        targets: Vec<usize>,
        predicted: Vec<usize>,
        probabilities: Option<Vec<f64>>,
        classes: usize,
    ) -> Result<Self> {
        check_classes(classes)?;
        for (what, column) in [("the target", &targets), ("the prediction", &predicted)] {
            for (row, &class) in column.iter().enumerate() {
                check_class(Place::Row(row), what, class, classes)?;
            }
        }
        Ok(Self {
            classes: (0..classes).map(|class| class.to_string()).collect(),
            targets,
            predicted,
            probabilities,
            weights: None,
            files: None,
        })
    }

    /// Names the classes; default: their indices.
    ///
    /// # Errors
    /// Where there is not one name for each class, or a name is given twice.
    pub fn with_classes<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.classes.len() {
            return Err(Error::ClassCount {
                expected: self.classes.len(),
                found: names.len(),
            });
        }
        check_distinct(&names)?;
        self.classes = names;
        Ok(self)
    }

    /// Weighs the samples; default: each counts 1.
    ///
    /// # Errors
    /// Where there is not one weight for each sample, one is negative or not finite, or all are 0.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self> {
        check_length("weights", self.len(), weights.len())?;
        for (row, &value) in weights.iter().enumerate() {
            check_weight(Place::Row(row), value)?;
        }
        if weights.iter().all(|&weight| weight == 0.0) {
            return Err(Error::NoWeight);
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// Names the samples, usually by file.
    ///
    /// # Errors
    /// Where there is not one name for each sample.
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
    #[allow(clippy::len_without_is_empty)] // never empty: the constructors refuse that
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Names of the classes, in the order of their indices.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// True class of each sample.
    pub fn targets(&self) -> &[usize] {
        &self.targets
    }

    /// Class said of each sample: the most probable one, or the hard class that was given.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// Probabilities `[n, k]`, row after row; `None` where only hard classes are known.
    pub fn probabilities(&self) -> Option<&[f64]> {
        self.probabilities.as_deref()
    }

    /// Probabilities of one sample; `None` where there is no such sample or only hard classes are known.
    pub fn row(&self, sample: usize) -> Option<&[f64]> {
        let k = self.classes.len();
        self.probabilities
            .as_ref()?
            .get(sample.checked_mul(k)?..)?
            .get(..k)
    }

    /// Weights, where given.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Names of the samples, where given.
    pub fn files(&self) -> Option<&[String]> {
        self.files.as_deref()
    }

    /// Samples whose predicted class is not the target.
    pub fn mistakes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|&i| self.targets[i] != self.predicted[i])
    }

    /// How often each class was taken for which, counted with the weights.
    pub fn confusion(&self) -> ConfusionMatrix {
        ConfusionMatrix::of(self)
    }

    /// Precision, recall and F1 for each class and averaged, printable as scikit-learn's
    /// `classification_report` prints them.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// Appends the samples of `other`: parts that are merged equal the whole.
    ///
    /// # Errors
    /// Where the classes differ, or only one of the two has probabilities, weights or file names.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        fn append<T: Clone>(
            what: &'static str,
            first: &mut Option<Vec<T>>,
            second: Option<&Vec<T>>,
        ) -> Result<()> {
            match (first, second) {
                (Some(first), Some(second)) => first.extend_from_slice(second),
                (None, None) => {}
                (first, _) => {
                    let (a, b) = if first.is_some() {
                        ("given", "missing")
                    } else {
                        ("missing", "given")
                    };
                    return Err(Error::Mismatch {
                        what,
                        first: a.into(),
                        second: b.into(),
                    });
                }
            }
            Ok(())
        }
        if self.classes != other.classes {
            return Err(Error::Mismatch {
                what: "classes",
                first: self.classes.join(", "),
                second: other.classes.join(", "),
            });
        }
        let mut whole = self.clone();
        append(
            "probabilities",
            &mut whole.probabilities,
            other.probabilities.as_ref(),
        )?;
        append("weights", &mut whole.weights, other.weights.as_ref())?;
        append("file names", &mut whole.files, other.files.as_ref())?;
        whole.targets.extend_from_slice(&other.targets);
        whole.predicted.extend_from_slice(&other.predicted);
        *self = whole;
        Ok(())
    }

    /// The same samples with other probabilities, known to be sound.
    pub(crate) fn with_probabilities(&self, probabilities: Vec<f64>) -> Self {
        let predicted = probabilities
            .chunks_exact(self.classes.len())
            .map(argmax)
            .collect();
        Self {
            predicted,
            probabilities: Some(probabilities),
            ..self.clone()
        }
    }

    /// Some of the samples, each as often as it is named; all indices must exist.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref().map(|all| {
            let mut chosen = Vec::with_capacity(rows.len() * k);
            for &row in rows {
                chosen.extend_from_slice(&all[row * k..(row + 1) * k]);
            }
            chosen
        });
        Self {
            classes: self.classes.clone(),
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
            predicted: rows.iter().map(|&row| self.predicted[row]).collect(),
            probabilities,
            weights: self
                .weights
                .as_ref()
                .map(|all| rows.iter().map(|&row| all[row]).collect()),
            // Names take no part in any number; a resample does without them.
            files: None,
        }
    }

    /// Probability of one class for each sample; `None` where only hard classes are known.
    pub(crate) fn column(&self, class: usize) -> Option<Vec<f64>> {
        let all = self.probabilities.as_ref()?;
        let values = all.iter().skip(class).step_by(self.classes.len());
        Some(values.copied().collect())
    }

    /// Weight of a sample; 1 where no weights were given.
    pub(crate) fn weight(&self, sample: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[sample])
    }
}

/// Index of the largest value, at a tie the first: as `numpy.argmax`.
pub(crate) fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = index;
        }
    }
    best
}

/// Refuses a number of classes for which names and matrices would take all memory.
pub(crate) fn check_classes(classes: usize) -> Result<()> {
    match classes {
        0 => Err(Error::NoClasses),
        1..=Predictions::MAX_CLASSES => Ok(()),
        _ => Err(Error::Option {
            option: "number of classes",
            value: classes.to_string(),
            expected: "1 to 25,000",
        }),
    }
}

pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

/// Whether probabilities in one vector are a row for each target; there is at least one class.
pub(crate) fn check_flat(targets: usize, probabilities: usize, classes: usize) -> Result<()> {
    if !probabilities.is_multiple_of(classes) {
        return Err(Error::Ragged {
            classes,
            found: probabilities,
        });
    }
    check_length("rows of probabilities", targets, probabilities / classes)
}

pub(crate) fn check_columns(place: Place, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Columns {
            place,
            expected,
            found,
        })
    }
}

pub(crate) fn check_class(
    place: Place,
    what: &'static str,
    class: usize,
    classes: usize,
) -> Result<()> {
    if class < classes {
        Ok(())
    } else {
        Err(Error::Class {
            place,
            what,
            class,
            classes,
        })
    }
}

pub(crate) fn check_weight(place: Place, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::Weight { place, value })
    }
}

pub(crate) fn check_probabilities(place: Place, values: &[f64]) -> Result<()> {
    let mut sum = 0.0;
    for (class, &value) in values.iter().enumerate() {
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Probability {
                place,
                class,
                value,
            });
        }
        sum += value;
    }
    if (sum - 1.0).abs() <= SUM_TOLERANCE {
        Ok(())
    } else {
        Err(Error::Sum {
            place,
            sum,
            tolerance: SUM_TOLERANCE,
        })
    }
}

pub(crate) fn check_distinct(names: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(names.len());
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(Error::DuplicateClass { name: name.clone() }),
        None => Ok(()),
    }
}
