//! Why a classifier says so: attributions of any function with a gradient, and how far each can be trusted.
//!
//! All that a model must be is a closure from pixels to scores and gradients ([`GradientFn`]); `autodiff` (feature
//! `burn`) makes one from any Burn forward. What some methods need besides is added by [`Model`].
//!
//! | method | asks the model | needs | sum is the score difference |
//! |---|---|---|---|
//! | [`Gradient`], [`GradientXInput`] | once | | no |
//! | [`IntegratedGradients`] | 50 times, or as often as a tolerance takes | | yes |
//! | [`ExpectedGradients`] | 200 times | baselines | yes |
//! | [`BlurIntegratedGradients`] | 50 times | | yes |
//! | [`GuidedIntegratedGradients`] | 200 times, one by one | | yes |
//! | [`SmoothGrad`], its square, its variance | 20 times the inner method | | no |
//! | [`GuidedBackpropagation`] | once | [`Model::with_guided`] | no |
//! | [`GradCam`], [`GradCamPlusPlus`], [`LayerCam`] | once | [`Model::with_block`] | no |
//! | [`ScoreCam`] | once a channel, scores only | [`Model::with_block`] | no |
//! | [`Occlusion`] | once a window, scores only | | no |
//! | [`Rise`] | 1000 times, scores only | | no |
//! | [`Xrai`] | as the inner method | | no |
//!
//! Every [`Attribution`] says how far its sum is from what it should be, or why its method promises no sum.
//! [`Faithfulness`], [`Infidelity`], [`MaxSensitivity`], [`randomisation_check`] and [`rank_correlation`] say whether to
//! believe it; [`Drawing`], [`Panel`] and [`npy`] show it.
//!
//! ```
//! use attribution::{BoxError, Drawing, IntegratedGradients, Method, Pixels};
//!
//! // The score: how much redder than green the image is.
//! let redness = |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
//!     let weights = [1.0, -1.0, 0.0].repeat(h * w);
//!     let score = |image: &[f32]| image.iter().zip(&weights).map(|(p, w)| f64::from(p * w)).sum();
//!     Ok((pixels.chunks(h * w * 3).map(score).collect(), weights.repeat(n)))
//! };
//! let pixels = Pixels::new((0..48).map(|level| level as f32).collect(), [4, 4, 3])?;
//! let why = IntegratedGradients::new().attribute(&redness, &pixels)?;
//! assert!(why.completeness_error().is_some_and(|error| error < 1e-6));
//! let picture = Drawing::new().overlay(&why, &pixels)?;
//! assert_eq!(picture.dimensions(), (4, 4));
//! # Ok::<(), attribution::Error>(())
//! ```

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

#[doc = include_str!("guide.md")]
pub mod guide {}

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
pub use picture::{Drawing, Panel, Sign, notebook_grey, notebook_overlay, notebook_window, npy};
pub use pixels::Pixels;
pub use score::Score;
pub use trust::{
    Curve, Faithfulness, FaithfulnessCurves, Infidelity, InfidelityResult, MaxSensitivity,
    RandomisationStep, randomisation_check, rank_correlation,
};
