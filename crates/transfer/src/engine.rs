//! What runs the network: the compiled net, or Burn.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use burn::tensor::activation::relu6;
use burn::tensor::{Device, Tensor, TensorData};
use mobilenet::{
    BlockGradients, CompiledMobileNet, ConvBlock, Features, GradientOptions, MobileNet, Output,
    PixelGradients, Pixels, pool,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Layer, Result};

/// Images that Burn is given at once, always: its last bits may depend on the batch.
const BATCH: usize = 8;

/// What runs the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The compiled net, on the CPU.
    Compiled,
    /// Burn, on the device.
    Burn,
}

impl Engine {
    /// The faster one: compiled where the device is a CPU.
    pub fn of(device: &Device) -> Self {
        // Which kinds of device there are depends on the application's features: only their names can be asked for.
        let name = format!("{device:?}");
        let cpus = ["Flex(", "NdArray(", "LibTorch(Cpu"];
        if cpus.iter().any(|cpu| name.contains(cpu)) {
            Self::Compiled
        } else {
            Self::Burn
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Compiled => "compiled",
            Self::Burn => "burn",
        })
    }
}

impl FromStr for Engine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "compiled" => Ok(Self::Compiled),
            "burn" => Ok(Self::Burn),
            _ => Err(Error::mismatch("engine", "compiled or burn", text)),
        }
    }
}

/// The network in the form that its engine runs.
#[derive(Debug)]
pub(crate) enum Net {
    Compiled(Box<CompiledMobileNet>),
    Burn(Box<MobileNet>, Device),
}

/// Levels of pixels, `[n, height, width, 3]`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Levels<'a> {
    U8(&'a [u8]),
    F32(&'a [f32]),
}

impl<'a> Levels<'a> {
    fn pixels(self, shape: [usize; 3]) -> Result<Pixels<'a>> {
        Ok(match self {
            Self::U8(values) => Pixels::from_u8(values, shape)?,
            Self::F32(values) => Pixels::from_f32(values, shape)?,
        })
    }

    /// The values in `range`, then zeros up to `length`.
    fn padded(self, range: Range<usize>, length: usize) -> Vec<f32> {
        let mut values: Vec<f32> = match self {
            Self::U8(all) => all[range].iter().map(|&v| f32::from(v)).collect(),
            Self::F32(all) => all[range].to_vec(),
        };
        values.resize(length, 0.0);
        values
    }
}

impl Net {
    pub(crate) fn new(engine: Engine, net: MobileNet, device: &Device) -> Result<Self> {
        Ok(match engine {
            Engine::Compiled => Self::Compiled(Box::new(net.compile()?)),
            Engine::Burn => Self::Burn(Box::new(net), device.clone().without_autodiff()),
        })
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Compiled(_) => Engine::Compiled,
            Self::Burn(..) => Engine::Burn,
        }
    }

    /// The engine, and what its last bits depend on.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Compiled(net) => format!("compiled {}", net.instruction_set()),
            Self::Burn(_, device) => format!("burn {device:?}"),
        }
    }

    /// Outputs `[n, d]` of pixels of shape `[n, height, width]`.
    pub(crate) fn forward(
        &self,
        levels: Levels<'_>,
        shape: [usize; 3],
        layer: Layer,
    ) -> Result<Vec<f32>> {
        let pixels = levels.pixels(shape)?;
        match self {
            Self::Compiled(net) => Ok(match layer {
                Layer::Embedding => net.embed(&pixels)?,
                Layer::Logits => net.logits(&pixels)?,
                Layer::Joined(blocks) => net.embed_blocks(&pixels, blocks)?,
            }),
            Self::Burn(net, device) => {
                let mut outputs = Vec::new();
                in_batches(levels, shape, |values, shape, images| {
                    let x = net.input(&values, shape, device)?;
                    let rows = match layer {
                        Layer::Embedding => net.embed(x),
                        Layer::Logits => net.forward(x)?,
                        Layer::Joined(blocks) => net.embed_blocks(x, blocks)?,
                    };
                    outputs.extend(first(rows, images.len())?);
                    Ok(())
                })?;
                Ok(outputs)
            }
        }
    }

    /// Outputs, and the gradient with respect to the pixels of what `upstream` says of an image's output.
    pub(crate) fn pixel_gradients(
        &self,
        levels: Levels<'_>,
        shape: [usize; 3],
        options: Options,
        upstream: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) -> Result<PixelGradients> {
        let pixels = levels.pixels(shape)?;
        match self {
            Self::Compiled(net) => Ok(net.pixel_gradients(&pixels, options.into(), upstream)?),
            Self::Burn(net, device) => {
                let (mut outputs, mut gradients) = (Vec::new(), Vec::new());
                let per_level = 1.0 / net.config().std;
                in_batches(levels, shape, |values, shape, images| {
                    let tape = Tape::record(net, net.input(&values, shape, device)?);
                    let (rows, at) =
                        tape.outputs(net, options.layer, images.len(), |i, output, out| {
                            upstream(images.start + i, output, out);
                        })?;
                    let (_, gradient) = tape.back(None, &at, options.guided)?;
                    let gradient = gradient.mul_scalar(per_level).permute([0, 2, 3, 1]);
                    gradients.extend(first(gradient, images.len())?);
                    outputs.extend(rows);
                    Ok(())
                })?;
                Ok(PixelGradients { outputs, gradients })
            }
        }
    }

    /// As [`pixel_gradients`](Self::pixel_gradients), at the map after a block.
    pub(crate) fn block_gradients(
        &self,
        levels: Levels<'_>,
        shape: [usize; 3],
        block: usize,
        options: Options,
        upstream: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) -> Result<BlockGradients> {
        let pixels = levels.pixels(shape)?;
        match self {
            Self::Compiled(net) => {
                Ok(net.block_gradients(&pixels, block, options.into(), upstream)?)
            }
            Self::Burn(net, device) => {
                let blocks = net.blocks.len();
                if block > blocks {
                    return Err(Error::mismatch("block", format!("0 to {blocks}"), block));
                }
                let (mut outputs, mut gradients) = (Vec::new(), Vec::new());
                let mut activations = Features {
                    shape: [shape[0], 0, 0, 0],
                    values: Vec::new(),
                };
                in_batches(levels, shape, |values, shape, images| {
                    let tape = Tape::record(net, net.input(&values, shape, device)?);
                    let (rows, at) =
                        tape.outputs(net, options.layer, images.len(), |i, output, out| {
                            upstream(images.start + i, output, out);
                        })?;
                    let (map, gradient) = tape.back(Some(block), &at, options.guided)?;
                    let [_, channels, height, width] = map.dims();
                    activations.shape = [activations.shape[0], height, width, channels];
                    activations
                        .values
                        .extend(first(map.permute([0, 2, 3, 1]), images.len())?);
                    gradients.extend(first(gradient.permute([0, 2, 3, 1]), images.len())?);
                    outputs.extend(rows);
                    Ok(())
                })?;
                Ok(BlockGradients {
                    outputs,
                    activations,
                    gradients,
                })
            }
        }
    }
}

/// Where a gradient is handed in, and how it runs back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) layer: Layer,
    /// Guided backpropagation: every ReLU6 passes positive gradients only.
    pub(crate) guided: bool,
}

impl From<Options> for GradientOptions {
    fn from(options: Options) -> Self {
        let output = match options.layer {
            Layer::Embedding => Output::Embedding,
            Layer::Logits => Output::Logits,
            Layer::Joined(blocks) => Output::Joined(blocks),
        };
        Self::new(output).with_guided(options.guided)
    }
}

/// Calls `run` with the levels of [`BATCH`] images, their shape, and which images they are; the rest is padding.
fn in_batches(
    levels: Levels<'_>,
    [n, height, width]: [usize; 3],
    mut run: impl FnMut(Vec<f32>, [usize; 3], Range<usize>) -> Result<()>,
) -> Result<()> {
    let image = height * width * 3;
    for start in (0..n).step_by(BATCH) {
        let images = start..n.min(start + BATCH);
        let range = images.start * image..images.end * image;
        let values = levels.padded(range, BATCH * image);
        run(values, [BATCH, height, width], images)?;
    }
    Ok(())
}

/// Values of the first `images` of a batch.
fn first<const D: usize>(tensor: Tensor<D>, images: usize) -> Result<Vec<f32>> {
    let tensor = tensor.narrow(0, 0, images);
    tensor
        .try_to_vec_as::<f32>()
        .map_err(|error| Error::mismatch("an output of the device", "readable numbers", error))
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
        let blocks: Vec<usize> = match layer {
            Layer::Joined(blocks) => blocks.iter().collect(),
            Layer::Embedding | Layer::Logits => vec![net.blocks.len()],
        };
        let maps = blocks.iter().map(|&block| self.map(block).clone().inner());
        let maps: Vec<Tensor<4>> = maps.collect();
        let pools = Tensor::cat(maps.iter().cloned().map(pool).collect(), 1);
        let classifier = match (layer, &net.classifier) {
            (Layer::Embedding | Layer::Joined(_), _) => None,
            (Layer::Logits, Some(classifier)) => Some(classifier),
            (Layer::Logits, None) => {
                return Err(Error::mismatch(
                    "layer",
                    "embedding",
                    "logits, which this net lacks",
                ));
            }
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
        .ok_or_else(|| Error::mismatch("gradient of a layer", "one", "none"))
}
