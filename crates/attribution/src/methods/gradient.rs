//! The plain gradient.

use crate::attribution::{Attribution, Completeness};
use crate::error::Result;
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;

/// The gradient of the score: how it would change with each pixel level (Simonyan et al. 2013, with its sign).
///
/// One evaluation with gradient. Unit: score per pixel level.
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
        "gradient"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let model = Checked::new(model, pixels)?;
        let (scores, gradient) = model.gradient(pixels.values(), 1)?;
        Ok(Attribution {
            map: gradient.iter().map(|&g| f64::from(g)).collect(),
            shape: pixels.shape(),
            score: scores.first().copied().unwrap_or_default(),
            baseline_score: None,
            completeness: Completeness::NotPromised(
                "a gradient is a rate of change, not a share of the score",
            ),
            method: self.name().to_owned(),
            steps: 1,
            evaluations: model.evaluations(),
            seed: None,
            map_error: None,
            warnings: Vec::new(),
        })
    }
}
