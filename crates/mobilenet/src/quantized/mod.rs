//! Quantized nets: 8-bit integers instead of floats, four times smaller.
//!
//! A [`QuantizedNet`] is read from a quantized TensorFlow Lite file ([`QuantizedNet::open`]), with the same bytes out as
//! TensorFlow Lite's own, or from a quantized ONNX model, or made of trained weights and some hundred images
//! ([`Quantize`]). A real number is
//! `scale * (integer - zero_point)` ([Jacob et al. 2018](https://arxiv.org/abs/1712.05877); TensorFlow's
//! [specification](https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec)). Activations
//! are unsigned bytes here; those of files with signed ones are shifted by 128, which changes no result.
//!
//! [`QuantizedNet::forward`] computes plainly, on any processor: it is the definition that faster kernels are compared
//! with.

mod bias_correction;
mod calibration;
mod evaluate;
mod fidelity;
pub(crate) mod fixed_point;
mod float_net;
pub(crate) mod net;
mod outputs;
mod parallel;
pub(crate) mod pool;
mod quantize;
pub(crate) mod requantize;
mod softmax;

pub use self::fidelity::Fidelity;
pub use self::net::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet, Softmax,
};
pub use self::quantize::Quantize;
