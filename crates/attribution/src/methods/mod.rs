//! The attribution methods, one file for each, and [one table](all) of them.
//!
//! To add a method, write a file with a type that implements [`Method`] and a row for the table ([`MethodInfo`]), and
//! add a line in `registry.rs` and here. A method in another crate implements [`Method`] and is used like those of this
//! crate.

mod adaptive;
mod blur_integrated_gradients;
mod equal_steps;
mod expected_gradients;
mod grad_cam;
mod gradient;
mod gradient_x_input;
mod guided_backpropagation;
mod guided_integrated_gradients;
mod integrated_gradients;
pub(crate) mod method;
mod occlusion;
mod path;
mod quadrature;
mod registry;
mod rise;
mod score_cam;
mod smooth_grad;
mod xrai;

pub use blur_integrated_gradients::BlurIntegratedGradients;
pub use expected_gradients::{Draw, ExpectedGradients};
pub use grad_cam::{GradCam, GradCamPlusPlus, LayerCam};
pub use gradient::Gradient;
pub use gradient_x_input::GradientXInput;
pub use guided_backpropagation::GuidedBackpropagation;
pub use guided_integrated_gradients::GuidedIntegratedGradients;
pub use integrated_gradients::IntegratedGradients;
pub use method::{Method, MethodInfo, MethodSettings};
pub use occlusion::Occlusion;
pub use quadrature::{Point, Rule};
pub use registry::{all, find};
pub use rise::Rise;
pub use score_cam::ScoreCam;
pub use smooth_grad::SmoothGrad;
pub use xrai::Xrai;
