//! The network as a module of Burn.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu6;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::{Blocks, check_block};
use crate::config::{BLOCKS, MobileNetConfig, Padding, STEM};
use crate::error::{Error, Result};
use crate::image_batch::check_shape;

/// A convolution without bias, batch normalization, and ReLU6.
#[derive(Module, Debug)]
pub struct ConvBlock {
    /// The convolution: weight `[out, in / groups, k, k]`.
    pub conv: Conv2d,
    /// The batch normalization of its output channels.
    pub bn: BatchNorm,
}

impl ConvBlock {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu6(self.bn.forward(self.conv.forward(x)))
    }
}

/// A depthwise 3x3 convolution and a pointwise 1x1 convolution, each with batch normalization and ReLU6.
#[derive(Module, Debug)]
pub struct SeparableBlock {
    /// The 3x3 convolution with one filter per channel.
    pub depthwise: ConvBlock,
    /// The 1x1 convolution, which mixes the channels.
    pub pointwise: ConvBlock,
}

/// MobileNetV1 ([Howard et al. 2017](https://arxiv.org/abs/1704.04861)): a 3x3 stem, up to 13 separable blocks, a
/// global average pool and, if all blocks are kept, a linear classifier.
///
/// The input is `[n, 3, height, width]`, normalized by [`MobileNet::input`]. Height and width are 1 to 65,536; a whole
/// net with [`Padding::End`](crate::Padding::End) needs at least 32, because its convolutions leave nothing of smaller
/// images. [`MobileNetConfig::init`] makes a net with random weights. [`Weights::load`](crate::Weights::load) makes one
/// with trained weights, which is frozen.
///
/// Burn's batch normalization trains, and overwrites its running statistics, whenever its *input* is on an autodiff
/// device. Call `freeze()` before you compute a gradient with respect to pixels. Loaded nets are already frozen.
#[derive(Module, Debug)]
pub struct MobileNet {
    /// The first convolution, stride 2.
    pub stem: ConvBlock,
    /// The separable blocks kept.
    pub blocks: Vec<SeparableBlock>,
    /// The layer from embedding to logits; `None` if the net has no classifier.
    pub classifier: Option<Linear>,
    #[module(skip)]
    config: MobileNetConfig,
}

impl MobileNetConfig {
    /// A net with random weights (Burn's default initializers), not frozen.
    ///
    /// # Errors
    /// [`Error::Setting`] if a field is outside its range.
    pub fn init(&self, device: &Device) -> Result<MobileNet> {
        self.check()?;
        let conv_block =
            |block: usize, input: usize, output: usize, (kernel, stride, groups)| ConvBlock {
                conv: Conv2dConfig::new([input, output], [kernel, kernel])
                    .with_stride([stride, stride])
                    .with_groups(groups)
                    .with_padding(to_burn(self.padding.of_block(block), kernel, stride))
                    .with_bias(false)
                    .init(device),
                bn: BatchNormConfig::new(output)
                    .with_epsilon(self.epsilon)
                    .init(device),
            };
        let mut channels = self.width(STEM.0);
        let stem = conv_block(0, 3, channels, (3, STEM.1, 1));
        let blocks = BLOCKS[..self.blocks]
            .iter()
            .enumerate()
            .map(|(i, &(width, stride))| {
                let (input, output) = (channels, self.width(width));
                channels = output;
                SeparableBlock {
                    depthwise: conv_block(i + 1, input, input, (3, stride, input)),
                    pointwise: conv_block(i + 1, input, output, (1, 1, 1)),
                }
            })
            .collect();
        let classifier =
            (self.classes > 0).then(|| LinearConfig::new(channels, self.classes).init(device));
        Ok(MobileNet {
            stem,
            blocks,
            classifier,
            config: self.clone(),
        })
    }
}

impl MobileNet {
    /// The configuration that the net was made with.
    pub fn config(&self) -> &MobileNetConfig {
        &self.config
    }

    /// The device that holds the weights.
    pub fn device(&self) -> Device {
        self.stem.conv.weight.val().device()
    }

    /// Length of an embedding.
    pub fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }

    /// The map after `block` (0 is the stem, 1 to 13 are the separable blocks, all after ReLU6): `[n, 3, height,
    /// width]` to `[n, channels, height', width']`. A `block` beyond the last one counts as the last one.
    ///
    /// # Panics
    /// If `x` does not have 3 channels. The panic comes from Burn.
    pub fn features_after(&self, x: Tensor<4>, block: usize) -> Tensor<4> {
        self.walk(x, block, |_, _| ())
    }

    /// The map after block `last`; `visit` is shown it and those before.
    fn walk(
        &self,
        x: Tensor<4>,
        last: usize,
        mut visit: impl FnMut(usize, &Tensor<4>),
    ) -> Tensor<4> {
        let mut x = self.stem.forward(x);
        visit(0, &x);
        for (block, layers) in (1..).zip(self.blocks.iter().take(last)) {
            x = layers.pointwise.forward(layers.depthwise.forward(x));
            visit(block, &x);
        }
        x
    }

    /// The map after the last block that is kept.
    pub fn forward_features(&self, x: Tensor<4>) -> Tensor<4> {
        self.features_after(x, self.blocks.len())
    }

    /// Embeddings: the mean over the last map, `[n, feature_dim]`.
    pub fn embed(&self, x: Tensor<4>) -> Tensor<2> {
        pool(self.forward_features(x))
    }

    /// The spatial means of the maps after several blocks, concatenated: `[n,
    /// `[`joined_dim`](MobileNetConfig::joined_dim)`]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the net has fewer blocks.
    ///
    /// # Panics
    /// If `x` does not have 3 channels, as [`features_after`](Self::features_after).
    pub fn embed_blocks(&self, x: Tensor<4>, blocks: Blocks) -> Result<Tensor<2>> {
        check_block(blocks.last(), self.blocks.len())?;
        let mut pools = Vec::new();
        self.walk(x, blocks.last(), |block, map| {
            if blocks.contains(block) {
                pools.push(pool(map.clone()));
            }
        });
        Ok(Tensor::cat(pools, 1))
    }

    /// Logits `[n, classes]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the net has no classifier.
    pub fn forward(&self, x: Tensor<4>) -> Result<Tensor<2>> {
        let classifier = self.classifier.as_ref();
        let classifier = classifier.ok_or_else(Error::no_classifier)?;
        Ok(classifier.forward(self.embed(x)))
    }

    /// Makes the network's input `[n, 3, height, width]` on `device`, `(level - mean) / std`, from pixels in the form that
    /// decoders produce: `[n, height, width, 3]`, levels 0 to 255. `shape` is `[n, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the length is not `n * height * width * 3`, a side is 0 or above 65,536, or the images
    /// are too small for the net.
    pub fn input<P: Copy + Into<f32>>(
        &self,
        pixels: &[P],
        shape: [usize; 3],
        device: &Device,
    ) -> Result<Tensor<4>> {
        let [n, height, width] = shape;
        check_shape(pixels.len(), shape)?;
        self.config.map_sizes([height, width])?;
        let (mean, std) = (self.config.mean as f32, self.config.std as f32);
        let data: Vec<f32> = pixels.iter().map(|&p| (p.into() - mean) / std).collect();
        let nhwc = Tensor::<4>::from_data(TensorData::new(data, [n, height, width, 3]), device);
        Ok(nhwc.permute([0, 3, 1, 2]))
    }
}

/// Global average pool: `[n, c, h, w]` to `[n, c]`.
pub fn pool(map: Tensor<4>) -> Tensor<2> {
    let [n, channels, _, _] = map.dims();
    map.mean_dim(2).mean_dim(3).reshape([n, channels])
}

/// A padding rule in Burn's words.
pub(crate) fn to_burn(rule: Padding, kernel: usize, stride: usize) -> PaddingConfig2d {
    match rule {
        _ if kernel == 1 => PaddingConfig2d::Valid,
        _ if stride == 1 => PaddingConfig2d::Explicit(1, 1, 1, 1),
        Padding::Same => PaddingConfig2d::Same,
        Padding::End | Padding::EndButStem => PaddingConfig2d::Explicit(0, 0, 1, 1),
        Padding::Both => PaddingConfig2d::Explicit(1, 1, 1, 1),
    }
}
