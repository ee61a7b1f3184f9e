//! The classifier as a chain of layers, which every format walks along.

use std::collections::BTreeMap;

use mobilenet::{BLOCKS, MobileNetConfig, STEM};

use crate::{Classifier, Error, Layer, Result};

/// Which convolution; blocks count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Stem,
    Depthwise(usize),
    Pointwise(usize),
}

impl Place {
    /// The block; 0 is the stem.
    pub fn block(self) -> usize {
        match self {
            Self::Stem => 0,
            Self::Depthwise(block) | Self::Pointwise(block) => block,
        }
    }
}

/// A convolution and the batch normalisation behind it; ReLU6 follows.
#[derive(Debug)]
pub(super) struct Conv<'a> {
    pub place: Place,
    pub stride: usize,
    pub outputs: usize,
    /// Inputs of one filter: 1 for depthwise.
    pub inputs: usize,
    /// Side of the filter.
    pub side: usize,
    /// `[outputs, inputs, side, side]`.
    pub kernel: &'a [f32],
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
}

impl Conv<'_> {
    /// Kernel and bias of the convolution that does what this and its batch normalisation do.
    pub fn folded(&self, epsilon: f64) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f64> = std::iter::zip(self.gamma, self.variance)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let filters = self
            .kernel
            .chunks_exact(self.inputs * self.side * self.side);
        let kernel = std::iter::zip(filters, &scale)
            .flat_map(|(filter, scale)| filter.iter().map(move |&w| (f64::from(w) * scale) as f32))
            .collect();
        let bias = (0..self.outputs)
            .map(|c| (f64::from(self.beta[c]) - f64::from(self.mean[c]) * scale[c]) as f32)
            .collect();
        (kernel, bias)
    }

    /// The kernel as TensorFlow lays it out: `[side, side, inputs, outputs]`, depthwise `[side, side, channels, 1]`.
    pub fn tensorflow_kernel(&self) -> (Vec<usize>, Vec<f32>) {
        let (k, i, o) = (self.side, self.inputs, self.outputs);
        let data = (0..k * k)
            .flat_map(|at| (0..i).flat_map(move |i_| (0..o).map(move |o_| (at, i_, o_))))
            .map(|(at, i_, o_)| self.kernel[(o_ * i + i_) * k * k + at])
            .collect();
        let shape = match self.place {
            Place::Depthwise(_) => vec![k, k, o, 1],
            _ => vec![k, k, i, o],
        };
        (shape, data)
    }
}

/// The backbone's layers and what comes behind them.
#[derive(Debug)]
pub(super) struct Net<'a> {
    pub config: &'a MobileNetConfig,
    pub convs: Vec<Conv<'a>>,
    /// The backbone's own classifier, `[dim, classes]` and bias, where it is there.
    pub own_classifier: Option<(&'a [f32], &'a [f32])>,
    /// The classifier that this is.
    pub classifier: &'a Classifier,
    /// Side of the images in pixels.
    pub side: usize,
}

impl<'a> Net<'a> {
    pub fn new(classifier: &'a Classifier) -> Result<Self> {
        let (weights, layer) = (
            classifier.backbone().weights(),
            classifier.backbone().layer(),
        );
        if let Layer::Joined(_) = layer {
            let expected = "embedding or logits: only these are exported";
            return Err(Error::mismatch("layer under the head", expected, layer));
        }
        let config = weights.config();
        let tensors: BTreeMap<&str, &[f32]> = weights
            .tensors()
            .map(|(name, _, data)| (name, data))
            .collect();
        let get = |name: String, length: usize| match tensors.get(&name[..]) {
            Some(data) if data.len() == length => Ok(*data),
            found => Err(Error::mismatch(
                format!("tensor `{name}` of {}", weights.source()),
                format!("{length} values"),
                found.map_or("none".into(), |d| format!("{} values", d.len())),
            )),
        };
        let conv = |place,
                    name: String,
                    stride,
                    inputs: usize,
                    outputs: usize,
                    side: usize|
         -> Result<_> {
            let part = |part: &str| get(format!("{name}.bn.{part}"), outputs);
            Ok(Conv {
                place,
                stride,
                outputs,
                inputs,
                side,
                kernel: get(
                    format!("{name}.conv.weight"),
                    outputs * inputs * side * side,
                )?,
                gamma: part("gamma")?,
                beta: part("beta")?,
                mean: part("running_mean")?,
                variance: part("running_var")?,
            })
        };
        let mut channels = config.channels_after(0);
        let mut convs = vec![conv(Place::Stem, "stem".into(), STEM.1, 3, channels, 3)?];
        for (block, &(_, stride)) in (1..=config.blocks).zip(&BLOCKS) {
            let name = format!("blocks.{}", block - 1);
            let outputs = config.channels_after(block);
            let (depthwise, pointwise) = (format!("{name}.depthwise"), format!("{name}.pointwise"));
            convs.push(conv(
                Place::Depthwise(block),
                depthwise,
                stride,
                1,
                channels,
                3,
            )?);
            convs.push(conv(
                Place::Pointwise(block),
                pointwise,
                1,
                channels,
                outputs,
                1,
            )?);
            channels = outputs;
        }
        let own_classifier = match config.classes {
            0 => None,
            n => Some((
                get("classifier.weight".into(), channels * n)?,
                get("classifier.bias".into(), n)?,
            )),
        };
        Ok(Self {
            config,
            convs,
            own_classifier,
            classifier,
            side: classifier.backbone().size() as usize,
        })
    }

    pub fn classes(&self) -> &'a [String] {
        self.classifier.classes()
    }

    /// What an image goes through before the network, for a reader's eyes: how it becomes a square of which side, and
    /// that the network sees (level - mean) / std.
    pub fn preprocessing(&self) -> serde_json::Value {
        serde_json::json!({
            "resize": self.classifier.backbone().resize(),
            "filter": self.classifier.backbone().filter(),
            "size": self.side,
            "mean": self.config.mean,
            "std": self.config.std,
        })
    }

    /// The backbone's own classifier, where the head sits on its logits.
    pub fn logits(&self) -> Option<(&'a [f32], &'a [f32])> {
        let on_logits = self.classifier.backbone().layer() == Layer::Logits;
        self.own_classifier.filter(|_| on_logits)
    }

    /// The head's layers as trained; a ReLU between them.
    pub fn head_layers(&self) -> Vec<Dense> {
        let layers = self.classifier.head().layers();
        layers.iter().map(Dense::from).collect()
    }

    /// The layers behind the embedding: the head's, the first of them multiplied with the backbone's classifier where
    /// the head sits on logits.
    pub fn layers(&self) -> Vec<Dense> {
        let mut layers = self.head_layers();
        if let (Some((weight, bias)), Some(first)) = (self.logits(), layers.first_mut()) {
            let logits = first.inputs;
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                std::iter::zip(a, b)
                    .map(|(&a, &b)| f64::from(a) * f64::from(b))
                    .sum()
            };
            let (mut weights, mut biases) = (Vec::new(), Vec::new());
            for (row, &own) in std::iter::zip(first.weights.chunks_exact(logits), &first.bias) {
                weights.extend(weight.chunks_exact(logits).map(|w| dot(row, w) as f32));
                biases.push((f64::from(own) + dot(row, bias)) as f32);
            }
            *first = Dense {
                inputs: self.config.feature_dim(),
                outputs: first.outputs,
                weights,
                bias: biases,
            };
        }
        layers
    }
}

/// A layer to be written.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    pub inputs: usize,
    pub outputs: usize,
    /// `[outputs, inputs]`.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

impl From<&crate::Dense> for Dense {
    fn from(layer: &crate::Dense) -> Self {
        Self {
            inputs: layer.inputs(),
            outputs: layer.outputs(),
            weights: layer.weights().to_vec(),
            bias: layer.bias().to_vec(),
        }
    }
}

/// Row-major `[rows, columns]` to `[columns, rows]`.
pub(super) fn transpose(data: &[f32], columns: usize) -> Vec<f32> {
    let rows = data.len() / columns.max(1);
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| data[r * columns + c]))
        .collect()
}
