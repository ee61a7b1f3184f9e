use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::steps::Start;
use super::{Checkpoint, FitEvent, FitReport, Head, converged, steps};
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
#[serde(rename_all = "kebab-case")]
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

/// The optimum of a penalised logistic regression: the default, chosen for what it gives on images it has not
/// seen. Same optimum as scikit-learn 1.9's `LogisticRegression`; training and validation images are used
/// together, cross-validated, and the result is fitted on all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConvergedConfig {
    pub(crate) regularisation: Vec<f64>,
    pub(crate) folds: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) fold_of: Option<Vec<usize>>,
    pub(crate) tolerance: f64,
}

/// Gradient steps on batches: `retrain.py`'s recipe ([`parity`](Self::parity)), or a hidden layer with dropout
/// ([`hidden`](Self::hidden)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepsConfig {
    pub(crate) hidden: Option<usize>,
    pub(crate) dropout: f32,
    pub(crate) optimiser: Optimiser,
    pub(crate) learning_rate: f32,
    pub(crate) weight_decay: f32,
    pub(crate) sampling: Sampling,
    pub(crate) batch: usize,
    pub(crate) steps: usize,
    pub(crate) eval_interval: usize,
    pub(crate) validation_batch: Option<usize>,
    pub(crate) patience: Option<usize>,
}

/// How a step changes the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// Plain stochastic gradient descent.
    Sgd,
    /// Adam (Kingma and Ba 2015; 0.9, 0.999, 1e-8) with decoupled weight decay (Loshchilov and Hutter 2019).
    Adam,
}

/// How a batch is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// A class at random, then an image of it, with replacement: `retrain.py`'s way.
    Balanced,
    /// Each image once before any comes again, in a new order each time.
    Shuffled,
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
    /// class is added to it without starting over. The converged recipe, whose optimum does not depend on where the
    /// search starts, does as [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and where the head has another shape than the recipe, or more classes.
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
    /// let (head, _) = config.fit_from(&head, &three, &none, |_| ControlFlow::Continue(()))?;
    /// assert_eq!(head.classes(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fit_from(
        &self,
        head: &Head,
        training: &Embeddings,
        validation: &Embeddings,
        watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Head, FitReport)> {
        let start = Start {
            head: Some(head),
            checkpoint: None,
        };
        self.run(training, validation, start, watch)
    }

    /// [`fit_with`](Self::fit_with), going on where an earlier call with the same images, recipe and seed was
    /// stopped, and ending in the same bytes. The converged recipe, which takes seconds, starts anew each time.
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
            head: None,
            checkpoint: Some(checkpoint),
        };
        self.run(training, validation, start, watch)
    }

    fn run(
        &self,
        training: &Embeddings,
        validation: &Embeddings,
        start: Start<'_>,
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

impl Default for ConvergedConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ConvergedConfig {
    /// Inverse regularisation `C` from 1e-4 to 100, two values a decade; 5 stratified folds; tolerance 1e-7.
    pub fn new() -> Self {
        Self {
            regularisation: vec![
                1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0,
            ],
            folds: 5,
            fold_of: None,
            tolerance: 1e-7,
        }
    }

    /// The values of `C` to choose from. They are tried from the smallest up, and no further once the log loss
    /// has risen twice in a row. With one value (and class weights other than `Auto`) nothing is chosen.
    pub fn with_regularisation(mut self, c: impl Into<Vec<f64>>) -> Self {
        self.regularisation = c.into();
        self
    }

    /// How many folds; default 5. A class with fewer images lowers it.
    pub fn with_folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The fold of each image, training images first, then those for validation, in place of folds drawn at
    /// random: for images that belong together.
    pub fn with_fold_of(mut self, fold_of: Vec<usize>) -> Self {
        self.fold_of = Some(fold_of);
        self
    }

    /// The largest entry of the gradient of the mean loss at which the final fit ends; default 1e-7
    /// (scikit-learn's `tol` is 1e-4). The folds' fits end at 1e-4, or here if that is larger.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    fn check(&self, images: usize) -> Result<()> {
        if self.regularisation.is_empty() {
            return Err(setting("regularisation", "[]", "at least one value"));
        }
        if let Some(c) = self
            .regularisation
            .iter()
            .find(|c| !(**c > 0.0 && c.is_finite()))
        {
            return Err(setting("regularisation", c, "positive numbers"));
        }
        if self.folds < 2 {
            return Err(setting("folds", self.folds, "2 or more"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(setting(
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

impl StepsConfig {
    /// What `retrain.py` did: 4000 steps of plain gradient descent at 0.01 on batches of 100, a class drawn at
    /// random, then an image of it; every 10 steps accuracy and cross-entropy on the batch and on 100 drawn
    /// validation images. Weights start from a truncated normal distribution of deviation 0.001.
    pub fn parity() -> Self {
        Self {
            hidden: None,
            dropout: 0.0,
            optimiser: Optimiser::Sgd,
            learning_rate: 0.01,
            weight_decay: 0.0,
            sampling: Sampling::Balanced,
            batch: 100,
            steps: 4000,
            eval_interval: 10,
            validation_batch: Some(100),
            patience: None,
        }
    }

    /// A hidden layer of `units` with ReLU and dropout 0.5: at most 2000 steps of Adam at 0.001, weight decay
    /// 0.01, batches of 100 shuffled images; every 20 steps a look at all validation images, over after 10 looks
    /// that did not lower their cross-entropy, and the best weights kept.
    pub fn hidden(units: usize) -> Self {
        Self {
            hidden: Some(units),
            dropout: 0.5,
            optimiser: Optimiser::Adam,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            sampling: Sampling::Shuffled,
            batch: 100,
            steps: 2000,
            eval_interval: 20,
            validation_batch: None,
            patience: Some(10),
        }
    }

    /// Units of the hidden layer, or none.
    pub fn with_hidden(mut self, units: Option<usize>) -> Self {
        self.hidden = units;
        self
    }

    /// The share of hidden units left out at random in each step, from 0 up to, not including, 1.
    pub fn with_dropout(mut self, share: f32) -> Self {
        self.dropout = share;
        self
    }

    /// How a step changes the weights.
    pub fn with_optimiser(mut self, optimiser: Optimiser) -> Self {
        self.optimiser = optimiser;
        self
    }

    /// Step size.
    pub fn with_learning_rate(mut self, rate: f32) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Decoupled weight decay: each step takes `learning_rate * decay` of every weight (not of the biases).
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// How a batch is drawn.
    pub fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Images a batch.
    pub fn with_batch(mut self, images: usize) -> Self {
        self.batch = images;
        self
    }

    /// Number of steps.
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Steps between two looks at accuracy and cross-entropy.
    pub fn with_eval_interval(mut self, steps: usize) -> Self {
        self.eval_interval = steps;
        self
    }

    /// Validation images drawn for each look; `None` takes all, and so does early stopping.
    pub fn with_validation_batch(mut self, images: Option<usize>) -> Self {
        self.validation_batch = images;
        self
    }

    /// Ends after so many looks without a lower cross-entropy on the validation images, with the best weights.
    pub fn with_patience(mut self, looks: Option<usize>) -> Self {
        self.patience = looks;
        self
    }

    fn check(&self, validation: &Embeddings) -> Result<()> {
        let one_or_more = |name, value: usize| {
            if value == 0 {
                Err(setting(name, value, "1 or more"))
            } else {
                Ok(())
            }
        };
        one_or_more("batch", self.batch)?;
        one_or_more("steps", self.steps)?;
        one_or_more("eval_interval", self.eval_interval)?;
        one_or_more("hidden", self.hidden.unwrap_or(1))?;
        one_or_more("patience", self.patience.unwrap_or(1))?;
        one_or_more("validation_batch", self.validation_batch.unwrap_or(1))?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(setting(
                "dropout",
                self.dropout,
                "from 0 up to, not including, 1",
            ));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(setting(
                "learning_rate",
                self.learning_rate,
                "a positive number",
            ));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(setting("weight_decay", self.weight_decay, "0 or more"));
        }
        if self.patience.is_some() && validation.is_empty() {
            return Err(Error::mismatch(
                "validation images for early stopping",
                "at least 1",
                0,
            ));
        }
        Ok(())
    }
}

fn setting(setting: &'static str, value: impl ToString, hint: &'static str) -> Error {
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
