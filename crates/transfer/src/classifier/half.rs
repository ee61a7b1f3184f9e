//! Classifiers whose files have fewer bytes.

use mobilenet::{FloatType, Layer, Weights};

use super::classify::Classifier;
use crate::error::{Error, Result};

impl Classifier {
    /// This classifier with the weights of its network rounded to half precision, so that its file has half the bytes;
    /// they are computed with in single precision. The head, the thresholds and all else stay as they are, so that
    /// answers change a little: compare them on images with known classes. The network is compiled for this machine's
    /// CPU.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the network is one of integers, and if a weight is beyond the range of half precision.
    pub fn with_half_weights(&self) -> Result<Self> {
        let backbone = &self.backbone;
        if backbone.integers().is_some() {
            return Err(Error::mismatch("network", "one in floats", "one in int8"));
        }
        let half = backbone.weights().to_safetensors(FloatType::F16)?;
        let half = Weights::from_safetensors(backbone.weights().source(), &half)?;
        Ok(self.with_network(backbone.compiled(half)?))
    }

    /// This classifier without the last layer of its network, where the head does not read it: ImageNet's 1001 classes are a
    /// quarter of the file. Answers are the same to the last bit; the digest of the weights is another one, because they are
    /// fewer. The network is compiled for this machine's CPU.
    ///
    /// # Errors
    /// If the network cannot be compiled.
    pub fn without_unread_layer(&self) -> Result<Self> {
        let backbone = &self.backbone;
        let smaller = match backbone.integers() {
            _ if backbone.layer() == Layer::Logits => backbone.clone(),
            Some(net) => backbone.quantized(net.clone().without_classifier())?,
            None => backbone.compiled(backbone.weights().clone().without_classifier())?,
        };
        Ok(self.with_network(smaller))
    }
}
