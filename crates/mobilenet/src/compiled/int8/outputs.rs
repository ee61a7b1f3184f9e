//! Embeddings, logits, maps, and the levels that a file's net gives.

use super::net::CompiledQuantizedNet;
use super::shape::{Plan, Shape};
use crate::blocks::{Blocks, check_block};
use crate::compiled::kernels::int8::{Matmul, Out, PLANE};
use crate::compiled::threads::{self, all_awake, each_image};
use crate::error::{Error, Result};
use crate::gradients::Features;
use crate::image_batch::ImageBatch;
use crate::quantized::Activation;
use crate::quantized::pool;

impl CompiledQuantizedNet {
    /// Embeddings, `[n, feature_dim]`: the mean over the last map, exact or as the level that the file's net rounds it to
    /// ([`QuantizedNet::wide_outputs`](crate::quantized::QuantizedNet::wide_outputs)).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the images are so small that nothing is left of them.
    pub fn embed(&self, images: &ImageBatch<'_>) -> Result<Vec<f32>> {
        if self.net.wide_outputs {
            return self.embed_blocks(images, Blocks::only(self.net.config.blocks));
        }
        let pooled = self.pooled(images)?;
        Ok(pooled
            .iter()
            .map(|&level| self.net.pooled.real(level))
            .collect())
    }

    /// The means over the maps after several blocks, joined:
    /// `[n, `[`joined_dim`](crate::MobileNetConfig::joined_dim)`]`. Later blocks are not computed.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has fewer blocks, and as [`embed`](Self::embed).
    pub fn embed_blocks(&self, images: &ImageBatch<'_>, blocks: Blocks) -> Result<Vec<f32>> {
        check_block(blocks.last(), self.net.config.blocks)?;
        let dim = self.net.config.joined_dim(blocks);
        let mut means = vec![0.0; images.len() * dim];
        let rows = means.chunks_exact_mut(dim);
        self.each(images, blocks.last(), rows, |plan, block, map, rest| {
            if blocks.contains(block) {
                let shape = plan.shape(block);
                let channels = self.net.config.channels_after(block);
                let (out, after) = std::mem::take(rest).split_at_mut(channels);
                *rest = after;
                let (pixels, output) = (shape.pixels() as f64, self.output_of(block));
                for (out, sum) in out.iter_mut().zip(sums(shape, map)) {
                    let mean = f64::from(sum) / pixels - f64::from(output.zero_point);
                    *out = (mean * f64::from(output.scale)) as f32;
                }
            }
        })?;
        Ok(means)
    }

    /// Logits, `[n, classes]`, before a softmax of the file.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has no classifier, and as [`embed`](Self::embed).
    pub fn logits(&self, images: &ImageBatch<'_>) -> Result<Vec<f32>> {
        let last = self.net.layers.len() - 1;
        let layer = &self.net.layers[last];
        if !self.net.wide_outputs {
            let levels = self.logit_levels(images)?;
            return Ok(levels
                .iter()
                .map(|&level| layer.output.real(level))
                .collect());
        }
        let pooled = f64::from(self.net.pooled.scale);
        let rows = self.class_sums(images, |sums: &[i32], out: &mut [f32]| {
            for ((out, &sum), &scale) in out.iter_mut().zip(sums).zip(&layer.weight_scales) {
                *out = (f64::from(sum) * pooled * f64::from(scale)) as f32;
            }
        })?;
        Ok(rows)
    }

    /// The maps after `block` (0: the stem, 1 to 13: the separable blocks), after ReLU6.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has fewer blocks, and as [`embed`](Self::embed).
    pub fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features> {
        check_block(block, self.net.config.blocks)?;
        let shape = Plan::new(&self.net.config, images.size())?.shape(block);
        let channels = self.net.config.channels_after(block);
        let image = shape.pixels() * channels;
        let mut values = vec![0.0; images.len() * image];
        let output = self.output_of(block);
        let maps = values.chunks_exact_mut(image);
        self.each(images, block, maps, |_, b, map, out| {
            if b == block {
                for (p, out) in out.chunks_exact_mut(channels).enumerate() {
                    for (out, levels) in out.chunks_mut(shape.wide).zip(shape.pixel(map, p)) {
                        for (out, &level) in out.iter_mut().zip(levels) {
                            *out = output.real(level);
                        }
                    }
                }
            }
        })?;
        let shape = [images.len(), shape.height, shape.width, channels];
        Ok(Features { shape, values })
    }

    /// The levels of the logits, `[n, classes]`.
    pub(super) fn logit_levels(&self, images: &ImageBatch<'_>) -> Result<Vec<u8>> {
        let requantizer = self.net.requantizer(self.net.layers.len() - 1);
        self.class_sums(images, |sums: &[i32], out: &mut [u8]| {
            requantizer.levels(sums, out);
        })
    }

    /// The levels of the embeddings, `[n, feature_dim]`.
    pub(super) fn pooled(&self, images: &ImageBatch<'_>) -> Result<Vec<u8>> {
        let (last, dim) = (self.net.config.blocks, self.net.config.feature_dim());
        let mut levels = vec![0; images.len() * dim];
        let input = self.output_of(last);
        let rows = levels.chunks_exact_mut(dim);
        self.each(images, last, rows, |plan, block, map, out| {
            if block == last {
                let shape = plan.shape(block);
                let pixels = shape.pixels() as i64;
                for (out, sum) in out.iter_mut().zip(sums(shape, map)) {
                    *out = pool::level(&self.net, input, i64::from(sum), pixels);
                }
            }
        })?;
        Ok(levels)
    }

    /// What `finish` makes of the sums of the classes for each image, `[n, classes]`.
    fn class_sums<T: Copy + Default + Send>(
        &self,
        images: &ImageBatch<'_>,
        finish: impl Fn(&[i32], &mut [T]) + Sync,
    ) -> Result<Vec<T>> {
        /// Planes of classes that a thread takes at once.
        const PART: usize = 4;
        let classifier = self
            .layers
            .classifier
            .as_ref()
            .ok_or_else(Error::no_classifier)?;
        let classes = self.net.config.classes;
        all_awake(images.len(), || {
            let pooled = self.pooled(images)?;
            let left = self.left_side(&pooled);
            let rows = images.len();
            let starts = (0..classifier.planes()).step_by(PART);
            let parts = threads::map(starts, |start| {
                let planes = start..classifier.planes().min(start + PART);
                let mut sums = vec![0; rows * planes.len() * PLANE];
                self.kernels.matmul(Matmul {
                    left: &left,
                    pitch: rows,
                    rows,
                    right: classifier,
                    planes,
                    out: Out::Sums(&mut sums),
                });
                sums
            });
            let mut out = vec![T::default(); rows * classes];
            let mut row = Vec::with_capacity(classifier.planes() * PLANE);
            for (r, out) in out.chunks_exact_mut(classes).enumerate() {
                row.clear();
                for part in &parts {
                    let width = part.len() / rows;
                    row.extend_from_slice(&part[r * width..(r + 1) * width]);
                }
                finish(&row[..classes], out);
            }
            Ok(out)
        })
    }

    /// Embeddings as the left side of a product: `[plane][image][level]`.
    fn left_side(&self, pooled: &[u8]) -> Vec<u8> {
        let dim = self.net.config.feature_dim();
        let (block, bytes) = (super::shape::wide(dim), self.kernels.level_bytes);
        let rows = pooled.len() / dim;
        let mut left = vec![0; dim.div_ceil(block) * rows * block * bytes];
        for (r, row) in pooled.chunks_exact(dim).enumerate() {
            for (b, levels) in row.chunks(block).enumerate() {
                let to = &mut left[(b * rows + r) * block * bytes..];
                for (to, &level) in to.chunks_exact_mut(bytes).zip(levels) {
                    to[0] = level;
                }
            }
        }
        left
    }

    /// What the levels of the map after a block stand for.
    fn output_of(&self, block: usize) -> Activation {
        self.net.layers[2 * block].output
    }

    /// Runs every image up to `last` and shows `visit` its maps, with the place for what is made of them.
    fn each<T: Send>(
        &self,
        images: &ImageBatch<'_>,
        last: usize,
        places: impl Iterator<Item = T> + Send,
        visit: impl Fn(&Plan, usize, &[u8], &mut T) + Sync,
    ) -> Result<()> {
        let plan = Plan::new(&self.net.config, images.size())?;
        each_image(
            threads::count(),
            images.len(),
            places,
            |i, parts, mut place| {
                self.forward(&plan, images.image(i), last, parts, |block, map| {
                    visit(&plan, block, map, &mut place);
                });
            },
        );
        Ok(())
    }
}

/// Sums of the levels of each channel.
fn sums(shape: Shape, map: &[u8]) -> Vec<u32> {
    let mut sums = vec![0; shape.planes * shape.wide];
    for (plane, sums) in sums.chunks_exact_mut(shape.wide).enumerate() {
        let map = &map[plane * shape.plane_len()..];
        for y in 0..shape.height {
            let row = &map[shape.offset(y * shape.width)..][..shape.width * shape.wide];
            for pixel in row.chunks_exact(shape.wide) {
                for (sum, &level) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(level);
                }
            }
        }
    }
    sums
}
