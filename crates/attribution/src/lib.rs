//! Why a classifier says so: attributions of any function with a gradient, and how far each can be trusted.

mod attribution;
#[cfg(feature = "burn")]
mod autodiff;
mod baseline;
mod blur;
mod error;
mod method;
mod methods;
mod model;
mod picture;
mod pixels;
#[allow(dead_code)]
mod random;
mod resample;
mod score;

pub use attribution::{Attribution, Completeness};
#[cfg(feature = "burn")]
pub use autodiff::{autodiff, autodiff_block};
pub use baseline::Baseline;
pub use error::{BoxError, Error, Result};
pub use method::Method;
pub use methods::{
    GradCam, GradCamPlusPlus, Gradient, GradientXInput, GuidedBackpropagation, IntegratedGradients,
    LayerCam, Occlusion, Rise, Rule, SmoothGrad,
};
pub use model::{BlockOutput, GradientFn, Model, Randomised, ScoresAndGradient, Shape};
pub use picture::{heat_map, normalised, npy, overlay};
pub use pixels::Pixels;
pub use score::Score;
