//! The methods, one a file.

mod adaptive;
mod blur_integrated_gradients;
mod expected_gradients;
mod grad_cam;
mod gradient;
mod gradient_x_input;
mod guided_backpropagation;
mod guided_integrated_gradients;
mod integrated_gradients;
mod occlusion;
mod quadrature;
mod rise;
mod score_cam;
mod smooth_grad;
mod xrai;

pub use blur_integrated_gradients::BlurIntegratedGradients;
pub use expected_gradients::ExpectedGradients;
pub use grad_cam::{GradCam, GradCamPlusPlus, LayerCam};
pub use gradient::Gradient;
pub use gradient_x_input::GradientXInput;
pub use guided_backpropagation::GuidedBackpropagation;
pub use guided_integrated_gradients::GuidedIntegratedGradients;
pub use integrated_gradients::IntegratedGradients;
pub use occlusion::Occlusion;
pub use quadrature::Rule;
pub use rise::Rise;
pub use score_cam::ScoreCam;
pub use smooth_grad::SmoothGrad;
pub use xrai::Xrai;

use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::pixels::Pixels;

/// The most images a call: what bounds the memory of a batch.
const MAX_BATCH: usize = 4096;

/// Fails unless 1 to 4096 images go into a call.
pub(crate) fn check_batch(batch: usize) -> Result<usize> {
    if (1..=MAX_BATCH).contains(&batch) {
        Ok(batch)
    } else {
        Err(Error::setting(
            "batch",
            format!("1 to {MAX_BATCH} images a call"),
            &batch,
        ))
    }
}

/// The one image of a baseline, for methods that replace parts of the image by it.
pub(crate) fn one_baseline(baseline: &Baseline, pixels: &Pixels) -> Result<Pixels> {
    let mut images = baseline.images(pixels)?;
    match (images.pop(), images.len()) {
        (Some(image), 0) => Ok(image),
        (_, more) => Err(Error::setting(
            "baseline",
            "one image, not several",
            &(more + 1),
        )),
    }
}

/// Appends the image where the mask is 1, the baseline where it is 0; one mask value a pixel.
pub(crate) fn through_mask(
    images: &mut Vec<f32>,
    baseline: &Pixels,
    pixels: &Pixels,
    mask: &[f64],
    channels: usize,
) {
    let pairs = pixels.values().iter().zip(baseline.values()).enumerate();
    images.extend(pairs.map(|(i, (&x, &b))| {
        let (x, b) = (f64::from(x), f64::from(b));
        (b + mask[i / channels] * (x - b)) as f32
    }));
}
