//! A net and what is behind it, as every writer of a format sees it.
// Formats that are left out use more of it.
#![cfg_attr(
    not(all(feature = "archives", feature = "protobuf", feature = "pytorch")),
    allow(dead_code)
)]

use serde_json::Value;

use super::dense::DenseLayer;
use super::numbers::FloatType;
use super::parameters::{Array, Arrays, Layer, Parameter, parameters, transpose};
use super::preprocessing::Filter;
use crate::config::{BLOCKS, MobileNetConfig, STEM};
use crate::error::{Error, Result};
use crate::quantized::net::QuantizedNet;

/// The input that an exported network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PixelInput {
    /// Normalized values, as in training: the program that runs the network normalizes. The default.
    #[default]
    Normalized,
    /// Pixel levels 0 to 255 as f32, `[n, side, side, 3]`: the normalization is part of the file.
    Float,
    /// Pixel levels as bytes, `[n, side, side, 3]`: the normalization is part of the file. Only ONNX and TensorFlow Lite models
    /// of integers have this.
    Byte,
    /// Pixel levels less 128 as signed bytes, `[n, side, side, 3]`, which microcontrollers take. Only TensorFlow Lite models of
    /// integers have this.
    SignedByte,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedFile {
    /// Name of the file in its folder.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl ExportedFile {
    pub(super) fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes }
    }
}

/// A tensor and what it is to the net.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub parameter: Parameter,
    /// In Burn's layout.
    pub data: &'a [f32],
}

/// A convolution and the batch normalization behind it; ReLU6 follows.
#[derive(Debug)]
pub(super) struct Conv<'a> {
    pub layer: Layer,
    pub stride: usize,
    pub kernel: Tensor<'a>,
    /// Gamma, beta, mean, variance.
    pub norm: [Tensor<'a>; 4],
}

impl Conv<'_> {
    pub fn outputs(&self) -> usize {
        self.kernel.parameter.shape[0]
    }

    /// Inputs of one filter: 1 for depthwise convolutions.
    pub fn inputs(&self) -> usize {
        self.kernel.parameter.shape[1]
    }

    /// Side of the filter.
    pub fn side(&self) -> usize {
        self.kernel.parameter.shape[2]
    }

    /// The block that it belongs to; 0 is the stem.
    pub fn block(&self) -> usize {
        self.kernel.parameter.block()
    }

    pub fn tensors(&self) -> impl Iterator<Item = &Tensor<'_>> {
        std::iter::once(&self.kernel).chain(&self.norm)
    }

    /// Kernel and bias of the convolution that does what this one and its batch normalization do.
    pub fn folded(&self, epsilon: f64) -> (Vec<f32>, Vec<f32>) {
        let [gamma, beta, mean, variance] = self.norm.each_ref().map(|tensor| tensor.data);
        let scale: Vec<f64> = std::iter::zip(gamma, variance)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let filters = self
            .kernel
            .data
            .chunks_exact(self.inputs() * self.side() * self.side());
        let kernel = std::iter::zip(filters, &scale)
            .flat_map(|(filter, scale)| filter.iter().map(move |&w| (f64::from(w) * scale) as f32))
            .collect();
        let bias = std::iter::zip(std::iter::zip(beta, mean), &scale)
            .map(|((&beta, &mean), scale)| (f64::from(beta) - f64::from(mean) * scale) as f32)
            .collect();
        (kernel, bias)
    }
}

/// The net, what is behind it, and what a file says about both.
#[derive(Debug)]
pub(super) struct Net<'a> {
    pub config: &'a MobileNetConfig,
    /// All tensors of the net, in Burn's layout, by our names.
    pub arrays: &'a Arrays,
    pub convs: Vec<Conv<'a>>,
    /// Weight and bias of the net's own classifier, if it is a part of what is written.
    pub classifier: Option<[Tensor<'a>; 2]>,
    /// The layers behind the net, ReLU between them.
    pub head: &'a [DenseLayer],
    /// Names of the outputs of the last layer.
    pub classes: &'a [String],
    /// Side of the images in pixels.
    pub side: usize,
    pub input: PixelInput,
    pub float_type: FloatType,
    /// What is written in place of the convolutions in floats, and of the net's own classifier.
    pub integers: Option<&'a QuantizedNet>,
    /// What happens to an image before the net sees it, for people and programs that read the file.
    pub preprocessing: Value,
    /// For each output the probability from which on it is the answer; empty where there are none.
    pub thresholds: &'a [f64],
    /// What the file says of itself in words, and the license of the weights; empty where nothing is known.
    pub description: &'a str,
    pub license: &'a str,
    pub crop: f64,
    pub filter: Filter,
    /// Name and version of the program that writes.
    pub producer: (&'a str, &'a str),
}

/// The convolutions of a complete net, in the order of the forward pass.
pub(super) fn convolutions<'a>(config: &MobileNetConfig, arrays: &'a Arrays) -> Vec<Conv<'a>> {
    let mut tensors = tensors(config, arrays).filter(|t| t.parameter.layer != Layer::Classifier);
    // The table of parameters has the parts of a convolution in this order.
    let conv = || {
        let kernel = tensors.next()?;
        let mut part = || tensors.next();
        let norm = [part()?, part()?, part()?, part()?];
        let layer = kernel.parameter.layer;
        let stride = match layer {
            Layer::Stem => STEM.1,
            Layer::Depthwise(block) => BLOCKS[block - 1].1,
            Layer::Pointwise(_) | Layer::Classifier => 1,
        };
        Some(Conv {
            layer,
            stride,
            kernel,
            norm,
        })
    };
    std::iter::from_fn(conv).collect()
}

/// Weight and bias of the classifier of a complete net.
pub(super) fn classifier<'a>(
    config: &MobileNetConfig,
    arrays: &'a Arrays,
) -> Option<[Tensor<'a>; 2]> {
    let mut tensors = tensors(config, arrays).filter(|t| t.parameter.layer == Layer::Classifier);
    Some([tensors.next()?, tensors.next()?])
}

fn tensors<'a>(config: &MobileNetConfig, arrays: &'a Arrays) -> impl Iterator<Item = Tensor<'a>> {
    let array = |p: Parameter| {
        let Array { data, .. } = arrays.get(&p.name())?;
        Some(Tensor { parameter: p, data })
    };
    parameters(config).into_iter().filter_map(array)
}

impl Net<'_> {
    /// The layers behind the embedding. The first one is multiplied with the net's own classifier if the head was
    /// trained on logits.
    pub fn layers(&self) -> Vec<DenseLayer> {
        let Some([kernel, bias]) = &self.classifier else {
            return self.head.to_vec();
        };
        let (inputs, logits) = (self.config.feature_dim(), bias.data.len());
        let Some((first, rest)) = self.head.split_first() else {
            let weight = transpose(kernel.data, inputs, logits);
            return vec![DenseLayer::from_parts(inputs, weight, bias.data.to_vec())];
        };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            std::iter::zip(a, b)
                .map(|(&a, &b)| f64::from(a) * f64::from(b))
                .sum()
        };
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for (row, &own) in std::iter::zip(first.weight().chunks_exact(logits), first.bias()) {
            weights.extend(kernel.data.chunks_exact(logits).map(|w| dot(row, w) as f32));
            biases.push((f64::from(own) + dot(row, bias.data)) as f32);
        }
        let first = DenseLayer::from_parts(inputs, weights, biases);
        std::iter::once(first).chain(rest.iter().cloned()).collect()
    }

    /// Number of values that the written net gives for each image.
    pub fn outputs(&self) -> usize {
        match (self.head.last(), &self.classifier) {
            (Some(last), _) => last.outputs(),
            (None, Some([_, bias])) => bias.data.len(),
            (None, None) => self.config.feature_dim(),
        }
    }

    /// One class per line, as TensorFlow's scripts read them.
    pub fn labels(&self) -> Result<Vec<u8>> {
        if let Some(class) = self.classes.iter().find(|c| c.contains(['\n', '\r'])) {
            return Err(Error::setting(
                "class name",
                format!("{class:?}"),
                "one line",
            ));
        }
        let lines = self.classes.iter();
        Ok(lines.flat_map(|c| [c.as_bytes(), b"\n"].concat()).collect())
    }

    /// Refuses an input that a format has no place for.
    pub fn only(&self, format: &str, allowed: &[PixelInput]) -> Result<()> {
        if allowed.contains(&self.input) {
            return Ok(());
        }
        let expected = format!("one of {allowed:?} for {format}");
        Err(Error::setting(
            "pixel input",
            format!("{:?}", self.input),
            expected,
        ))
    }
}
