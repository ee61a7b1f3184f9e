//! Embeddings, logits and maps.

use super::masks::Masks;
use super::net::CompiledMobileNet;
use super::plan::Plan;
use super::threads::{all_awake, each_image};
use crate::blocks::{Blocks, check_block};
use crate::error::Result;
use crate::gradients::Features;
use crate::image_batch::ImageBatch;
use crate::layer::Layer;

impl CompiledMobileNet {
    /// Embeddings, `[n, feature_dim]`: the mean over the last map.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the images are so small that nothing is left of
    /// them: under [`Padding::End`](crate::Padding::End) a whole net needs 32 pixels.
    pub fn embed(&self, pixels: &ImageBatch) -> Result<Vec<f32>> {
        self.outputs(pixels, Layer::Embedding)
    }

    /// The means over the maps after several blocks, joined:
    /// `[n, `[`joined_dim`](crate::MobileNetConfig::joined_dim)`]`. Later blocks are not computed.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has fewer blocks, and as [`embed`](Self::embed).
    pub fn embed_blocks(&self, pixels: &ImageBatch, blocks: Blocks) -> Result<Vec<f32>> {
        self.outputs(pixels, Layer::Joined(blocks))
    }

    /// Logits, `[n, classes]`.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has no classifier, and as [`embed`](Self::embed).
    pub fn logits(&self, pixels: &ImageBatch) -> Result<Vec<f32>> {
        self.outputs(pixels, Layer::Logits)
    }

    /// One row for each image.
    pub(crate) fn outputs(&self, pixels: &ImageBatch, layer: Layer) -> Result<Vec<f32>> {
        let blocks = layer.blocks(self.config.blocks)?;
        if layer != Layer::Logits {
            return self.means(pixels, blocks);
        }
        let classifier = self.classifier()?;
        all_awake(pixels.len(), || {
            let embeddings = self.means(pixels, blocks)?;
            Ok(self.product(classifier, &embeddings, self.config.classes))
        })
    }

    /// The means over the maps after these blocks, joined. Later blocks are not computed.
    fn means(&self, pixels: &ImageBatch, blocks: Blocks) -> Result<Vec<f32>> {
        let plan = self.plan(pixels)?;
        let dim = self.config.joined_dim(blocks);
        let mut means = vec![0.0; pixels.len() * dim];
        let images = means.chunks_exact_mut(dim);
        each_image(plan.threads, pixels.len(), images, |i, parts, out| {
            let (last, masks) = (blocks.last(), &mut Masks::default());
            let mut pools = self.pools(&plan, blocks, out);
            self.forward(&plan, pixels.image(i), last, parts, masks, |block, map| {
                pools(block, map);
            });
        });
        Ok(means)
    }

    /// The maps after `block` (0: the stem, 1 to 13: the separable blocks), after ReLU6.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has fewer blocks, and as [`embed`](Self::embed).
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

    pub(super) fn empty_features(&self, plan: &Plan, n: usize, block: usize) -> Result<Features> {
        check_block(block, self.config.blocks)?;
        let map = plan.shape(block);
        let shape = [n, map.height, map.width, self.config.channels_after(block)];
        Ok(Features {
            shape,
            values: vec![0.0; shape.iter().product()],
        })
    }

    /// Leaves out the padding between rows and of channels.
    pub(super) fn copy_map(&self, plan: &Plan, block: usize, map: &[f32], out: &mut [f32]) {
        let channels = self.config.channels_after(block);
        for (p, out) in out.chunks_exact_mut(channels).enumerate() {
            let start = plan.shape(block).offset(p);
            out.copy_from_slice(&map[start..start + channels]);
        }
    }
}
