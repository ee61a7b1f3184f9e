//! The network without Burn, for CPUs: weights packed once, forward pass and pixel gradients.
//!
//! Batch norm is a factor and a bias in the convolutions' last step, pixels go in as decoders give them, and each
//! block's depthwise and pointwise convolutions are one pass over bands of pixels that fit a second-level cache.
//! One micro-kernel, generic over the vectors of an instruction set, does all matrix products. Images of a batch
//! run in parallel on rayon's current pool; one image, and the last ones of a batch, are split over its threads.

mod backward;
mod fold;
mod forward;
mod gradients;
mod instruction_set;
mod kernels;
mod options;
mod plan;
#[cfg(all(test, feature = "burn", feature = "rayon"))]
mod tests;
mod threads;

use std::sync::{Mutex, OnceLock};

use self::backward::Transposed;
use self::fold::Layers;
use self::forward::Masks;
use self::kernels::{Finish, Kernels, Matmul, Packed, Place};
use self::plan::{Buffers, Plan};
use self::threads::{awake, each_image};
use crate::blocks::Blocks;
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::gradients::Features;
use crate::image_batch::ImageBatch;
use crate::precision::Precision;
use crate::weights::parameters::Arrays;

pub use self::instruction_set::InstructionSet;
pub use self::options::{ActivationRange, ActivationRanges, CompileOptions};

/// A [`MobileNet`] compiled for this processor: `Send + Sync`, one copy of the weights for all threads.
///
/// Results agree with Burn's to 1e-4 of the largest value. On one instruction set the result for an image is the
/// same to the bit, whatever the batch around it and the number of threads.
///
/// The memory that a pass needs is kept for the next one, as much as the largest images and most threads so far took,
/// until the net is dropped.
///
/// ```
/// # fn main() -> mobilenet::Result<()> {
/// # let device = burn::tensor::Device::flex();
/// use mobilenet::{MobileNetConfig, ImageBatch};
/// let net = MobileNetConfig::new().with_alpha(0.25).with_classes(10).init(&device)?.compile()?;
/// let image = vec![128u8; 64 * 64 * 3];
/// let embedding = net.embed(&ImageBatch::from_u8(&image, [1, 64, 64])?)?;
/// assert_eq!(embedding.len(), net.feature_dim());
/// # Ok(())
/// # }
/// ```
pub struct CompiledMobileNet {
    config: MobileNetConfig,
    precision: Precision,
    kernels: &'static Kernels,
    layers: Layers,
    transposed: OnceLock<Transposed>,
    maps: Buffers<f32>,
    bands: Buffers<f32>,
    masks: Mutex<Vec<([usize; 2], Masks)>>,
}

impl std::fmt::Debug for CompiledMobileNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = self.instruction_set();
        f.debug_struct("CompiledMobileNet")
            .field("config", &self.config)
            .field("instruction_set", &set)
            .finish_non_exhaustive()
    }
}

impl CompiledMobileNet {
    /// Folds and packs checked arrays: all that a net of this configuration has.
    ///
    /// # Errors
    /// [`Error::Setting`] where the options ask for what this processor does not have, [`Error::Mismatch`] where values
    /// leave the range of f32 when they are folded.
    pub(crate) fn of(
        config: &MobileNetConfig,
        arrays: &Arrays,
        options: &CompileOptions,
    ) -> Result<Self> {
        let kernels = options.kernels()?;
        options.check(config)?;
        Ok(Self {
            config: config.clone(),
            precision: options.precision(),
            kernels,
            layers: Layers::of(config, arrays, kernels.lanes)?,
            transposed: OnceLock::new(),
            maps: Buffers::new(),
            bands: Buffers::new(),
            masks: Mutex::new(Vec::new()),
        })
    }

    /// The configuration of the net.
    pub fn config(&self) -> &MobileNetConfig {
        &self.config
    }

    /// Length of an embedding.
    pub fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }

    /// Number of logits; 0 where the net has no classifier.
    pub fn classes(&self) -> usize {
        if self.layers.classifier.is_some() {
            self.config.classes
        } else {
            0
        }
    }

    /// The numbers that the net computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The instruction set of the kernels.
    pub fn instruction_set(&self) -> InstructionSet {
        self.kernels.instruction_set
    }

    /// Embeddings, `[n, feature_dim]`: the mean over the last map.
    ///
    /// # Errors
    /// [`Error::Input`] where the images are so small that nothing is left of them: under
    /// [`Padding::End`](crate::Padding::End) a whole net needs 32 pixels.
    pub fn embed(&self, pixels: &ImageBatch) -> Result<Vec<f32>> {
        self.embed_blocks(pixels, Blocks::only(self.config.blocks))
    }

    /// The means over the maps after several blocks, joined, `[n, `[`joined_dim`](MobileNetConfig::joined_dim)`]`; what
    /// lies behind the last of them is not computed.
    ///
    /// # Errors
    /// [`Error::Input`] where the net has fewer blocks, and as [`embed`](Self::embed).
    pub fn embed_blocks(&self, pixels: &ImageBatch, blocks: Blocks) -> Result<Vec<f32>> {
        let plan = self.plan(pixels)?;
        blocks.check(self.config.blocks)?;
        let dim = self.config.joined_dim(blocks);
        let mut embeddings = vec![0.0; pixels.len() * dim];
        let images = embeddings.chunks_exact_mut(dim);
        each_image(plan.threads, pixels.len(), images, |i, parts, out| {
            let (last, masks) = (blocks.last(), &mut Masks::default());
            let mut pools = self.pools(&plan, blocks, out);
            self.forward(&plan, pixels.image(i), last, parts, masks, |block, map| {
                pools(block, map);
            });
        });
        Ok(embeddings)
    }

    /// Logits, `[n, classes]`.
    ///
    /// # Errors
    /// [`Error::Input`] where the net has no classifier, and as [`embed`](Self::embed).
    pub fn logits(&self, pixels: &ImageBatch) -> Result<Vec<f32>> {
        let classifier = self.classifier()?;
        let run = || {
            let embeddings = self.embed(pixels)?;
            Ok(self.product(classifier, &embeddings, self.config.classes))
        };
        let threads = threads::count();
        if pixels.len() < threads {
            // Else the others would sleep when the classifier's columns come.
            awake(threads - 1, run)
        } else {
            run()
        }
    }

    /// The maps after `block` (0: the stem, 1 to 13: the separable blocks), after ReLU6.
    ///
    /// # Errors
    /// [`Error::Input`] where the net has fewer blocks, and as [`embed`](Self::embed).
    pub fn features(&self, pixels: &ImageBatch, block: usize) -> Result<Features> {
        let plan = self.plan(pixels)?;
        let mut features = self.empty_features(&plan, pixels.len(), block)?;
        let images = features
            .values
            .chunks_exact_mut(features.shape[1..].iter().product());
        each_image(plan.threads, pixels.len(), images, |i, parts, out| {
            self.forward(
                &plan,
                pixels.image(i),
                block,
                parts,
                &mut Masks::default(),
                |b, map| {
                    if b == block {
                        self.copy_map(&plan, block, map, out);
                    }
                },
            );
        });
        Ok(features)
    }

    fn plan(&self, pixels: &ImageBatch) -> Result<Plan> {
        Plan::new(&self.config, self.kernels.lanes, pixels.size())
    }

    fn classifier(&self) -> Result<&Packed> {
        self.layers
            .classifier
            .as_ref()
            .ok_or_else(Error::no_classifier)
    }

    fn check_block(&self, block: usize) -> Result<()> {
        let blocks = self.config.blocks;
        if block > blocks {
            return Err(Error::Input(format!(
                "block {block} is requested; this net has the blocks 0 (the stem) to {blocks}"
            )));
        }
        Ok(())
    }

    fn empty_features(&self, plan: &Plan, n: usize, block: usize) -> Result<Features> {
        self.check_block(block)?;
        let map = plan.shape(block);
        let shape = [n, map.height, map.width, self.config.channels_after(block)];
        Ok(Features {
            shape,
            values: vec![0.0; shape.iter().product()],
        })
    }

    /// Leaves out the padding between rows and of channels.
    fn copy_map(&self, plan: &Plan, block: usize, map: &[f32], out: &mut [f32]) {
        let channels = self.config.channels_after(block);
        for (p, out) in out.chunks_exact_mut(channels).enumerate() {
            let start = plan.shape(block).offset(p);
            out.copy_from_slice(&map[start..start + channels]);
        }
    }

    /// Rows of `left` times a packed matrix, `columns` values of each row kept; threads share its columns.
    fn product(&self, right: &Packed, left: &[f32], columns: usize) -> Vec<f32> {
        const PART: usize = 128;
        let rows = left.len() / right.depth();
        let starts = (0..right.columns()).step_by(PART);
        let parts = threads::map(starts, |start| {
            let columns = start..right.columns().min(start + PART);
            let mut out = vec![0.0; rows * columns.len()];
            self.kernels.matmul(Matmul {
                left: &[left],
                depth: right.depth(),
                row_stride: right.depth(),
                rows,
                right,
                place: Place::dense(columns.len()),
                columns,
                out: &mut out,
                finish: Finish::Raw,
            });
            out
        });
        let row = |r: usize| {
            let parts = parts
                .iter()
                .map(move |part| part.chunks_exact(part.len() / rows).nth(r));
            parts.flatten().flatten().take(columns).copied()
        };
        (0..rows).flat_map(row).collect()
    }
}
