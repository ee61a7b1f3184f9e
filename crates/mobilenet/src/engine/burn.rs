//! The engine for Burn's devices.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use burn::tensor::activation::relu6;
use burn::tensor::{Device, Tensor, TensorData};

use super::interface::Engine;
use crate::blocks::check_block;
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::model::{ConvBlock, MobileNet, pool};
use crate::weights::Weights;

/// Images that Burn computes at once, always, since its last bits may depend on the number.
const BATCH: usize = 8;

/// A [`MobileNet`] on one of Burn's devices.
///
/// Results agree with those of [`CompiledMobileNet`](crate::CompiledMobileNet) to 1e-4 of the largest value.
pub struct BurnEngine {
    net: MobileNet,
    device: Device,
}

impl BurnEngine {
    /// Puts weights on a device.
    ///
    /// # Errors
    /// As [`Weights::load`].
    pub fn new(weights: Weights, device: &Device) -> Result<Self> {
        Ok(Self {
            net: weights.load(device)?,
            device: device.clone().without_autodiff(),
        })
    }

    /// Calls `run` with [`BATCH`] images as the network's input, and which images they are; the rest is padding.
    fn in_batches(
        &self,
        images: &ImageBatch<'_>,
        mut run: impl FnMut(Tensor<4>, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let [height, width] = images.size();
        for start in (0..images.len()).step_by(BATCH) {
            let range = start..images.len().min(start + BATCH);
            let mut levels = images.levels(range.clone());
            levels.resize(BATCH * height * width * 3, 0.0);
            let x = self
                .net
                .input(&levels, [BATCH, height, width], &self.device)?;
            run(x, range)?;
        }
        Ok(())
    }

    /// Calls `found` with the tape of each batch, the gradients that come from the pools, and the number of images;
    /// gives the outputs.
    fn on_tape(
        &self,
        images: &ImageBatch<'_>,
        layer: Layer,
        gradient: &OutputGradient<'_>,
        mut found: impl FnMut(&Tape, &Pools, usize) -> Result<()>,
    ) -> Result<Vec<f32>> {
        let mut outputs = Vec::new();
        self.in_batches(images, |x, range| {
            let tape = Tape::record(&self.net, x);
            let (rows, pools) = tape.outputs(&self.net, layer, range.len(), |i, output, out| {
                gradient(range.start + i, output, out);
            })?;
            found(&tape, &pools, range.len())?;
            outputs.extend(rows);
            Ok(())
        })?;
        Ok(outputs)
    }
}

impl fmt::Debug for BurnEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnEngine")
            .field("config", self.net.config())
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Engine for BurnEngine {
    fn config(&self) -> &MobileNetConfig {
        self.net.config()
    }

    fn name(&self) -> String {
        format!("burn {:?}", self.device)
    }

    fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> Result<Vec<f32>> {
        let mut outputs = Vec::new();
        self.in_batches(images, |x, range| {
            let rows = match layer {
                Layer::Embedding => self.net.embed(x),
                Layer::Logits => self.net.forward(x)?,
                Layer::Joined(blocks) => self.net.embed_blocks(x, blocks)?,
            };
            outputs.extend(first(rows, range.len())?);
            Ok(())
        })?;
        Ok(outputs)
    }

    fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features> {
        check_block(block, self.config().blocks)?;
        let mut features = Maps::new(images.len());
        self.in_batches(images, |x, range| {
            features.extend(self.net.features_after(x, block), range.len())
        })?;
        Ok(features.0)
    }

    fn pixel_gradients(
        &self,
        images: &ImageBatch<'_>,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<PixelGradients> {
        let per_level = 1.0 / self.config().std;
        let mut gradients = Vec::new();
        let outputs = self.on_tape(images, options.layer, gradient, |tape, pools, n| {
            let (_, gradient) = tape.back(None, pools, options.guided)?;
            let gradient = gradient.mul_scalar(per_level).permute([0, 2, 3, 1]);
            gradients.extend(first(gradient, n)?);
            Ok(())
        })?;
        Ok(PixelGradients { outputs, gradients })
    }

    fn block_gradients(
        &self,
        images: &ImageBatch<'_>,
        block: usize,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<BlockGradients> {
        check_block(block, self.config().blocks)?;
        let mut gradients = Vec::new();
        let mut activations = Maps::new(images.len());
        let outputs = self.on_tape(images, options.layer, gradient, |tape, pools, n| {
            let (map, gradient) = tape.back(Some(block), pools, options.guided)?;
            activations.extend(map, n)?;
            gradients.extend(first(gradient.permute([0, 2, 3, 1]), n)?);
            Ok(())
        })?;
        Ok(BlockGradients {
            outputs,
            activations: activations.0,
            gradients,
        })
    }

    fn with_weights(&self, weights: &Weights) -> Result<Arc<dyn Engine>> {
        Ok(Arc::new(Self::new(weights.clone(), &self.device)?))
    }
}

/// Maps, collected batch by batch.
struct Maps(Features);

impl Maps {
    fn new(images: usize) -> Self {
        Self(Features {
            shape: [images, 0, 0, 0],
            values: Vec::new(),
        })
    }

    /// Adds the first `images` of a batch `[n, channels, height, width]`.
    fn extend(&mut self, map: Tensor<4>, images: usize) -> Result<()> {
        let [_, channels, height, width] = map.dims();
        self.0.shape = [self.0.shape[0], height, width, channels];
        let map = map.permute([0, 2, 3, 1]);
        self.0.values.extend(first(map, images)?);
        Ok(())
    }
}

/// Values of the first `images` of a batch.
fn first<const D: usize>(tensor: Tensor<D>, images: usize) -> Result<Vec<f32>> {
    let tensor = tensor.narrow(0, 0, images);
    let values = tensor.try_to_vec_as::<f32>();
    values.map_err(|error| Error::Input(format!("the device's output cannot be read: {error}")))
}

/// Of blocks, the gradient that comes from the pool of their map.
type Pools = Vec<(usize, Tensor<4>)>;

/// A forward pass whose convolutions can each be run back by autodiff. Cut at every ReLU6, so that the rule there
/// can be another one and the way back can end anywhere.
struct Tape {
    /// Of each convolution what went in, tracked, and what came out before the ReLU6.
    steps: Vec<(Tensor<4>, Tensor<4>)>,
    /// The last map, tracked.
    last: Tensor<4>,
}

impl Tape {
    fn record(net: &MobileNet, x: Tensor<4>) -> Self {
        let blocks = net.blocks.iter();
        let convolutions =
            std::iter::once(&net.stem).chain(blocks.flat_map(|b| [&b.depthwise, &b.pointwise]));
        let mut x = x.autodiff().require_grad();
        let mut steps = Vec::new();
        for ConvBlock { conv, bn } in convolutions {
            let before = bn.forward(conv.forward(x.clone()));
            let after = relu6(before.clone().inner()).autodiff().require_grad();
            steps.push((std::mem::replace(&mut x, after), before));
        }
        Self { steps, last: x }
    }

    /// The map after a block, tracked.
    fn map(&self, block: usize) -> &Tensor<4> {
        // It goes into convolution 2 block + 1; the stem is convolution 0.
        let next = self.steps.get(2 * block + 1);
        next.map_or(&self.last, |(input, _)| input)
    }

    /// Outputs of the first `images`, and the gradients that come from the pools, at the maps after their blocks.
    fn outputs(
        &self,
        net: &MobileNet,
        layer: Layer,
        images: usize,
        upstream: impl Fn(usize, &[f32], &mut [f32]),
    ) -> Result<(Vec<f32>, Pools)> {
        let blocks: Vec<usize> = layer.blocks(net.blocks.len())?.iter().collect();
        let maps = blocks.iter().map(|&block| self.map(block).clone().inner());
        let maps: Vec<Tensor<4>> = maps.collect();
        let pools = Tensor::cat(maps.iter().cloned().map(pool).collect(), 1);
        let classifier = match layer {
            Layer::Embedding | Layer::Joined(_) => None,
            Layer::Logits => Some(net.classifier.as_ref().ok_or_else(Error::no_classifier)?),
        };
        let outputs = match classifier {
            Some(classifier) => classifier.forward(pools),
            None => pools,
        };
        let [batch, dim] = outputs.dims();
        let rows = first(outputs.clone(), images)?;
        let mut at = vec![0.0; batch * dim];
        for (i, (row, at)) in rows
            .chunks_exact(dim)
            .zip(at.chunks_exact_mut(dim))
            .enumerate()
        {
            upstream(i, row, at);
        }
        let at = Tensor::<2>::from_data(TensorData::new(at, [batch, dim]), &outputs.device());
        let at = match classifier {
            Some(classifier) => at.matmul(classifier.weight.val().transpose()),
            None => at,
        };
        let mut start = 0;
        let at_map = |(block, map): (usize, &Tensor<4>)| {
            let [n, channels, height, width] = map.dims();
            let part = at.clone().narrow(1, start, channels);
            start += channels;
            let part = part.div_scalar((height * width) as f64);
            (block, part.reshape([n, channels, 1, 1]).expand(map.dims()))
        };
        let gradients = blocks.into_iter().zip(&maps).map(at_map).collect();
        Ok((rows, gradients))
    }

    /// From the gradients that come from the pools to the one at the map after `block`, with the map there, or at the
    /// input.
    fn back(
        &self,
        block: Option<usize>,
        pools: &Pools,
        guided: bool,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let with_pool = |block: usize, gradient: Tensor<4>| {
            let own = pools.iter().find(|(of, _)| *of == block);
            match own {
                Some((_, own)) => gradient + own.clone(),
                None => gradient,
            }
        };
        let end = block.map_or(0, |block| 2 * block + 1);
        let mut gradient = with_pool(self.steps.len() / 2, self.last.clone().inner().zeros_like());
        for (index, (input, before)) in self.steps.iter().enumerate().skip(end).rev() {
            let values = before.clone().inner();
            let closed = values
                .clone()
                .lower_equal_elem(0.0)
                .bool_or(values.greater_elem(6.0));
            gradient = gradient.mask_fill(closed, 0.0);
            if guided {
                gradient = gradient.clamp_min(0.0);
            }
            gradient = through(input, before.clone(), gradient)?;
            if index % 2 == 1 {
                gradient = with_pool(index / 2, gradient);
            }
        }
        let map = match block {
            Some(block) => self.map(block),
            None => self.steps.first().map_or(&self.last, |(input, _)| input),
        };
        Ok((map.clone().inner(), gradient))
    }
}

/// The gradient of `sum(output * weights)` with respect to `input`.
fn through<const D: usize>(
    input: &Tensor<4>,
    output: Tensor<D>,
    weights: Tensor<D>,
) -> Result<Tensor<4>> {
    let gradients = (output * weights).sum().backward();
    input
        .grad(&gradients)
        .ok_or_else(|| Error::Input("the device gives no gradient of a convolution".into()))
}
