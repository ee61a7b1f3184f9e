use crate::checks::{
    MAX_CLASSES, check_all_weights, check_class, check_classes, check_columns, check_distinct,
    check_flat, check_length, check_probabilities, check_samples, check_weights,
};
use crate::error::{Error, Place, Result};
use crate::numeric::argmax;

/// The targets and the predictions of `n` samples over `k` classes. Everything else in this crate starts from them.
///
/// Each sample has a target (the index of its true class) and `k` probabilities, or only a predicted class if no
/// probabilities are known. Weights, file names and class names are optional.
///
/// The constructors check that all lengths agree, that class indices are below `k`, and that the probabilities of each
/// sample are finite, from 0 to 1, and sum to one within `1e-5`. They are not normalized again. There are at most
/// [`Predictions::MAX_CLASSES`] classes and 2^31 samples.
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
    /// The largest number of classes: 25,000, which is more than the 21,841 of ImageNet-21k. A confusion matrix with so
    /// many classes takes up to 5 GB.
    pub const MAX_CLASSES: usize = MAX_CLASSES;

    /// Makes predictions from one row of probabilities for each sample. The predicted class is the most probable one,
    /// and the first of them at a tie.
    ///
    /// # Errors
    /// If a check described at [`Predictions`] fails; the error names the first such row.
    pub fn new(targets: Vec<usize>, probabilities: Vec<Vec<f64>>) -> Result<Self> {
        let k = probabilities.first().ok_or(Error::Empty)?.len();
        let mut flat = Vec::with_capacity(probabilities.len().saturating_mul(k));
        for (row, values) in probabilities.into_iter().enumerate() {
            check_columns(Place::Row(row), k, values.len())?;
            flat.extend(values);
        }
        Self::from_flat(targets, flat, k)
    }

    /// Makes predictions from probabilities `[n, classes]` in one vector, row after row.
    ///
    /// # Errors
    /// The errors of [`Predictions::new`], and if the length of `probabilities` is not `n * classes`.
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

    /// Makes predictions from predicted classes, if no probabilities are known. Metrics that need probabilities are
    /// then `None` or an error.
    ///
    /// # Errors
    /// If lengths differ, a class is out of range, or there are no samples, no classes or too many classes.
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
        check_samples(targets.len())?;
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

    /// Sets the names of the classes; the default is their indices.
    ///
    /// # Errors
    /// If there is not one name for each class, or a name is given twice.
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

    /// Sets the weights of the samples; by default each sample has weight 1.
    ///
    /// # Errors
    /// If there is not one weight for each sample, one of them is negative or not finite, all are 0, or their sum is
    /// more than 1e75.
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

    /// Predicted class of each sample: the most probable one, or the class that was given.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// Probabilities `[n, k]`, row after row; `None` if only the predicted classes are known.
    pub fn probabilities(&self) -> Option<&[f64]> {
        self.probabilities.as_deref()
    }

    /// The `k` probabilities of one sample; `None` if the sample does not exist or only the predicted classes are
    /// known.
    pub fn row(&self, sample: usize) -> Option<&[f64]> {
        let k = self.classes.len();
        self.probabilities
            .as_ref()?
            .get(sample.checked_mul(k)?..)?
            .get(..k)
    }

    /// Weight of each sample, if weights were given.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Name of each sample, if names were given.
    pub fn files(&self) -> Option<&[String]> {
        self.files.as_deref()
    }

    /// Name of one sample: its file name if names were given, otherwise `sample` and its index.
    pub fn name(&self, sample: usize) -> String {
        let file = self.files.as_ref().and_then(|files| files.get(sample));
        file.cloned().unwrap_or_else(|| format!("sample {sample}"))
    }

    /// Indices of the samples whose predicted class is not the target.
    pub fn mistakes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|&i| self.targets[i] != self.predicted[i])
    }

    /// Appends the samples of `other`. Predictions that are merged from parts equal predictions that were made at once.
    ///
    /// # Errors
    /// If the classes differ, if only one of the two has probabilities, weights or file names, or if the sum of all
    /// weights is more than 1e75. After an error the predictions are unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        fn append<T: Clone>(first: &mut Option<Vec<T>>, second: Option<&Vec<T>>) {
            if let (Some(first), Some(second)) = (first, second) {
                first.extend_from_slice(second);
            }
        }
        if self.classes != other.classes {
            return Err(Error::Mismatch {
                what: "classes",
                first: self.classes.join(", "),
                second: other.classes.join(", "),
            });
        }
        for (what, first, second) in [
            (
                "probabilities",
                self.probabilities.is_some(),
                other.probabilities.is_some(),
            ),
            ("weights", self.weights.is_some(), other.weights.is_some()),
            ("file names", self.files.is_some(), other.files.is_some()),
        ] {
            if first != second {
                let word = |given| if given { "given" } else { "missing" };
                return Err(Error::Mismatch {
                    what,
                    first: word(first).into(),
                    second: word(second).into(),
                });
            }
        }
        check_samples(self.len() + other.len())?;
        let weights = self.weights.iter().chain(&other.weights);
        check_weights(weights.flatten().sum())?;
        append(&mut self.probabilities, other.probabilities.as_ref());
        append(&mut self.weights, other.weights.as_ref());
        append(&mut self.files, other.files.as_ref());
        self.targets.extend_from_slice(&other.targets);
        self.predicted.extend_from_slice(&other.predicted);
        Ok(())
    }

    /// The samples whose indices are in `rows`, in that order, with their weights and names.
    ///
    /// # Errors
    /// If `rows` is empty, an index is out of range, or all weights of these samples are 0.
    ///
    /// ```
    /// # use metrics::Predictions;
    /// # fn main() -> Result<(), metrics::Error> {
    /// let all = Predictions::from_classes(vec![0, 1, 1], vec![0, 0, 1], 2)?.with_files(["a", "b", "c"])?;
    /// let some = all.subset(&[2, 0])?;
    /// assert_eq!((some.targets(), some.name(0)), (&[1, 0][..], "c".to_string()));
    /// assert!(all.subset(&[]).is_err() && all.subset(&[3]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn subset(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            let expected = format!("below {}", self.len());
            return Err(Error::setting("row", row, expected));
        }
        let mut some = self.select(rows);
        if let Some(weights) = some.weights.take() {
            some = some.with_weights(weights)?;
        }
        let files = self.files.as_ref();
        some.files = files.map(|files| rows.iter().map(|&row| files[row].clone()).collect());
        Ok(some)
    }

    /// The same samples with other probabilities, which the caller has checked.
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

    /// Some of the samples, each as often as its index is given; all indices must exist.
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
            // No metric depends on the names, so a resample has none.
            files: None,
        }
    }

    /// The samples of each class.
    pub(crate) fn strata(&self) -> Vec<Vec<usize>> {
        let mut strata = vec![Vec::new(); self.classes.len()];
        for (sample, &target) in self.targets.iter().enumerate() {
            strata[target].push(sample);
        }
        strata
    }

    /// Probability of one class for each sample; `None` if only the predicted classes are known.
    pub(crate) fn column(&self, class: usize) -> Option<Vec<f64>> {
        let all = self.probabilities.as_ref()?;
        let values = all.iter().skip(class).step_by(self.classes.len());
        Some(values.copied().collect())
    }

    /// Weight of a sample; 1 if no weights were given.
    pub(crate) fn weight(&self, sample: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[sample])
    }

    /// Probabilities `[n, k]`.
    ///
    /// # Errors
    /// If only the predicted classes are known; the error says that `what` needs them.
    pub(crate) fn probabilities_for(&self, what: &'static str) -> Result<&[f64]> {
        self.probabilities().ok_or(Error::NoProbabilities { what })
    }

    /// Whether each sample belongs to the class.
    pub(crate) fn positives(&self, class: usize) -> Vec<bool> {
        self.targets.iter().map(|&target| target == class).collect()
    }
}
