use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use super::config::{HeadConfig, Recipe};
use super::gradient_descent::checkpoint::Checkpoint;
use super::network::Head;
use super::report::FitEvent;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

/// A source of training rows: `rows(step, images)` gives the embeddings `[images.len(), dim]` of these training images
/// for this step.
pub(super) type Rows<'a> = Box<dyn FnMut(usize, &[usize]) -> Result<Vec<f32>> + 'a>;

/// What is called with each event of a fit.
pub(super) type Watch<'a> = Box<dyn FnMut(FitEvent<'_>) -> ControlFlow<()> + 'a>;

/// The training of a head on some images. [`HeadConfig::training`] makes it, and [`fit`](Self::fit) runs it; the calls
/// between the two are optional.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use std::ops::ControlFlow;
/// use transfer::{Embeddings, Fitted, HeadConfig};
/// use transfer::head::{Checkpoint, GradientDescent};
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let values = (0..60).map(|i| i as f32 / 60.0).collect();
/// # let embeddings = Embeddings::new(values, 1, (0..60).map(|i| i / 30).collect())?;
/// let validation = embeddings.select(&[0, 20, 40]);
/// let checkpoint = Checkpoint::new(folder.path().join("head.checkpoint"));
/// let config = HeadConfig::new().with_recipe(GradientDescent::parity().with_steps(100));
/// let Fitted { head, report } = config
///     .training(&embeddings)
///     .validation(&validation)
///     .resume(&checkpoint)
///     .on_event(|event| {
///         println!("{event:?}");
///         ControlFlow::Continue(())
///     })
///     .fit()?;
/// assert_eq!((head.classes(), report.steps), (2, 100));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is trained before `fit` is called"]
pub struct HeadTraining<'a> {
    pub(super) config: &'a HeadConfig,
    pub(super) training: &'a Embeddings,
    pub(super) validation: Cow<'a, Embeddings>,
    pub(super) start: Option<&'a Head>,
    pub(super) checkpoint: Option<&'a Checkpoint>,
    pub(super) rows: Option<Rows<'a>>,
    pub(super) watch: Watch<'a>,
}

impl fmt::Debug for HeadTraining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadTraining")
            .field("config", self.config)
            .field("images", &self.training.len())
            .field("validation_images", &self.validation.len())
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

impl HeadConfig {
    /// A training with this configuration on these images; see [`HeadTraining`] for what can be added to it.
    pub fn training<'a>(&'a self, images: &'a Embeddings) -> HeadTraining<'a> {
        HeadTraining {
            config: self,
            training: images,
            validation: Cow::Owned(images.select(&[])),
            start: None,
            checkpoint: None,
            rows: None,
            watch: Box::new(|_| ControlFlow::Continue(())),
        }
    }
}

impl<'a> HeadTraining<'a> {
    /// Sets validation images. By default there are none, and a set without images is the same as none.
    /// [`LogisticRegression`](crate::head::LogisticRegression) trains on training and validation images together,
    /// because it chooses by cross-validation. [`GradientDescent`](crate::head::GradientDescent) uses the validation
    /// images for its log and for early stopping.
    pub fn validation(mut self, images: &'a Embeddings) -> Self {
        self.validation = Cow::Borrowed(images);
        self
    }

    /// Starts from the weights of a trained head instead of random weights. The head must have the layers that the
    /// recipe asks for. It may have fewer classes than the targets, so that classes can be added to a head without
    /// training it from scratch. Its classes are the first targets;
    /// [`Classifier::head_for`](crate::classifier::Classifier::head_for) orders them by name.
    /// [`LogisticRegression`](crate::head::LogisticRegression) ignores the head, because its optimum does not depend on
    /// the starting point.
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// use transfer::{Embeddings, HeadConfig};
    /// use transfer::head::GradientDescent;
    /// let set = |classes: usize| {
    ///     let targets: Vec<usize> = (0..60).map(|i| i % classes).collect();
    ///     let values = targets.iter().flat_map(|&t| [0, 1, 2].map(|k| f32::from(u8::from(k == t))));
    ///     Embeddings::new(values.collect(), 3, targets.clone())
    /// };
    /// let (two, three) = (set(2)?, set(3)?);
    /// let recipe = GradientDescent::parity().with_learning_rate(0.5).with_steps(100);
    /// let config = HeadConfig::new().with_recipe(recipe);
    /// let of_two = config.training(&two).fit()?.head;
    /// let of_three = config.training(&three).start_from(&of_two).fit()?.head;
    /// assert_eq!(of_three.classes(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_from(mut self, head: impl Into<Option<&'a Head>>) -> Self {
        self.start = head.into();
        self
    }

    /// Writes the state of the training to this file from time to time, and continues from the file if an earlier
    /// training with the same settings and images was interrupted. The result has the same bytes as that of a training
    /// that was not interrupted. Once the result is saved, [remove](Checkpoint::remove) the file.
    /// [`LogisticRegression`](crate::head::LogisticRegression), which takes only seconds, writes no file and always
    /// starts from the beginning.
    pub fn resume(mut self, checkpoint: impl Into<Option<&'a Checkpoint>>) -> Self {
        self.checkpoint = checkpoint.into();
        self
    }

    /// Makes each step learn from `rows(step, images)` instead of the training embeddings. The function returns
    /// embeddings `[images.len(), dim]` of these training images, usually of newly distorted copies
    /// ([`Backbone::embed_varied`](crate::backbone::Backbone::embed_varied)). With [`resume`](Self::resume), `rows`
    /// must return the same values for the same step, and the checkpoint's [context](Checkpoint::with_context) must
    /// describe what they depend on. [`LogisticRegression`](crate::head::LogisticRegression) has no steps and refuses
    /// such a function.
    pub fn varied(mut self, rows: impl FnMut(usize, &[usize]) -> Result<Vec<f32>> + 'a) -> Self {
        self.rows = Some(Box::new(rows));
        self
    }

    /// Calls `watch` with each event. [`ControlFlow::Break`] ends the training early. Its result is then the best head
    /// so far, and [`FitReport::stopped`](crate::head::FitReport::stopped) is
    /// [`Cancelled`](crate::head::Stopped::Cancelled).
    pub fn on_event(mut self, watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let (training, validation) = (self.training, &self.validation);
        if !validation.is_empty() && validation.dim() != training.dim() {
            return Err(Error::mismatch(
                "length of a validation embedding",
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
        self.config.check(classes)?;
        match &self.config.recipe {
            Recipe::LogisticRegression(recipe) => {
                if self.rows.is_some() {
                    return Err(Error::setting(
                        "recipe",
                        "logistic regression",
                        "gradient descent where rows are distorted for each step; for this recipe, embed variants",
                    ));
                }
                recipe.check(training.len() + validation.len())
            }
            Recipe::GradientDescent(_) if !training.weights().is_empty() => Err(Error::setting(
                "weights of images",
                "given",
                "none: gradient descent counts every image the same; logistic regression (the recipe `converged`) uses weights",
            )),
            Recipe::GradientDescent(recipe) => recipe.check(!validation.is_empty()),
        }
    }
}
