//! Gradient times input.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::check;
use crate::error::Result;
use crate::methods::gradient::Gradient;
use crate::methods::method::{Method, MethodInfo};
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "gradient-x-input",
    description: "the gradient times the distance of each pixel level from zero",
    asks: "once",
    needs: Ability::Gradient,
    complete: false,
    build: |_| Box::new(GradientXInput::new()),
};

/// The gradient times the difference of each pixel level from a zero level, both with their signs (Shrikumar et al.
/// 2016, <https://arxiv.org/abs/1605.01713>).
///
/// Cost: one evaluation with gradient. Unit: that of the score.
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
    /// The zero level is 127.5, the zero of networks that scale levels to -1 to 1.
    pub fn new() -> Self {
        Self { zero: 127.5 }
    }

    /// The finite level that counts as zero; defaults to 127.5. Use 0 for a model that takes its input without scaling.
    #[must_use]
    pub fn with_zero(mut self, level: f32) -> Self {
        self.zero = level;
        self
    }
}

impl Method for GradientXInput {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::require(self.zero.is_finite(), "zero", self.zero, "a finite level")?;
        let gradient = Gradient::new().attribute(model, pixels)?;
        let pairs = gradient.map().iter().zip(pixels.values());
        let map = pairs.map(|(value, &pixel)| value * f64::from(pixel - self.zero));
        let map = map.collect();
        let reason = "the gradient is computed at the image only, not along the path from the baseline; the map sums to the score difference for linear models only";
        gradient.remade(self.name(), map, pixels.shape(), reason)
    }
}
