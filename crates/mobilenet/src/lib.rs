//! MobileNetV1: its published weights in all common formats, and two engines that run it.
//!
//! ```
//! # #[cfg(feature = "bundled")]
//! # fn main() -> mobilenet::Result<()> {
//! use mobilenet::{ImageBatch, Weights};
//! let net = Weights::open("bundled")?.compile()?; // Google's mobilenet_v1_1.0_224, for this machine's CPU
//! let pixels = vec![128u8; 224 * 224 * 3]; // one gray image: rows of RGB, levels 0 to 255
//! let logits = net.logits(&ImageBatch::from_u8(&pixels, [1, 224, 224])?)?;
//! assert_eq!(logits.len(), 1001);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "bundled"))]
//! # fn main() {}
//! ```
//!
//! * [`weights`]: [`Weights`] are read from files of other programs, from the bundled copy, or by the name of published
//!   weights, and can be written to such files.
//! * [`compiled`]: [`CompiledMobileNet`], the engine for CPUs, which does not need Burn. It computes embeddings,
//!   logits, maps, and gradients with respect to pixels and maps.
//! * [`engine`]: the trait [`Engine`], which [`CompiledMobileNet`] and [`BurnEngine`] implement.
//! * [`quantized`]: nets in 8-bit integers, read from TensorFlow Lite files or made of weights.
//! * [`MobileNet`] (feature `burn`): the network as a module of [Burn](https://burn.dev), to be trained or changed.
//! * [`guide`]: all of this with examples.
//!
//! # Features
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `archives` | yes | Weights in `.tgz` and `.tar` files. |
//! | `bundled` | no | Google's `mobilenet_v1_1.0_224` inside the program (8.5 MB). |
//! | `burn` | yes | [`MobileNet`], [`BurnEngine`]. No backend of Burn: the application chooses one. |
//! | `cache` | yes | Published weights by name, from the user's cache folder. |
//! | `fetch` | no | Fetches published weights over the network. |
//! | `hdf5` | no | Keras `.h5` files. |
//! | `protobuf` | yes | ONNX models and TensorFlow frozen graphs. |
//! | `pytorch` | yes | PyTorch state dicts. |
//! | `rayon` | yes | Runs the compiled net on all threads of rayon's current pool; without it, on one thread. |
//! | `relaxed-simd` | no | In WebAssembly, fused multiply-adds, for browsers that know relaxed SIMD. |

mod architecture;
mod blocks;
pub mod compiled;
mod config;
pub mod engine;
mod error;
mod gradients;
mod image_batch;
pub mod imagenet;
mod layer;
mod layer_cost;
mod map_size;
#[cfg(feature = "burn")]
mod model;
mod precision;
pub mod quantized;
mod summary;
pub mod weights;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use blocks::Blocks;
pub use compiled::{
    ActivationRange, ActivationRanges, CompileOptions, CompiledMobileNet, CompiledQuantizedNet,
    InstructionSet,
};
pub use config::{BLOCKS, MobileNetConfig, Padding, STEM};
#[cfg(feature = "burn")]
pub use engine::BurnEngine;
pub use engine::Engine;
pub use error::{Error, Result};
pub use gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
pub use image_batch::ImageBatch;
pub use layer::Layer;
pub use layer_cost::LayerCost;
#[cfg(feature = "burn")]
pub use model::{ConvBlock, MobileNet, SeparableBlock, pool};
pub use precision::Precision;
pub use quantized::QuantizedNet;
pub use summary::Summary;
#[cfg(feature = "cache")]
pub use weights::Cache;
#[cfg(feature = "fetch")]
pub use weights::Fetch;
pub use weights::{FloatType, Published, Weights, WeightsFormat};
