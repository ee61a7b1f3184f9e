//! The layers that are trained.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{log_softmax, relu, relu6};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mobilenet::{ConvBlock, Layer, MobileNet, SeparableBlock, Weights, pool};

use super::config::BatchNormMode;
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::head::{Dense, Head};

/// The stem if it is trained, the trained blocks, and the head.
#[derive(Module, Debug)]
pub(super) struct TrainableLayers {
    pub(super) stem: Option<ConvBlock>,
    pub(super) blocks: Vec<SeparableBlock>,
    pub(super) head: Vec<Linear>,
}

impl TrainableLayers {
    /// The last `blocks` blocks of a classifier's network and its head without calibration, ready to be trained on
    /// `device`.
    pub(super) fn new(
        classifier: &Classifier,
        blocks: usize,
        batch_norm: BatchNormMode,
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
        // The temperature was fitted after the head: with it, the head is not at its training's optimum.
        let head = match classifier.calibration() {
            Some(calibration) => &classifier.head().scaled(calibration.temperature)?,
            None => classifier.head(),
        };
        let layers = head.layers().iter();
        let layers = Self {
            stem,
            blocks: net.blocks.into_iter().skip(first).collect(),
            head: layers.map(|layer| linear(layer, &device)).collect(),
        };
        let mut layers = layers.unfreeze();
        if batch_norm == BatchNormMode::Frozen {
            for conv in layers.convolutions_mut() {
                // First all is frozen, which fixes the statistics; then scale and offset are trained again.
                let mut bn = conv.bn.clone().freeze();
                bn.gamma = bn.gamma.set_require_grad(true);
                bn.beta = bn.beta.set_require_grad(true);
                conv.bn = bn;
            }
        }
        Ok(layers)
    }

    fn convolutions_mut(&mut self) -> impl Iterator<Item = &mut ConvBlock> {
        let blocks = self.blocks.iter_mut();
        let blocks = blocks.flat_map(|b| [&mut b.depthwise, &mut b.pointwise]);
        self.stem.iter_mut().chain(blocks)
    }

    /// How many units there are: stem and blocks.
    pub(super) fn units(&self) -> usize {
        self.blocks.len() + usize::from(self.stem.is_some())
    }

    /// Logits `[n, classes]` of maps `[n, c, h, w]` that are on a device without autodiff. The first `frozen` units (stem
    /// and blocks) run without autodiff, and without `learn` all do.
    pub(super) fn forward(&self, mut x: Tensor<4>, frozen: usize, learn: bool) -> Tensor<2> {
        let track = |x: Tensor<4>| if learn { x.autodiff() } else { x };
        let mut unit = 0;
        let mut run = |x: Tensor<4>, convolutions: &[&ConvBlock]| {
            let is_frozen = !learn || unit < frozen;
            let x = if unit == frozen { track(x) } else { x };
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
            x = track(x);
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

    /// The classifier with the trained layers.
    pub(super) fn into_classifier(self, from: &Classifier, device: &Device) -> Result<Classifier> {
        let trained = self.valid();
        let backbone = from.backbone();
        let mut net: MobileNet = backbone.weights().clone().load(device)?;
        let first = net.blocks.len() - trained.blocks.len();
        net.blocks.truncate(first);
        net.blocks.extend(trained.blocks);
        if let Some(stem) = trained.stem {
            net.stem = stem;
        }
        // The network's own classes no longer fit the changed blocks before them.
        let weights = Weights::of(&net)?.without_classifier();
        let tuned = backbone.with_weights(weights)?;
        let layers = trained.head.iter().map(dense).collect::<Result<_>>()?;
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

/// Sum of the cross-entropies of logits `[n, classes]`, in nats. The share `smoothing` of each target is spread over
/// all classes.
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
