use crate::error::Result;
use crate::predictions::Predictions;

/// A set of classes for each of some samples.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionSets {
    classes: Vec<String>,
    included: Vec<bool>,
}

impl PredictionSets {
    pub(super) fn new(classes: Vec<String>, included: Vec<bool>) -> Self {
        Self { classes, included }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.included.len() / self.classes.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.included.is_empty()
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether each class is in the set of each sample: `[n, k]`, row after row.
    pub fn included(&self) -> &[bool] {
        &self.included
    }

    /// The classes in the set of a sample, in their order; none for a sample that does not exist.
    pub fn set(&self, sample: usize) -> impl Iterator<Item = usize> {
        let k = self.classes.len();
        let row = self.included.chunks_exact(k).nth(sample);
        let row = row.unwrap_or_default().iter().enumerate();
        row.filter(|(_, included)| **included)
            .map(|(class, _)| class)
    }

    /// Number of classes in the set of each sample.
    pub fn sizes(&self) -> Vec<usize> {
        let rows = self.included.chunks_exact(self.classes.len());
        rows.map(|row| row.iter().filter(|&&included| included).count())
            .collect()
    }

    /// The samples of these predictions whose target is not in their set.
    ///
    /// # Errors
    /// If the numbers of samples or classes differ.
    pub fn misses(&self, predictions: &Predictions) -> Result<Vec<usize>> {
        self.check_targets(predictions.targets())?;
        let samples = predictions.targets().iter().enumerate();
        let missed = samples.filter(|&(sample, &target)| !self.holds(sample, target));
        Ok(missed.map(|(sample, _)| sample).collect())
    }

    pub(super) fn holds(&self, sample: usize, class: usize) -> bool {
        self.included[sample * self.classes.len() + class]
    }
}
