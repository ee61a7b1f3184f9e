//! A fully connected layer behind the net.

use super::parameters::{Array, check};
use crate::error::Result;

/// A fully connected layer that was trained behind the net: its outputs are `weight * x + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseLayer {
    inputs: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl DenseLayer {
    /// Makes a layer from its weight, row-major `[outputs, inputs]`, and its bias, one value for each output.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the lengths do not fit or a value is not finite.
    pub fn new(inputs: usize, weight: Vec<f32>, bias: Vec<f32>) -> Result<Self> {
        let outputs = bias.len();
        let array = |shape: &[usize], data| Array {
            shape: shape.to_vec(),
            data,
        };
        let (weight, bias) = (array(&[outputs, inputs], weight), array(&[outputs], bias));
        check("a dense layer", "weight", &[outputs, inputs], &weight)?;
        check("a dense layer", "bias", &[outputs], &bias)?;
        Ok(Self {
            inputs,
            weight: weight.data,
            bias: bias.data,
        })
    }

    /// A layer whose lengths fit.
    pub(super) fn from_parts(inputs: usize, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        Self {
            inputs,
            weight,
            bias,
        }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The weight, row-major `[outputs, inputs]`.
    pub fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// The bias, one value for each output.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }
}
