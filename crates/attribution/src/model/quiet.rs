//! A model that does not report.

use crate::error::{BoxError, Result};
use crate::model::gradient_fn::{
    BlockActivations, GradientFn, Randomized, ScoresAndGradient, Shape,
};

/// The same model, but it reports no progress. A method that runs another method several times gives it to that method and
/// reports its own runs.
pub(crate) struct Quiet<'a>(pub &'a dyn GradientFn);

impl GradientFn for Quiet<'_> {
    fn scores_and_gradient(
        &self,
        pixels: &[f32],
        shape: Shape,
    ) -> Result<ScoresAndGradient, BoxError> {
        self.0.scores_and_gradient(pixels, shape)
    }

    fn scores(&self, pixels: &[f32], shape: Shape) -> Result<Vec<f64>, BoxError> {
        self.0.scores(pixels, shape)
    }

    fn block(&self, pixels: &[f32], shape: Shape) -> Option<Result<BlockActivations, BoxError>> {
        self.0.block(pixels, shape)
    }

    fn guided(&self) -> Option<&dyn GradientFn> {
        self.0.guided()
    }

    fn randomized(&self) -> &[Randomized<'_>] {
        self.0.randomized()
    }

    fn confidence(&self, pixels: &[f32], shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        self.0.confidence(pixels, shape)
    }
}
