//! The function that stands for a model.

use crate::error::{BoxError, Result};
use crate::model::progress::Progress;

/// Shape of a batch: number of images, height, width, channels.
pub type Shape = [usize; 4];

/// The scores (one for each image), and the gradient of each score with respect to its own image, in the layout of the
/// pixels.
///
/// It is a tuple of standard types, so that a crate can make such functions without depending on this crate.
pub type ScoresAndGradient = (Vec<f64>, Vec<f32>);

/// The fields of [`BlockActivations`] in their order, as a tuple of standard types. The closure of
/// [`Model::with_block`](crate::Model::with_block) returns it, so that a crate can make one without depending on this
/// crate.
pub type BlockTuple = (Vec<f64>, [usize; 3], Vec<f32>, Vec<f32>);

/// What a model computes at one of its blocks, for a batch of `n` images.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockActivations {
    /// One score for each image.
    pub scores: Vec<f64>,
    /// Height, width and channels of the activations of one image.
    pub shape: [usize; 3],
    /// The activations, `[n, height, width, channels]`.
    pub activations: Vec<f32>,
    /// The gradient of each score with respect to the activations of its image, in the same layout.
    pub gradient: Vec<f32>,
}

impl From<BlockTuple> for BlockActivations {
    fn from((scores, shape, activations, gradient): BlockTuple) -> Self {
        Self {
            scores,
            shape,
            activations,
            gradient,
        }
    }
}

/// A function that returns scores and gradients: all that most methods need from a model.
///
/// Any closure of the type `Fn(&[f32], [usize; 4]) -> Result<(Vec<f64>, Vec<f32>), BoxError>` is one. It takes pixels
/// (`[n, height, width, channels]`, row by row, the channels of a pixel together, levels 0 to 255) and returns `n`
/// scores and their gradients, one for each pixel value, in the layout of the pixels. The closure decides what the
/// score is (logit, probability, difference of two classes); [`Score`](crate::Score) helps to compute it.
///
/// The other functions of the trait are abilities that some methods need. A closure has none of them;
/// [`Model`](crate::Model) adds them.
///
/// ```
/// use attribution::methods::Gradient;
/// use attribution::{BoxError, Method, Pixels};
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

    /// Scores alone, for methods that need no gradient. By default the gradient is computed and discarded.
    fn scores(&self, pixels: &[f32], shape: Shape) -> Result<Vec<f64>, BoxError> {
        Ok(self.scores_and_gradient(pixels, shape)?.0)
    }

    /// Activations and gradient at one block, which the model chooses; `None` if the model cannot compute them.
    fn block(&self, _pixels: &[f32], _shape: Shape) -> Option<Result<BlockActivations, BoxError>> {
        None
    }

    /// The same function with the gradient of guided backpropagation; `None` if the model cannot compute it.
    fn guided(&self) -> Option<&dyn GradientFn> {
        None
    }

    /// Copies of the model with more and more randomized layers, from the top layer down; empty if the model has none.
    fn randomized(&self) -> &[Randomized<'_>] {
        &[]
    }

    /// The largest class probability of each image; `None` if the model cannot give it.
    fn confidence(&self, _pixels: &[f32], _shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        None
    }

    /// Receives the progress of the method or measure that uses this model. By default it is ignored; see
    /// [`Model::on_progress`](crate::Model::on_progress).
    fn report(&self, _progress: Progress) {}
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

/// One step of the [randomization check](crate::trust::randomization_check): the model with all layers from the top
/// layer down to `layer` randomized.
pub struct Randomized<'a> {
    /// Name of the lowest randomized layer.
    pub layer: String,
    /// The model with those layers randomized.
    pub model: Box<dyn GradientFn + 'a>,
}

impl<'a> Randomized<'a> {
    /// Pairs a model with the name of its lowest randomized layer.
    pub fn new(layer: impl Into<String>, model: impl GradientFn + 'a) -> Self {
        Self {
            layer: layer.into(),
            model: Box::new(model),
        }
    }
}
