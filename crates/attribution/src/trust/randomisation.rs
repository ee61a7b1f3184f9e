//! The model-randomisation check.

use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::GradientFn;
use crate::pixels::Pixels;
use crate::trust::rank::spearman;

/// One step of the check.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomisationStep {
    /// The lowest layer that is random; all above it are as well.
    pub layer: String,
    /// Rank correlation of the map with that of the trained model; `None` where a map is the same everywhere.
    pub correlation: Option<f64>,
    /// The same of the magnitudes, which ignores flipped signs.
    pub magnitude_correlation: Option<f64>,
}

/// Randomises the model from the top down and compares each map with the trained model's (Adebayo et al. 2018).
///
/// A map that stays the same while the model forgets all it has learnt explains the image's edges, not the model: the
/// correlations should fall towards 0. Maps are summed over channels. One run of the method for the model and for each of its
/// [`Model::with_randomised`](crate::Model::with_randomised) copies.
///
/// # Errors
/// [`Error::Ability`] where the model has no randomised copies, and those of the method.
pub fn randomisation_check(
    method: &dyn Method,
    model: &dyn GradientFn,
    pixels: &Pixels,
) -> Result<Vec<RandomisationStep>> {
    if model.randomised().is_empty() {
        return Err(Error::Ability {
            method: "the randomisation check",
            ability: "ever more randomised copies",
            give: "Model::with_randomised",
        });
    }
    let magnitudes = |map: &[f64]| map.iter().map(|v| v.abs()).collect::<Vec<_>>();
    let trained = method.attribute(model, pixels)?.per_pixel();
    model
        .randomised()
        .iter()
        .map(|step| {
            let random = method.attribute(&*step.model, pixels)?.per_pixel();
            Ok(RandomisationStep {
                layer: step.layer.clone(),
                correlation: spearman(&trained, &random),
                magnitude_correlation: spearman(&magnitudes(&trained), &magnitudes(&random)),
            })
        })
        .collect()
}
