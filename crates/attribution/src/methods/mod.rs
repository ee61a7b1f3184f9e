//! The methods, one a file.

mod adaptive;
mod grad_cam;
mod gradient;
mod gradient_x_input;
mod integrated_gradients;
mod quadrature;

pub use grad_cam::{GradCam, GradCamPlusPlus, LayerCam};
pub use gradient::Gradient;
pub use gradient_x_input::GradientXInput;
pub use integrated_gradients::IntegratedGradients;
pub use quadrature::Rule;

use crate::error::{Error, Result};

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
