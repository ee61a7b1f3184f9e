//! Retrain a network on a folder of images: a frozen backbone gives embeddings, a head is trained on them.
//!
//! * [`export`]: a classifier as ONNX, TensorFlow.js layers model, timm safetensors, frozen graph.
//! * [`insight`]: wrong labels, similar images, strangers, a map: what embeddings are good for.
//! * [`tensorboard`]: event files.

mod error;
pub mod export;
pub mod insight;
pub mod tensorboard;

pub use error::{Error, Result};
