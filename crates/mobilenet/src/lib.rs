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
mod compiled;
mod config;
mod error;
mod model;
mod weights;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use blocks::Blocks;
pub use compiled::{
    BlockGradients, CompiledMobileNet, Features, GradientOptions, InstructionSet, Output,
    PixelGradients, Pixels,
};
pub use config::{BLOCKS, MobileNetConfig, Padding, STEM};
pub use error::{Error, Result};
pub use model::{ConvBlock, MobileNet, SeparableBlock, pool};
pub use weights::{
    Cache, Filter, Format, HeadTensors, Precision, Preprocessing, Published, Weights,
};
#[cfg(feature = "fetch")]
pub use weights::{Event, Fetch};
