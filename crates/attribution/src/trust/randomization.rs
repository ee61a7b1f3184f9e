//! The model-randomization check.

use crate::ability::Ability;
use crate::error::{Error, Result};
use crate::methods::method::Method;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::model::quiet::Quiet;
use crate::pixels::Pixels;
use crate::trust::rank::spearman;

/// One step of the check.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomizationStep {
    /// Name of the lowest layer that is random; all layers above it are random as well.
    pub layer: String,
    /// Rank correlation of the map with that of the trained model, -1 to 1; `None` if one of the maps is the same
    /// everywhere.
    pub correlation: Option<f64>,
    /// The rank correlation of the magnitudes of the two maps, which a change of sign does not affect.
    pub magnitude_correlation: Option<f64>,
}

/// Randomizes the layers of the model from the top down and compares each map with that of the trained model (Adebayo et
/// al. 2018, <https://arxiv.org/abs/1810.03292>).
///
/// If a map stays the same while the model loses what it has learned, it explains the edges of the image and not the
/// model. The correlations should fall toward 0. Maps are summed over channels. Cost: one run of the method for the
/// model and for each of the copies of [`Model::with_randomized`](crate::Model::with_randomized).
///
/// # Errors
/// [`Error::Ability`] if the model has no randomized copies, and those of the method.
pub fn randomization_check(
    method: &dyn Method,
    model: &dyn GradientFn,
    pixels: &Pixels,
) -> Result<Vec<RandomizationStep>> {
    if model.randomized().is_empty() {
        return Err(Error::Ability {
            method: "the randomization check",
            ability: Ability::Randomized,
        });
    }
    let magnitudes = |map: &[f64]| map.iter().map(|v| v.abs()).collect::<Vec<_>>();
    let progress = Checked::new(model, pixels)?;
    progress.expect_steps(1 + model.randomized().len());
    let trained = method.attribute(&Quiet(model), pixels)?.per_pixel();
    progress.step(1);
    model
        .randomized()
        .iter()
        .map(|step| {
            let random = method.attribute(&*step.model, pixels)?.per_pixel();
            progress.step(1);
            Ok(RandomizationStep {
                layer: step.layer.clone(),
                correlation: spearman(&trained, &random),
                magnitude_correlation: spearman(&magnitudes(&trained), &magnitudes(&random)),
            })
        })
        .collect()
}
