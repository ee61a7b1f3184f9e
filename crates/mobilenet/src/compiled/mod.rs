//! The engine for CPUs, without Burn: weights packed once, forward pass and gradients.
//!
//! Batch normalization is a factor and a bias in the last step of a convolution. Pixels go in as decoders produce them.
//! The depthwise and the pointwise convolution of a block are one pass over bands of pixels that fit a second-level
//! cache. One micro-kernel, generic over the vectors of an instruction set, computes all matrix products. The images of a
//! batch run in parallel on rayon's current pool; a single image, and the last images of a batch, are split over its
//! threads.
//!
//! [`CompiledMobileNet`] is the engine, [`CompileOptions`] says how it is made, [`InstructionSet`] what it runs on.

mod backward;
mod buffers;
mod fold;
mod forward;
mod gradients;
mod instruction_set;
mod int8;
mod kernels;
mod masks;
mod net;
mod options;
mod outputs;
mod plan;
mod processor;
mod stage;
#[cfg(all(test, feature = "burn", feature = "rayon"))]
mod tests;
mod threads;
mod transposed;

pub use self::instruction_set::InstructionSet;
pub use self::int8::CompiledQuantizedNet;
pub use self::net::CompiledMobileNet;
pub use self::options::{ActivationRange, ActivationRanges, CompileOptions};
