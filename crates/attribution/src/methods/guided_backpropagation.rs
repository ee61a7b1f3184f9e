//! Guided backpropagation.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::error::{Error, Result};
use crate::methods::gradient::Gradient;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "guided-backpropagation",
    description: "the gradient, where each ReLU passes only positive gradients back",
    asks: "once",
    needs: Ability::Guided,
    complete: false,
    build: |_| Box::new(GuidedBackpropagation::new()),
};

/// The gradient, where each ReLU passes only positive gradients back (Springenberg et al. 2014,
/// <https://arxiv.org/abs/1412.6806>).
///
/// Cost: one evaluation of the guided gradient ([`Model::with_guided`](crate::Model::with_guided)). The maps are sharp,
/// but depend little on the upper layers, as the [randomization check](crate::trust::randomization_check) shows.
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
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let guided = model.guided().ok_or(Error::Ability {
            method: self.name(),
            ability: Ability::Guided,
        })?;
        let progress = Checked::new(model, pixels)?;
        progress.expect_steps(1);
        let gradient = Gradient::new().attribute(guided, pixels)?;
        progress.step(1);
        let map = gradient.map().to_vec();
        let reason = "a gradient is a rate of change, not a share of the score";
        gradient.remade(self.name(), map, pixels.shape(), reason)
    }
}
