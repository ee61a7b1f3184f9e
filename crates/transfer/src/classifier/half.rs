//! A classifier whose file has half the bytes.

use mobilenet::{FloatType, Weights};

use super::classify::Classifier;
use crate::backbone::Backbone;
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
        let rounded = Backbone::new(half)?
            .with_resize(backbone.resize())
            .with_filter(backbone.filter())
            .with_layer(backbone.layer())?
            .with_size(backbone.size())?;
        Ok(self.with_network(rounded))
    }
}
