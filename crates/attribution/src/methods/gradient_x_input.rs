//! Gradient times input.

use crate::attribution::{Attribution, Completeness};
use crate::error::Result;
use crate::method::Method;
use crate::methods::Gradient;
use crate::model::GradientFn;
use crate::pixels::Pixels;

/// The gradient times the distance from a zero level, with its sign (Shrikumar et al. 2016).
///
/// One evaluation with gradient. Unit: score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientXInput {
    zero: f32,
}

impl Default for GradientXInput {
    fn default() -> Self {
        Self::new()
    }
}

impl GradientXInput {
    /// The level that counts as zero defaults to 127.5, the zero of networks that take levels as -1 to 1.
    pub fn new() -> Self {
        Self { zero: 127.5 }
    }

    /// The level that counts as zero; defaults to 127.5. Use 0 for a model that takes its input as it is.
    #[must_use]
    pub fn with_zero(mut self, level: f32) -> Self {
        self.zero = level;
        self
    }
}

impl Method for GradientXInput {
    fn name(&self) -> &'static str {
        "gradient-x-input"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        if !self.zero.is_finite() {
            return Err(crate::Error::setting("zero", "a finite level", &self.zero));
        }
        let mut result = Gradient::new().attribute(model, pixels)?;
        for (value, &pixel) in result.map.iter_mut().zip(pixels.values()) {
            *value *= f64::from(pixel - self.zero);
        }
        result.completeness = Completeness::NotPromised(
            "the gradient at the image says nothing of the way there; the sum is complete for linear models only",
        );
        self.name().clone_into(&mut result.method);
        Ok(result)
    }
}
