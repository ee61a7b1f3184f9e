//! A net's layers with their batch normalizations folded in, for what computes with them.

use super::model_weights::Weights;
use super::net::{classifier, convolutions};
use super::parameters::{Layer, transpose};
use crate::error::{Error, Result};

/// A convolution or the classifier, its batch normalization folded in.
#[derive(Debug, Clone)]
pub(crate) struct FoldedLayer {
    pub layer: Layer,
    /// `[outputs, rows, columns, inputs]`; depthwise `[rows, columns, channels]`.
    pub weights: Vec<f32>,
    /// One value for each output channel.
    pub bias: Vec<f32>,
}

impl Weights {
    /// The layers of the net, in the order of the forward pass.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] if the file lacks something that the net needs, [`Error::Mismatch`] if values leave the
    /// range of f32.
    pub(crate) fn folded(&self) -> Result<Vec<FoldedLayer>> {
        self.complete()?;
        let mut layers = Vec::new();
        for conv in convolutions(&self.config, &self.arrays) {
            let (kernel, bias) = conv.folded(self.config.epsilon);
            let (taps, outputs) = (conv.side() * conv.side(), conv.outputs());
            let weights = match conv.layer {
                Layer::Depthwise(_) => transpose(&kernel, outputs, taps),
                _ => kernel
                    .chunks_exact(conv.inputs() * taps)
                    .flat_map(|filter| transpose(filter, conv.inputs(), taps))
                    .collect(),
            };
            layers.push(FoldedLayer {
                layer: conv.layer,
                weights,
                bias,
            });
        }
        if let Some([kernel, bias]) = classifier(&self.config, &self.arrays) {
            let (inputs, outputs) = (self.config.feature_dim(), bias.data.len());
            layers.push(FoldedLayer {
                layer: Layer::Classifier,
                weights: transpose(kernel.data, inputs, outputs),
                bias: bias.data.to_vec(),
            });
        }
        for layer in &layers {
            let mut numbers = layer.weights.iter().chain(&layer.bias);
            if let Some(value) = numbers.find(|v| !v.is_finite()) {
                return Err(Error::Mismatch {
                    file: self.source.clone(),
                    message: format!(
                        "folding a batch normalization into {:?} gives {value}; a variance is negative, or values are too large",
                        layer.layer
                    ),
                });
            }
        }
        Ok(layers)
    }
}
