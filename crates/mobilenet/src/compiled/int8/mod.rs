//! Quantized nets, compiled: levels of eight bits, sums of 32.

mod bands;
mod forward;
mod layers;
mod net;
mod outputs;
mod random;
mod shape;
mod stem;
#[cfg(all(test, feature = "rayon"))]
mod tests;

pub use self::net::CompiledQuantizedNet;
