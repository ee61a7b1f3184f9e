use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
use crate::embeddings::class_counts;
use crate::error::{Error, Result};

/// How much the training images of each class count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ClassWeights {
    /// [`LogisticRegression`](crate::head::LogisticRegression) tries `None` and, where a class has more than 1.2 times as
    /// many images as another, `Balanced`, and uses the one with the lower cross-validated log loss;
    /// [`GradientDescent`](crate::head::GradientDescent) uses `None`.
    Auto,
    /// Every image counts the same.
    None,
    /// `images / (classes * images of the class)`, as in scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// One positive number per class.
    Given(Vec<f64>),
}

impl ClassWeights {
    pub(super) fn check(&self, classes: usize) -> Result<()> {
        let Self::Given(weights) = self else {
            return Ok(());
        };
        if weights.len() != classes {
            return Err(Error::mismatch("class weights", classes, weights.len()));
        }
        match weights.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
            Some(weight) => Err(Error::setting(
                "class_weights",
                weight,
                "a positive number for each class",
            )),
            None => Ok(()),
        }
    }

    #[cfg(feature = "train")]
    /// The weight of an image of each class, for images with these targets.
    pub(super) fn per_class(&self, targets: &[usize], classes: usize) -> Vec<f64> {
        match self {
            Self::Auto | Self::None => vec![1.0; classes],
            Self::Given(weights) => weights.clone(),
            Self::Balanced => class_counts(targets, classes)
                .into_iter()
                .map(|count| targets.len() as f64 / (classes * count.max(1)) as f64)
                .collect(),
        }
    }
}
