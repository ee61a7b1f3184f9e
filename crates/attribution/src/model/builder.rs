//! A gradient function with more abilities.

use crate::error::{BoxError, Result};
use crate::model::gradient_fn::{
    BlockActivations, BlockTuple, GradientFn, Randomized, ScoresAndGradient, Shape,
};
use crate::model::progress::Progress;
use std::cell::RefCell;

type ScoresFn<'a> = Box<dyn Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a>;
type ProgressFn<'a> = Box<dyn Fn(Progress) + 'a>;
type BlockFn<'a> = Box<dyn Fn(&[f32], Shape) -> Result<BlockTuple, BoxError> + 'a>;

/// A model: a gradient function with more abilities.
///
/// Only the gradient is mandatory. A method that needs a missing ability fails with
/// [`Error::Ability`](crate::Error::Ability), which names the function to call.
///
/// ```
/// use attribution::methods::GradCam;
/// use attribution::{BoxError, Method, Model, Pixels};
///
/// let gradient = |pixels: &[f32], [n, h, w, c]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     Ok((vec![0.0; n], vec![0.0; n * h * w * c]))
/// };
/// let pixels = Pixels::new(vec![0.0; 12], [2, 2, 3])?;
/// let error = GradCam::new().attribute(&gradient, &pixels).unwrap_err();
/// assert!(error.to_string().contains("Model::with_block"));
///
/// let model = Model::new(gradient).with_block(|_: &[f32], [n, ..]: [usize; 4]| {
///     Ok((vec![0.0; n], [1, 1, 1], vec![1.0; n], vec![2.0; n]))
/// });
/// assert_eq!(GradCam::new().attribute(&model, &pixels)?.map(), [2.0; 4]);
/// # Ok::<(), attribution::Error>(())
/// ```
pub struct Model<'a> {
    gradient: Box<dyn GradientFn + 'a>,
    scores: Option<ScoresFn<'a>>,
    block: Option<BlockFn<'a>>,
    guided: Option<Box<dyn GradientFn + 'a>>,
    randomized: Vec<Randomized<'a>>,
    confidence: Option<ScoresFn<'a>>,
    progress: Option<ProgressFn<'a>>,
}

impl<'a> Model<'a> {
    /// Makes a model from a gradient function. If it is a closure, the model can compute scores and gradients.
    pub fn new(gradient: impl GradientFn + 'a) -> Self {
        Self {
            gradient: Box::new(gradient),
            scores: None,
            block: None,
            guided: None,
            randomized: Vec::new(),
            confidence: None,
            progress: None,
        }
    }

    /// Adds a faster function for the scores alone. It must give the same scores as the gradient function.
    #[must_use]
    pub fn with_scores(
        mut self,
        scores: impl Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a,
    ) -> Self {
        self.scores = Some(Box::new(scores));
        self
    }

    /// Adds a function that returns the scores, the activations of a block, and the gradient of the scores with respect
    /// to them, which the CAM family needs. The order of the tuple is that of [`BlockActivations`].
    #[must_use]
    pub fn with_block(
        mut self,
        block: impl Fn(&[f32], Shape) -> Result<BlockTuple, BoxError> + 'a,
    ) -> Self {
        self.block = Some(Box::new(block));
        self
    }

    /// Adds the gradient of guided backpropagation, where each ReLU passes only positive gradients back.
    #[must_use]
    pub fn with_guided(mut self, guided: impl GradientFn + 'a) -> Self {
        self.guided = Some(Box::new(guided));
        self
    }

    /// Adds copies of the model with more and more randomized layers: in the first copy the top layer, in the next the
    /// top two, and so on.
    #[must_use]
    pub fn with_randomized(mut self, randomized: Vec<Randomized<'a>>) -> Self {
        self.randomized = randomized;
        self
    }

    /// Adds a function that returns the largest class probability of each image (0 to 1). Methods use it to warn if the
    /// model is confident that the baseline shows some class.
    #[must_use]
    pub fn with_confidence(
        mut self,
        confidence: impl Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a,
    ) -> Self {
        self.confidence = Some(Box::new(confidence));
        self
    }

    /// Calls `progress` while a method or a measure of trust works: first with no step done, then after each batch of
    /// images that the model has evaluated, and at the end with all steps done.
    ///
    /// ```
    /// use attribution::methods::Rise;
    /// use attribution::{BoxError, Method, Model, Pixels};
    ///
    /// let gradient = |pixels: &[f32], [n, h, w, c]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
    ///     let scores = pixels.chunks(h * w * c).map(|image| f64::from(image[0])).collect();
    ///     Ok((scores, vec![0.0; n * h * w * c]))
    /// };
    /// let mut heard = Vec::new();
    /// let model = Model::new(gradient).on_progress(|progress| heard.push((progress.done, progress.total)));
    /// let pixels = Pixels::new(vec![9.0; 48], [4, 4, 3])?;
    /// Rise::new().with_masks(20).attribute(&model, &pixels)?;
    /// drop(model);
    /// assert_eq!(heard, [(0, Some(20)), (8, Some(20)), (16, Some(20)), (20, Some(20))]);
    /// # Ok::<(), attribution::Error>(())
    /// ```
    #[must_use]
    pub fn on_progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        let progress = RefCell::new(progress);
        self.progress = Some(Box::new(move |done| {
            // It is borrowed already only where this function itself explains something with this model.
            if let Ok(mut progress) = progress.try_borrow_mut() {
                progress(done);
            }
        }));
        self
    }
}

impl GradientFn for Model<'_> {
    fn scores_and_gradient(
        &self,
        pixels: &[f32],
        shape: Shape,
    ) -> Result<ScoresAndGradient, BoxError> {
        self.gradient.scores_and_gradient(pixels, shape)
    }

    fn scores(&self, pixels: &[f32], shape: Shape) -> Result<Vec<f64>, BoxError> {
        match &self.scores {
            Some(scores) => scores(pixels, shape),
            None => self.gradient.scores(pixels, shape),
        }
    }

    fn block(&self, pixels: &[f32], shape: Shape) -> Option<Result<BlockActivations, BoxError>> {
        match &self.block {
            Some(block) => Some(block(pixels, shape).map(Into::into)),
            None => self.gradient.block(pixels, shape),
        }
    }

    fn guided(&self) -> Option<&dyn GradientFn> {
        self.guided.as_deref().or_else(|| self.gradient.guided())
    }

    fn randomized(&self) -> &[Randomized<'_>] {
        if self.randomized.is_empty() {
            self.gradient.randomized()
        } else {
            &self.randomized
        }
    }

    fn confidence(&self, pixels: &[f32], shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        match &self.confidence {
            Some(confidence) => Some(confidence(pixels, shape)),
            None => self.gradient.confidence(pixels, shape),
        }
    }

    fn report(&self, progress: Progress) {
        match &self.progress {
            Some(listener) => listener(progress),
            None => self.gradient.report(progress),
        }
    }
}
