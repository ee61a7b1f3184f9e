use serde::{Deserialize, Serialize};

use super::class_weights::ClassWeights;
use super::gradient_descent::config::GradientDescent;
use super::logistic_regression::config::LogisticRegression;
use crate::error::{Error, Result};

/// Settings for the training of a head: the recipe, the class weights, label smoothing and the seed.
/// [`training`](Self::training) starts a training.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::{Embeddings, Fitted, HeadConfig};
/// let values: Vec<f32> = (0..40).map(|i| (i % 10) as f32 + if i < 20 { 8.0 } else { 0.0 }).collect();
/// let set = Embeddings::new(values, 2, (0..20).map(|i| usize::from(i >= 10)).collect())?;
/// let Fitted { head, report } = HeadConfig::new().training(&set).fit()?;
/// assert_eq!((head.dim(), head.classes()), (2, 2));
/// assert!(report.chosen().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeadConfig {
    pub(crate) recipe: Recipe,
    pub(crate) class_weights: ClassWeights,
    pub(crate) label_smoothing: f64,
    pub(crate) seed: u64,
}

/// The ways to train a head, with their settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Recipe {
    /// Multinomial logistic regression to its optimum, with the regularization chosen by cross-validation.
    #[serde(rename = "converged")]
    LogisticRegression(LogisticRegression),
    /// A number of gradient steps on batches, as `retrain.py` does, or with a hidden layer.
    #[serde(rename = "steps")]
    GradientDescent(GradientDescent),
}

impl From<LogisticRegression> for Recipe {
    fn from(config: LogisticRegression) -> Self {
        Self::LogisticRegression(config)
    }
}

impl From<GradientDescent> for Recipe {
    fn from(config: GradientDescent) -> Self {
        Self::GradientDescent(config)
    }
}

impl Default for HeadConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl HeadConfig {
    /// The defaults: [`LogisticRegression`], class weights [`Auto`](ClassWeights::Auto), no label smoothing, seed 0.
    pub fn new() -> Self {
        Self {
            recipe: LogisticRegression::new().into(),
            class_weights: ClassWeights::Auto,
            label_smoothing: 0.0,
            seed: 0,
        }
    }

    /// The recipe; default [`LogisticRegression`].
    pub fn with_recipe(mut self, recipe: impl Into<Recipe>) -> Self {
        self.recipe = recipe.into();
        self
    }

    /// How much the training images of each class count; default [`ClassWeights::Auto`].
    pub fn with_class_weights(mut self, weights: ClassWeights) -> Self {
        self.class_weights = weights;
        self
    }

    /// The share of each target's probability that is spread over all classes, from 0 (the default, no smoothing) up to,
    /// not including, 1.
    pub fn with_label_smoothing(mut self, share: f64) -> Self {
        self.label_smoothing = share;
        self
    }

    /// The seed of all random numbers (folds; initial weights, batches, dropout); default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The seed of everything random.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(super) fn check(&self, classes: usize) -> Result<()> {
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(Error::setting(
                "label_smoothing",
                self.label_smoothing,
                "from 0 up to, not including, 1",
            ));
        }
        self.class_weights.check(classes)
    }
}
