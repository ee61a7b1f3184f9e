//! What the methods need of a model: one function, and what it can do besides.

use crate::error::{BoxError, Error, Result, all_finite};
use crate::pixels::{Pixels, volume};
use std::cell::Cell;

/// Number of images, height, width, channels.
pub type Shape = [usize; 4];

/// Scores, and the gradient of each score with respect to its own image.
///
/// The scores have one value an image; the gradient has the layout of the pixels.
pub type ScoresAndGradient = (Vec<f64>, Vec<f32>);

/// What a model says at one of its blocks; see [`Model::with_block`].
///
/// Scores (one an image), height, width and channels of the block's maps, activations and the gradient of the
/// score with respect to them, both `[n, height, width, channels]`.
pub type BlockOutput = (Vec<f64>, [usize; 3], Vec<f32>, Vec<f32>);

/// A function that gives scores and gradients: the one thing attribution needs of a model.
///
/// Any closure of the shape
/// `Fn(&[f32], [usize; 4]) -> Result<(Vec<f64>, Vec<f32>), BoxError>` is one: it takes pixels
/// (`[n, height, width, channels]`, row by row, channels together, levels 0 to 255) and gives `n` scores and the
/// gradients of those scores, one a pixel value, in the pixels' layout. What the score is (logit, probability,
/// difference of two classes) is the closure's own affair; [`Score`](crate::Score) helps.
///
/// The other methods are abilities that some attribution methods need; a closure has none of them,
/// [`Model`] adds them.
///
/// ```
/// use attribution::{BoxError, Gradient, Method, Pixels};
///
/// // score = sum of 2 * pixel
/// let model = |pixels: &[f32], [n, h, w, c]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     let scores = pixels.chunks(h * w * c).map(|image| image.iter().map(|&p| 2.0 * f64::from(p)).sum()).collect();
///     Ok((scores, vec![2.0; n * h * w * c]))
/// };
/// let pixels = Pixels::new(vec![1.0, 2.0, 3.0, 4.0], [2, 2, 1])?;
/// let why = Gradient::new().attribute(&model, &pixels)?;
/// assert_eq!(why.map(), [2.0; 4]);
/// assert_eq!(why.score(), 20.0);
/// # Ok::<(), attribution::Error>(())
/// ```
pub trait GradientFn {
    /// Scores and gradients of a batch.
    fn scores_and_gradient(
        &self,
        pixels: &[f32],
        shape: Shape,
    ) -> Result<ScoresAndGradient, BoxError>;

    /// Scores alone, for methods that need no gradient; by default the gradient is computed and dropped.
    fn scores(&self, pixels: &[f32], shape: Shape) -> Result<Vec<f64>, BoxError> {
        Ok(self.scores_and_gradient(pixels, shape)?.0)
    }

    /// Activations and gradient at a block; `None` where the model cannot say.
    fn block(&self, _pixels: &[f32], _shape: Shape) -> Option<Result<BlockOutput, BoxError>> {
        None
    }

    /// The gradient with the rule of guided backpropagation; `None` where the model has no such rule.
    fn guided(&self) -> Option<&dyn GradientFn> {
        None
    }

    /// Ever more randomised copies, the top layer first, each including the ones before; empty where there are none.
    fn randomised(&self) -> &[Randomised<'_>] {
        &[]
    }

    /// The largest class probability of each image; `None` where the model cannot say.
    fn confidence(&self, _pixels: &[f32], _shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        None
    }
}

impl<F> GradientFn for F
where
    F: Fn(&[f32], Shape) -> Result<ScoresAndGradient, BoxError>,
{
    fn scores_and_gradient(
        &self,
        pixels: &[f32],
        shape: Shape,
    ) -> Result<ScoresAndGradient, BoxError> {
        self(pixels, shape)
    }
}

/// One step of the randomisation check: the model with all layers from the top down to `layer` randomised.
pub struct Randomised<'a> {
    /// Name of the lowest randomised layer.
    pub layer: String,
    /// The model with those layers randomised.
    pub model: Box<dyn GradientFn + 'a>,
}

impl<'a> Randomised<'a> {
    /// The model whose layers from the top down to `layer` are random.
    pub fn new(layer: impl Into<String>, model: impl GradientFn + 'a) -> Self {
        Self {
            layer: layer.into(),
            model: Box::new(model),
        }
    }
}

type ScoresFn<'a> = Box<dyn Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a>;
type BlockFn<'a> = Box<dyn Fn(&[f32], Shape) -> Result<BlockOutput, BoxError> + 'a>;

/// A gradient function with further abilities.
///
/// Everything is optional but the gradient; methods that need what is missing say so.
///
/// ```
/// use attribution::{BoxError, GradCam, Method, Model, Pixels};
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
    randomised: Vec<Randomised<'a>>,
    confidence: Option<ScoresFn<'a>>,
}

impl<'a> Model<'a> {
    /// A model that can do what `gradient` does.
    pub fn new(gradient: impl GradientFn + 'a) -> Self {
        Self {
            gradient: Box::new(gradient),
            scores: None,
            block: None,
            guided: None,
            randomised: Vec::new(),
            confidence: None,
        }
    }

    /// A faster way to the scores alone; it must give the same scores as the gradient function.
    #[must_use]
    pub fn with_scores(
        mut self,
        scores: impl Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a,
    ) -> Self {
        self.scores = Some(Box::new(scores));
        self
    }

    /// Activations at a block, with the score and its gradient there: what the CAM family needs.
    #[must_use]
    pub fn with_block(
        mut self,
        block: impl Fn(&[f32], Shape) -> Result<BlockOutput, BoxError> + 'a,
    ) -> Self {
        self.block = Some(Box::new(block));
        self
    }

    /// The same gradient, but each `ReLU` passes back positive gradients only (guided backpropagation).
    #[must_use]
    pub fn with_guided(mut self, guided: impl GradientFn + 'a) -> Self {
        self.guided = Some(Box::new(guided));
        self
    }

    /// Ever more randomised copies of the model: the top layer first, each including the ones before.
    #[must_use]
    pub fn with_randomised(mut self, randomised: Vec<Randomised<'a>>) -> Self {
        self.randomised = randomised;
        self
    }

    /// The largest class probability of each image, to warn where a baseline is itself confidently something.
    #[must_use]
    pub fn with_confidence(
        mut self,
        confidence: impl Fn(&[f32], Shape) -> Result<Vec<f64>, BoxError> + 'a,
    ) -> Self {
        self.confidence = Some(Box::new(confidence));
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

    fn block(&self, pixels: &[f32], shape: Shape) -> Option<Result<BlockOutput, BoxError>> {
        match &self.block {
            Some(block) => Some(block(pixels, shape)),
            None => self.gradient.block(pixels, shape),
        }
    }

    fn guided(&self) -> Option<&dyn GradientFn> {
        self.guided.as_deref().or_else(|| self.gradient.guided())
    }

    fn randomised(&self) -> &[Randomised<'_>] {
        if self.randomised.is_empty() {
            self.gradient.randomised()
        } else {
            &self.randomised
        }
    }

    fn confidence(&self, pixels: &[f32], shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        match &self.confidence {
            Some(confidence) => Some(confidence(pixels, shape)),
            None => self.gradient.confidence(pixels, shape),
        }
    }
}

/// What a block says about one image.
pub(crate) struct Block {
    pub score: f64,
    /// Height, width, channels.
    pub shape: [usize; 3],
    pub activations: Vec<f32>,
    pub gradient: Vec<f32>,
}

/// A model whose answers are checked and counted: what the methods call.
pub(crate) struct Checked<'a> {
    model: &'a dyn GradientFn,
    /// Height, width, channels of every image.
    image: [usize; 3],
    evaluations: Cell<usize>,
}

impl<'a> Checked<'a> {
    pub fn new(model: &'a dyn GradientFn, pixels: &Pixels) -> Result<Self> {
        if pixels.len() == 0 {
            return Err(Error::Empty { what: "the image" });
        }
        Ok(Self {
            model,
            image: pixels.shape(),
            evaluations: Cell::new(0),
        })
    }

    /// Number of images that the model has been asked about so far.
    pub fn evaluations(&self) -> usize {
        self.evaluations.get()
    }

    fn shape(&self, n: usize) -> Shape {
        self.evaluations.set(self.evaluations.get() + n);
        let [h, w, c] = self.image;
        [n, h, w, c]
    }

    /// Scores and gradients of `n` images.
    pub fn gradient(&self, pixels: &[f32], n: usize) -> Result<ScoresAndGradient> {
        check_gradient(
            self.model
                .scores_and_gradient(pixels, self.shape(n))
                .map_err(Error::Model)?,
            pixels.len(),
            n,
        )
    }

    /// Scores of `n` images.
    pub fn scores(&self, pixels: &[f32], n: usize) -> Result<Vec<f64>> {
        let scores = self
            .model
            .scores(pixels, self.shape(n))
            .map_err(Error::Model)?;
        check_scores(scores, n)
    }

    /// Score of one image.
    pub fn score(&self, pixels: &Pixels) -> Result<f64> {
        self.scores(pixels.values(), 1)?
            .first()
            .copied()
            .ok_or(Error::Empty { what: "the scores" })
    }

    /// Largest class probability of one image, where the model says it.
    pub fn confidence(&self, pixels: &Pixels) -> Result<Option<f64>> {
        let [h, w, c] = self.image;
        let Some(answer) = self.model.confidence(pixels.values(), [1, h, w, c]) else {
            return Ok(None);
        };
        self.evaluations.set(self.evaluations.get() + 1);
        Ok(check_scores(answer.map_err(Error::Model)?, 1)?
            .first()
            .copied())
    }

    /// Activations and gradient at the block, for one image.
    pub fn block(&self, pixels: &Pixels, method: &'static str) -> Result<Block> {
        let answer = self
            .model
            .block(pixels.values(), self.shape(1))
            .ok_or(Error::Ability {
                method,
                ability: "activations at a block",
                give: "Model::with_block",
            })?;
        let (scores, shape, activations, gradient) = answer.map_err(Error::Model)?;
        let scores = check_scores(scores, 1)?;
        let expected = volume(shape);
        if expected == 0 {
            return Err(Error::Empty {
                what: "the block's map",
            });
        }
        for (what, values) in [
            ("activations at the block", &activations),
            ("gradient at the block", &gradient),
        ] {
            check_length(what, values.len(), expected)?;
            all_finite(what, values.iter().map(|&v| f64::from(v)))?;
        }
        Ok(Block {
            score: scores.first().copied().unwrap_or_default(),
            shape,
            activations,
            gradient,
        })
    }
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

fn check_scores(scores: Vec<f64>, n: usize) -> Result<Vec<f64>> {
    check_length("the model's scores", scores.len(), n)?;
    all_finite("the model's scores", scores.iter().copied())?;
    Ok(scores)
}

fn check_gradient(answer: ScoresAndGradient, len: usize, n: usize) -> Result<ScoresAndGradient> {
    let (scores, gradient) = answer;
    check_length("the model's gradient", gradient.len(), len)?;
    all_finite(
        "the model's gradient",
        gradient.iter().map(|&v| f64::from(v)),
    )?;
    Ok((check_scores(scores, n)?, gradient))
}
