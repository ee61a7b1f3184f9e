//! The plain gradient.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "gradient",
    description: "how the score would change with each pixel level",
    asks: "once",
    needs: Ability::Gradient,
    complete: false,
    build: |_| Box::new(Gradient::new()),
};

/// The gradient of the score: how the score would change with each pixel level. Simonyan et al. 2013
/// (<https://arxiv.org/abs/1312.6034>) take its magnitude; here it keeps its sign.
///
/// Cost: one evaluation with gradient. Unit: score per pixel level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gradient;

impl Gradient {
    /// The method; it has no settings.
    pub fn new() -> Self {
        Self
    }
}

impl Method for Gradient {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let model = Checked::new(model, pixels)?;
        model.expect_steps(1);
        let (score, gradient) = model.gradient(pixels)?;
        let map = gradient.iter().map(|&g| f64::from(g)).collect();
        Ok(Attribution::new(self.name(), map, pixels.shape(), score)?
            .without_completeness("a gradient is a rate of change, not a share of the score")
            .with_steps(1)
            .with_evaluations(model.evaluations()))
    }
}
