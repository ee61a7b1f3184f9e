//! Explanations of image classifiers: attribution methods for any function with a gradient, and measures of how far
//! each explanation can be trusted.
//!
//! A model is a closure from pixels to scores and their gradients ([`GradientFn`]). `Classifier::gradient(class)` of
//! the crate `transfer` returns one, and `autodiff` (feature `burn`, on by default) makes one from any Burn network.
//! [`Model`] adds what some methods need besides the gradient, and reports the progress of long explanations.
//!
//! [`methods`] contains the methods, [`trust`] the measures of trust, [`picture`] pictures and files, and [`model`]
//! what a method needs from a model. The [`guide`] explains all of it on one page.
//!
//! | method | what it does | evaluates the model | needs | sums to score minus baseline score |
//! |---|---|---|---|---|
//! | [`integrated-gradients`](methods::IntegratedGradients) | gradient averaged along the straight path from a baseline, times the distance | 50 times, or as often as a tolerance needs | gradient | yes |
//! | [`gradient`](methods::Gradient) | how the score would change with each pixel level | once | gradient | no |
//! | [`gradient-x-input`](methods::GradientXInput) | the gradient times the distance of each pixel level from zero | once | gradient | no |
//! | [`smooth-grad`](methods::SmoothGrad) | the mean of the gradients of noisy copies of the image | 20 times | gradient | no |
//! | [`smooth-grad-squared`](methods::SmoothGrad::squared) | the mean of the squares of these gradients: where they are large, whatever their sign | 20 times | gradient | no |
//! | [`var-grad`](methods::SmoothGrad::variance) | the variance of these gradients: where they are uncertain | 20 times | gradient | no |
//! | [`expected-gradients`](methods::ExpectedGradients) | integrated gradients over many baselines, at random places on the paths | 200 times | gradient | yes |
//! | [`blur-integrated-gradients`](methods::BlurIntegratedGradients) | integrated gradients along the path from the strongly blurred image to the image | 50 times | gradient | yes |
//! | [`guided-integrated-gradients`](methods::GuidedIntegratedGradients) | integrated gradients along a path on which pixels with small gradients move first | 200 times, one image at a time | gradient | yes |
//! | [`guided-backpropagation`](methods::GuidedBackpropagation) | the gradient, where each ReLU passes only positive gradients back | once | guided gradient | no |
//! | [`grad-cam`](methods::GradCam) | activations of a block, each channel weighted by its mean gradient | once | activations of a block | no |
//! | [`grad-cam-plus-plus`](methods::GradCamPlusPlus) | as grad-cam, but weighted by positive gradients, so that small areas count as much as large ones | once | activations of a block | no |
//! | [`layer-cam`](methods::LayerCam) | activations of a block, each weighted by its own positive gradient | once | activations of a block | no |
//! | [`score-cam`](methods::ScoreCam) | activations of a block, each channel weighted by the score of the image seen through it | once for each channel | activations of a block | no |
//! | [`occlusion`](methods::Occlusion) | how much the score falls when a window of the image is replaced | once for each window | scores only | no |
//! | [`rise`](methods::Rise) | the mean of random masks, each weighted by the score of the image seen through it | 1000 times | scores only | no |
//! | [`xrai`](methods::Xrai) | regions of similar color, ranked by their integrated gradients | as often as integrated gradients | gradient | no |
//!
//! A program can list these methods with [`methods::all`] and find one by its name with [`methods::find`].
//!
//! Features: `burn` (on by default) makes gradient functions from Burn networks, `clap` turns methods and settings into
//! command-line options, and `ndarray` gives the map as an array view.
//!
//! ```
//! use attribution::picture::Drawing;
//! use attribution::{BoxError, IntegratedGradients, Method, Pixels};
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

mod ability;
mod attribution;
mod baseline;
mod blur;
mod check;
mod error;
pub mod methods;
pub mod model;
pub mod picture;
mod pixels;
mod random;
mod resample;
mod score;
mod segmentation;
mod square;
pub mod trust;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use attribution::{Attribution, Completeness};
pub use baseline::Baseline;
pub use error::{BoxError, Error, Result};
pub use methods::{GradCam, IntegratedGradients, Method};
pub use model::{GradientFn, Model};
#[cfg(feature = "burn")]
pub use model::{autodiff, autodiff_block};
pub use picture::{Drawing, Explanation};
pub use pixels::Pixels;
pub use score::Score;
