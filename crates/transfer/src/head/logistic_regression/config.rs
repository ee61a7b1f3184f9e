use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Logistic regression with an L2 penalty, fitted to its optimum. It is the default recipe, because it gives the best
/// accuracy on new images. The optimum is that of scikit-learn 1.9's `LogisticRegression`. The strength of the penalty
/// is chosen by cross-validation on training and validation images together, and the head is then fitted on all of
/// them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogisticRegression {
    #[serde(alias = "regularisation")]
    pub(crate) regularization: Vec<f64>,
    pub(crate) folds: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) fold_of: Option<Vec<usize>>,
    pub(crate) tolerance: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self::new()
    }
}

impl LogisticRegression {
    /// The defaults: `C` from 1e-4 to 100 with two values per decade, 5 stratified folds, tolerance 1e-7.
    pub fn new() -> Self {
        Self {
            regularization: vec![
                1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0,
            ],
            folds: 5,
            fold_of: None,
            tolerance: 1e-7,
        }
    }

    /// The values of `C`, the inverse of the regularization strength, to choose from. They are tried in ascending order
    /// until the log loss has risen twice in a row. With three classes or more, all are tried on the first fold, and those
    /// whose log loss is higher there by more than four standard errors of the difference are not tried on the others.
    /// With a single value, and class weights other than `Auto`, there is
    /// nothing to choose and no cross-validation.
    pub fn with_regularization(mut self, c: impl Into<Vec<f64>>) -> Self {
        self.regularization = c.into();
        self
    }

    /// The number of folds, at least 2; default 5. If a class has fewer images, there are as many folds as it has
    /// images.
    pub fn with_folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The fold of each image, numbered from 0: first those of the training images, then those of the validation
    /// images. They replace the random folds, for example to keep images together that show the same object.
    pub fn with_fold_of(mut self, fold_of: Vec<usize>) -> Self {
        self.fold_of = Some(fold_of);
        self
    }

    /// The final fit ends when no entry of the gradient of the mean loss is larger in magnitude than this; default 1e-7
    /// (scikit-learn's `tol` is 1e-4). The fits of the folds end at 1e-4, with three classes or more at 1e-4 divided by the
    /// number of classes, or at this value if it is larger.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    pub(in crate::head) fn check(&self, images: usize) -> Result<()> {
        if self.regularization.is_empty() {
            return Err(Error::setting("regularization", "[]", "at least one value"));
        }
        if let Some(c) = self
            .regularization
            .iter()
            .find(|c| !(**c > 0.0 && c.is_finite()))
        {
            return Err(Error::setting("regularization", c, "positive numbers"));
        }
        if self.folds < 2 {
            return Err(Error::setting("folds", self.folds, "2 or more"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::setting(
                "tolerance",
                self.tolerance,
                "between 0 and 1, both excluded",
            ));
        }
        if let Some(fold_of) = &self.fold_of
            && fold_of.len() != images
        {
            return Err(Error::mismatch("images with a fold", images, fold_of.len()));
        }
        Ok(())
    }
}
