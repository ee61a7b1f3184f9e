//! MobileNetV1 in [Burn](https://burn.dev): the network, its published weights, and a compiled engine for CPUs.
//!
//! ```
//! # fn main() -> mobilenet::Result<()> {
//! # let device = burn::tensor::Device::flex();
//! use mobilenet::MobileNetConfig;
//! let net = MobileNetConfig::new().with_alpha(0.25).with_classes(10).init(&device)?;
//! let pixels = vec![128u8; 64 * 64 * 3]; // one grey image, rows of RGB
//! let logits = net.forward(net.input(&pixels, [1, 64, 64], &device)?)?;
//! assert_eq!(logits.dims(), [1, 10]);
//! # Ok(())
//! # }
//! ```
//!
//! No backend is chosen here: the application turns on one of Burn's and hands a `Device` in.

mod blocks;
pub mod compiled;
mod config;
pub mod engine;
mod error;
mod gradients;
mod image_batch;
mod layer;
#[cfg(feature = "burn")]
mod model;
mod precision;
pub mod weights;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use blocks::Blocks;
pub use compiled::{
    ActivationRange, ActivationRanges, CompileOptions, CompiledMobileNet, InstructionSet,
};
pub use config::{BLOCKS, MobileNetConfig, Padding, STEM};
#[cfg(feature = "burn")]
pub use engine::BurnEngine;
pub use engine::Engine;
pub use error::{Error, Result};
pub use gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
pub use image_batch::ImageBatch;
pub use layer::Layer;
#[cfg(feature = "burn")]
pub use model::{ConvBlock, MobileNet, SeparableBlock, pool};
pub use precision::Precision;
#[cfg(feature = "cache")]
pub use weights::Cache;
#[cfg(feature = "fetch")]
pub use weights::Fetch;
pub use weights::{FloatType, Published, Weights, WeightsFormat};
