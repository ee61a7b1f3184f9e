use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::steps::Start;
use super::{
    Checkpoint, ConvergedConfig, FitEvent, FitReport, Head, StepsConfig, converged, steps,
};
use crate::{Embeddings, Error, Result};

/// How to train a head. Start from [`HeadConfig::new`].
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::{Embeddings, HeadConfig};
/// let values: Vec<f32> = (0..40).map(|i| (i % 10) as f32 + if i < 20 { 8.0 } else { 0.0 }).collect();
/// let set = Embeddings::new(values, 2, (0..20).map(|i| usize::from(i >= 10)).collect())?;
/// let none = Embeddings::new(vec![], 2, vec![])?;
/// let (head, report) = HeadConfig::new().fit(&set, &none)?;
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

/// The ways to train a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Recipe {
    /// Multinomial logistic regression to its optimum, regularisation chosen by cross-validation.
    Converged(ConvergedConfig),
    /// A number of gradient steps on batches.
    Steps(StepsConfig),
}

impl From<ConvergedConfig> for Recipe {
    fn from(config: ConvergedConfig) -> Self {
        Self::Converged(config)
    }
}

impl From<StepsConfig> for Recipe {
    fn from(config: StepsConfig) -> Self {
        Self::Steps(config)
    }
}

/// How much a training image of each class counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// The converged recipe tries `None` and `Balanced` and takes what cross-validation prefers; steps take `None`.
    Auto,
    /// Every image counts the same.
    None,
    /// `images / (classes * images of the class)`, as scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// One positive number a class.
    Given(Vec<f64>),
}

impl Default for HeadConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl HeadConfig {
    /// The [converged](ConvergedConfig) recipe, class weights [`Auto`](ClassWeights::Auto), no label smoothing,
    /// seed 0.
    pub fn new() -> Self {
        Self {
            recipe: ConvergedConfig::new().into(),
            class_weights: ClassWeights::Auto,
            label_smoothing: 0.0,
            seed: 0,
        }
    }

    /// Another recipe.
    pub fn with_recipe(mut self, recipe: impl Into<Recipe>) -> Self {
        self.recipe = recipe.into();
        self
    }

    /// How much an image of each class counts; default [`ClassWeights::Auto`].
    pub fn with_class_weights(mut self, weights: ClassWeights) -> Self {
        self.class_weights = weights;
        self
    }

    /// The share of each target that is spread over all classes, from 0 (default) up to, not including, 1.
    pub fn with_label_smoothing(mut self, share: f64) -> Self {
        self.label_smoothing = share;
        self
    }

    /// Seed of everything random (folds; weights at the start, batches, dropout); default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Trains a head.
    ///
    /// The converged recipe uses training and validation images together; steps train on `training` and use
    /// `validation` (which may be empty) for their log and for early stopping.
    ///
    /// # Errors
    /// If there are fewer than two classes, too few images, or a setting has no meaning.
    pub fn fit(&self, training: &Embeddings, validation: &Embeddings) -> Result<(Head, FitReport)> {
        self.fit_with(training, validation, |_| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit), with a look at each event; [`ControlFlow::Break`] ends the training, and the head is
    /// the best so far.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with(
        &self,
        training: &Embeddings,
        validation: &Embeddings,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        self.run(training, validation, Start::default(), watch)
    }

    /// [`fit_with`](Self::fit_with), from the weights of a trained head. It may have fewer classes than the targets: a
    /// class is added to it without starting over. Its classes are the first targets: where names decide,
    /// [`Classifier::head_for`](crate::Classifier::head_for) puts them in the right order. With a checkpoint it
    /// [goes on](Self::fit_resumable) where it was stopped. The converged recipe, whose optimum does not depend on where
    /// the search starts, does as [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_resumable`](Self::fit_resumable), and where the head has another shape than the recipe, or more classes.
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// use transfer::{Embeddings, HeadConfig, StepsConfig};
    /// # use std::ops::ControlFlow;
    /// let set = |classes: usize| {
    ///     let targets: Vec<usize> = (0..60).map(|i| i % classes).collect();
    ///     let values = targets.iter().flat_map(|&t| [0, 1, 2].map(|k| f32::from(u8::from(k == t))));
    ///     Embeddings::new(values.collect(), 3, targets.clone())
    /// };
    /// let (none, two, three) = (Embeddings::new(vec![], 3, vec![])?, set(2)?, set(3)?);
    /// let config = HeadConfig::new().with_recipe(StepsConfig::parity().with_learning_rate(0.5).with_steps(100));
    /// let (head, _) = config.fit(&two, &none)?;
    /// let (head, _) = config.fit_from(&head, &three, &none, None, |_| ControlFlow::Continue(()))?;
    /// assert_eq!(head.classes(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fit_from(
        &self,
        head: &Head,
        training: &Embeddings,
        validation: &Embeddings,
        checkpoint: Option<&Checkpoint>,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        let start = Start {
            head: Some(head),
            checkpoint,
            ..Start::default()
        };
        self.run(training, validation, start, watch)
    }

    /// [`fit_with`](Self::fit_with), going on where an earlier call with the same images, recipe and seed was
    /// stopped, and ending in the same bytes. Once what came out is saved, [remove](Checkpoint::remove) the checkpoint.
    /// The converged recipe, which takes seconds, has none and starts anew each time.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and where the file cannot be written or belongs to another training.
    pub fn fit_resumable(
        &self,
        training: &Embeddings,
        validation: &Embeddings,
        checkpoint: &Checkpoint,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        let start = Start {
            checkpoint: Some(checkpoint),
            ..Start::default()
        };
        self.run(training, validation, start, watch)
    }

    /// [`fit_with`](Self::fit_with), but each step learns from what `rows(step, images)` gives for it: embeddings
    /// `[images.len(), dim]` of these images of `training`, distorted anew
    /// ([`Backbone::embed_varied`](crate::Backbone::embed_varied)). With a checkpoint it
    /// [goes on](Self::fit_resumable) where it was stopped, if `rows` gives the same for the same step: what it depends
    /// on belongs into the [context](Checkpoint::with_context).
    ///
    /// # Errors
    /// As [`fit_resumable`](Self::fit_resumable), as `rows`, and with the converged recipe, which has no steps.
    pub fn fit_on_the_fly(
        &self,
        training: &Embeddings,
        validation: &Embeddings,
        checkpoint: Option<&Checkpoint>,
        mut rows: impl FnMut(usize, &[usize]) -> Result<Vec<f32>>,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        if let Recipe::Converged(_) = self.recipe {
            return Err(setting(
                "recipe",
                "converged",
                "distortions on the fly need a recipe of steps; for this one, embed variants",
            ));
        }
        let start = Start {
            checkpoint,
            fresh: Some(&mut rows),
            ..Start::default()
        };
        self.run(training, validation, start, watch)
    }

    fn run<'a>(
        &'a self,
        training: &'a Embeddings,
        validation: &Embeddings,
        start: Start<'a>,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        self.check(training, validation)?;
        match &self.recipe {
            Recipe::Converged(recipe) => {
                converged::fit(self, recipe, &training.concat(validation)?, watch)
            }
            Recipe::Steps(recipe) => steps::fit(self, recipe, training, validation, start, watch),
        }
    }

    fn check(&self, training: &Embeddings, validation: &Embeddings) -> Result<()> {
        if !validation.is_empty() && validation.dim() != training.dim() {
            return Err(Error::mismatch(
                "values of a validation embedding",
                training.dim(),
                validation.dim(),
            ));
        }
        let classes = training.classes();
        if classes < 2 {
            return Err(Error::mismatch("classes", "2 or more", classes));
        }
        if validation.classes() > classes {
            return Err(Error::mismatch(
                "targets of the validation images",
                format!("below {classes}"),
                validation.classes() - 1,
            ));
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(setting(
                "label_smoothing",
                self.label_smoothing,
                "from 0 up to, not including, 1",
            ));
        }
        if let ClassWeights::Given(weights) = &self.class_weights {
            if weights.len() != classes {
                return Err(Error::mismatch("class weights", classes, weights.len()));
            }
            if let Some(weight) = weights.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
                return Err(setting(
                    "class_weights",
                    weight,
                    "a positive number for each class",
                ));
            }
        }
        match &self.recipe {
            Recipe::Converged(recipe) => recipe.check(training.len() + validation.len()),
            Recipe::Steps(recipe) => recipe.check(validation),
        }
    }

    /// The weight of an image of each class.
    pub(crate) fn weights(choice: &ClassWeights, targets: &[usize], classes: usize) -> Vec<f64> {
        match choice {
            ClassWeights::Auto | ClassWeights::None => vec![1.0; classes],
            ClassWeights::Given(weights) => weights.clone(),
            ClassWeights::Balanced => counts(targets, classes)
                .into_iter()
                .map(|count| targets.len() as f64 / (classes * count.max(1)) as f64)
                .collect(),
        }
    }
}

pub(super) fn setting(setting: &'static str, value: impl ToString, hint: &'static str) -> Error {
    Error::Setting {
        setting,
        value: value.to_string(),
        hint,
    }
}

/// Images of each class.
pub(crate) fn counts(targets: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &target in targets {
        if let Some(count) = counts.get_mut(target) {
            *count += 1;
        }
    }
    counts
}
