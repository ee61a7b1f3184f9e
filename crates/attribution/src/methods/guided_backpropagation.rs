//! Guided backpropagation.

use crate::attribution::Attribution;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::methods::Gradient;
use crate::model::GradientFn;
use crate::pixels::Pixels;

/// The gradient with each `ReLU` passing back positive gradients only (Springenberg et al. 2014).
///
/// One evaluation of the model's guided gradient ([`Model::with_guided`](crate::Model::with_guided)). Sharp, but known
/// to depend little on the upper layers: see the randomisation check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuidedBackpropagation;

impl GuidedBackpropagation {
    /// The method; it has no settings.
    pub fn new() -> Self {
        Self
    }
}

impl Method for GuidedBackpropagation {
    fn name(&self) -> &'static str {
        "guided-backpropagation"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let guided = model.guided().ok_or(Error::Ability {
            method: self.name(),
            ability: "a gradient with the guided rule for ReLU",
            give: "Model::with_guided",
        })?;
        let mut result = Gradient::new().attribute(guided, pixels)?;
        self.name().clone_into(&mut result.method);
        Ok(result)
    }
}
