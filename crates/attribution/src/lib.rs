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
mod random;
mod resample;
mod score;
mod segmentation;
mod trust;

pub use attribution::{Attribution, Completeness};
#[cfg(feature = "burn")]
pub use autodiff::{autodiff, autodiff_block};
pub use baseline::Baseline;
pub use error::{BoxError, Error, Result};
pub use method::Method;
pub use methods::{
    BlurIntegratedGradients, ExpectedGradients, GradCam, GradCamPlusPlus, Gradient, GradientXInput,
    GuidedBackpropagation, GuidedIntegratedGradients, IntegratedGradients, LayerCam, Occlusion,
    Rise, Rule, ScoreCam, SmoothGrad, Xrai,
};
pub use model::{BlockOutput, GradientFn, Model, Randomised, ScoresAndGradient, Shape};
pub use picture::{heat_map, normalised, npy, overlay};
pub use pixels::Pixels;
pub use score::Score;
pub use trust::{
    Curve, Faithfulness, FaithfulnessCurves, Infidelity, InfidelityResult, MaxSensitivity,
    RandomisationStep, randomisation_check, rank_correlation,
};
