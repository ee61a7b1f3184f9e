//! The part of the net that learns.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{log_softmax, relu, relu6};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mobilenet::{ConvBlock, MobileNet, SeparableBlock, Weights, pool};

use super::Norms;
use crate::{Classifier, Dense, Error, Head, Layer, Result};

/// The stem, if it learns too, the blocks that learn, and the head.
#[derive(Module, Debug)]
pub(super) struct Tail {
    pub(super) stem: Option<ConvBlock>,
    pub(super) blocks: Vec<SeparableBlock>,
    pub(super) head: Vec<Linear>,
}

impl Tail {
    /// The last `blocks` of a classifier's net, with its head as it was before it was calibrated, ready to learn on
    /// `device`.
    pub(super) fn new(
        classifier: &Classifier,
        blocks: usize,
        norms: Norms,
        device: &Device,
    ) -> Result<Self> {
        let backbone = classifier.backbone();
        if backbone.layer() != Layer::Embedding {
            return Err(Error::mismatch(
                "layer under the head",
                "embedding",
                format!("{}; fit a head on the embedding first", backbone.layer()),
            ));
        }
        let device = device.clone().autodiff();
        let net = backbone.weights().clone().load(&device)?;
        let first = net.blocks.len().saturating_sub(blocks);
        let stem = (blocks > net.blocks.len()).then_some(net.stem);
        // The temperature was fitted afterwards: with it, the head is not where its training left it.
        let head = match classifier.calibration() {
            Some(calibration) => &classifier.head().scaled(calibration.temperature)?,
            None => classifier.head(),
        };
        let layers = head.layers().iter();
        let tail = Self {
            stem,
            blocks: net.blocks.into_iter().skip(first).collect(),
            head: layers.map(|layer| linear(layer, &device)).collect(),
        };
        let mut tail = tail.unfreeze();
        if norms == Norms::Frozen {
            for conv in tail.convolutions_mut() {
                // Frozen as a whole, for its statistics; then scale and offset thawed.
                let mut bn = conv.bn.clone().freeze();
                bn.gamma = bn.gamma.set_require_grad(true);
                bn.beta = bn.beta.set_require_grad(true);
                conv.bn = bn;
            }
        }
        Ok(tail)
    }

    fn convolutions_mut(&mut self) -> impl Iterator<Item = &mut ConvBlock> {
        let blocks = self.blocks.iter_mut();
        let blocks = blocks.flat_map(|b| [&mut b.depthwise, &mut b.pointwise]);
        self.stem.iter_mut().chain(blocks)
    }

    /// Stem and blocks.
    pub(super) fn units(&self) -> usize {
        self.blocks.len() + usize::from(self.stem.is_some())
    }

    /// Logits `[n, classes]` of maps `[n, c, h, w]` on a device without autodiff; the first `frozen` units run without
    /// it, too.
    pub(super) fn forward(&self, mut x: Tensor<4>, frozen: usize, learn: bool) -> Tensor<2> {
        let thaw = |x: Tensor<4>| if learn { x.autodiff() } else { x };
        let mut unit = 0;
        let mut run = |x: Tensor<4>, convolutions: &[&ConvBlock]| {
            let is_frozen = !learn || unit < frozen;
            let x = if unit == frozen { thaw(x) } else { x };
            unit += 1;
            convolutions.iter().fold(x, |x, conv| {
                if is_frozen {
                    forward(&conv.valid(), x)
                } else {
                    forward(conv, x)
                }
            })
        };
        if let Some(stem) = &self.stem {
            x = run(x, &[stem]);
        }
        for block in &self.blocks {
            x = run(x, &[&block.depthwise, &block.pointwise]);
        }
        if frozen >= self.units() {
            x = thaw(x);
        }
        let last = self.head.len().saturating_sub(1);
        self.head
            .iter()
            .enumerate()
            .fold(pool(x), |x, (at, layer)| {
                let x = if learn {
                    layer.forward(x)
                } else {
                    layer.valid().forward(x)
                };
                if at < last { relu(x) } else { x }
            })
    }

    /// Sum of the squares of the head's weights.
    pub(super) fn squares(&self) -> Option<Tensor<1>> {
        let layers = self.head.iter();
        let squares = layers.map(|layer| layer.weight.val().powi_scalar(2).sum());
        squares.reduce(|a, b| a + b)
    }

    /// The classifier with what was learnt.
    pub(super) fn into_classifier(self, from: &Classifier, device: &Device) -> Result<Classifier> {
        let learnt = self.valid();
        let backbone = from.backbone();
        let mut net: MobileNet = backbone.weights().clone().load(device)?;
        let first = net.blocks.len() - learnt.blocks.len();
        net.blocks.truncate(first);
        net.blocks.extend(learnt.blocks);
        if let Some(stem) = learnt.stem {
            net.stem = stem;
        }
        // The net's own classes no longer fit what comes before them.
        let weights = Weights::of(&net)?.without_classifier();
        let tuned = backbone.with_weights(weights)?;
        let layers = learnt.head.iter().map(dense).collect::<Result<_>>()?;
        Classifier::new(tuned, Head::new(layers)?, from.classes().to_vec())
    }
}

fn forward(conv: &ConvBlock, x: Tensor<4>) -> Tensor<4> {
    relu6(conv.bn.forward(conv.conv.forward(x)))
}

fn linear(layer: &Dense, device: &Device) -> Linear {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let mut linear = LinearConfig::new(inputs, outputs).init(device);
    let weight = TensorData::new(layer.weights().to_vec(), [outputs, inputs]);
    let weight = Tensor::<2>::from_data(weight, device).transpose();
    linear.weight = burn::module::Param::from_tensor(weight);
    let bias = TensorData::new(layer.bias().to_vec(), [outputs]);
    linear.bias = Some(burn::module::Param::from_data(bias, device));
    linear
}

fn dense(layer: &Linear) -> Result<Dense> {
    let [inputs, outputs] = layer.weight.val().dims();
    let bias = match &layer.bias {
        Some(bias) => floats(bias.val())?,
        None => vec![0.0; outputs],
    };
    Dense::new(inputs, floats(layer.weight.val().transpose())?, bias)
}

/// The values of a tensor.
pub(super) fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .into_data()
        .try_to_vec_as::<f32>()
        .map_err(|e| Error::mismatch("numbers on the device", "readable ones", format!("{e:?}")))
}

/// Sum of the cross-entropies of logits `[n, classes]`, in nats, `smoothing` of each target spread over all classes.
pub(super) fn cross_entropy(logits: Tensor<2>, targets: &[usize], smoothing: f64) -> Tensor<1> {
    let device = logits.device().without_autodiff();
    let [n, classes] = logits.dims();
    let logarithms = log_softmax(logits, 1);
    let targets: Vec<i32> = targets.iter().map(|&t| t as i32).collect();
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [n, 1]), &device);
    let right = logarithms.clone().gather(1, targets).sum();
    let all = logarithms.sum().div_scalar(classes as f64);
    right.mul_scalar(-(1.0 - smoothing)) - all.mul_scalar(smoothing)
}
