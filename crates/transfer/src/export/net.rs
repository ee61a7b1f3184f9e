//! The classifier as a chain of layers, which every format walks along.

use std::collections::BTreeMap;

use mobilenet::{BLOCKS, MobileNetConfig, STEM, Weights};

use super::DenseLayer;
use crate::{Error, Result};

/// Which convolution; blocks count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Stem,
    Depthwise(usize),
    Pointwise(usize),
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
    /// The head as trained; a ReLU between layers.
    pub head: Vec<DenseLayer<'a>>,
    pub classes: &'a [String],
    pub temperature: f64,
}

impl<'a> Net<'a> {
    pub fn new(
        weights: &'a Weights,
        head: &[DenseLayer<'a>],
        classes: &'a [String],
    ) -> Result<Self> {
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
        let conv = |place, name: String, stride, inputs: usize, outputs: usize, side: usize| {
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
        check_head(head, classes.len())?;
        let net = Self {
            config,
            convs,
            own_classifier,
            head: head.to_vec(),
            classes,
            temperature: 1.0,
        };
        if net.head_inputs() != channels && !net.on_logits() {
            let logits = config.classes;
            return Err(Error::mismatch(
                "inputs of the head",
                format!("{channels} (the embedding) or {logits} (the backbone's logits)"),
                net.head_inputs(),
            ));
        }
        Ok(net)
    }

    /// Whether the head sits on the backbone's logits.
    pub fn on_logits(&self) -> bool {
        self.own_classifier.is_some()
            && self.head_inputs() == self.config.classes
            && self.head_inputs() != self.config.feature_dim()
    }

    /// Values that the head takes.
    pub fn head_inputs(&self) -> usize {
        self.head.first().map_or(0, |layer| layer.inputs)
    }

    /// The head's layers as trained, with the temperature divided into the last.
    pub fn head_layers(&self) -> Vec<Dense> {
        let mut layers: Vec<Dense> = self.head.iter().map(Dense::from).collect();
        if let Some(last) = layers.last_mut().filter(|_| self.temperature != 1.0) {
            for value in last.weights.iter_mut().chain(&mut last.bias) {
                *value = (f64::from(*value) / self.temperature) as f32;
            }
        }
        layers
    }

    /// The layers behind the embedding: the head's, the first of them multiplied with the backbone's classifier where
    /// the head sits on logits.
    pub fn layers(&self) -> Vec<Dense> {
        let mut layers = self.head_layers();
        if let (true, Some((weight, bias)), Some(first)) =
            (self.on_logits(), self.own_classifier, layers.first_mut())
        {
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

impl From<&DenseLayer<'_>> for Dense {
    fn from(layer: &DenseLayer<'_>) -> Self {
        Self {
            inputs: layer.inputs,
            outputs: layer.bias.len(),
            weights: layer.weights.to_vec(),
            bias: layer.bias.to_vec(),
        }
    }
}

/// One or two layers that fit each other and the number of classes, all numbers finite.
fn check_head(head: &[DenseLayer<'_>], classes: usize) -> Result<()> {
    for layer in head {
        let fits = layer.inputs > 0
            && !layer.bias.is_empty()
            && layer.inputs.checked_mul(layer.bias.len()) == Some(layer.weights.len());
        if !fits {
            let expected = format!("{} outputs of {} inputs", layer.bias.len(), layer.inputs);
            let found = layer.weights.len();
            return Err(Error::mismatch("weights of a dense layer", expected, found));
        }
        if layer
            .weights
            .iter()
            .chain(layer.bias)
            .any(|v| !v.is_finite())
        {
            return Err(Error::mismatch("a dense layer", "finite numbers", "others"));
        }
    }
    let last = match head {
        [only] => only,
        [hidden, last] if hidden.bias.len() == last.inputs => last,
        [hidden, last] => {
            let what = "inputs of the second layer";
            return Err(Error::mismatch(what, hidden.bias.len(), last.inputs));
        }
        _ => return Err(Error::mismatch("layers of a head", "1 or 2", head.len())),
    };
    if last.bias.len() != classes {
        return Err(Error::mismatch("class names", last.bias.len(), classes));
    }
    Ok(())
}

/// Row-major `[rows, columns]` to `[columns, rows]`.
pub(super) fn transpose(data: &[f32], columns: usize) -> Vec<f32> {
    let rows = data.len() / columns.max(1);
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| data[r * columns + c]))
        .collect()
}

/// Little-endian bytes.
pub(super) fn bytes(data: &[f32]) -> Vec<u8> {
    data.iter().flat_map(|v| v.to_le_bytes()).collect()
}
