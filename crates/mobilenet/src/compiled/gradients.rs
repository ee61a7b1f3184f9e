//! Gradients of batches: vector-Jacobian products.

use super::backward::Backward;
use super::masks::Masks;
use super::net::CompiledMobileNet;
use super::plan::Plan;
use super::threads::each_image;
use super::transposed::Transposed;
use crate::blocks::Blocks;
use crate::error::Result;
use crate::gradients::{BlockGradients, GradientOptions, PixelGradients};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;

impl CompiledMobileNet {
    /// Outputs and vector-Jacobian products with respect to the pixels.
    ///
    /// `gradient(i, output, out)` gets the output of image `i` (its embedding or logits) and writes to `out` the gradient
    /// of the caller's function with respect to this output. `out` has the length of the output and holds zeros. The
    /// function is called once for each image, from several threads.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if logits are requested and the net has no classifier, and as [`embed`](Self::embed).
    ///
    /// ```
    /// # fn main() -> mobilenet::Result<()> {
    /// # let device = burn::tensor::Device::flex();
    /// use mobilenet::{GradientOptions, MobileNetConfig, Layer, ImageBatch};
    /// let net = MobileNetConfig::new().with_alpha(0.25).with_classes(10).init(&device)?.compile()?;
    /// let image = vec![128u8; 64 * 64 * 3];
    /// let pixels = ImageBatch::from_u8(&image, [1, 64, 64])?;
    /// // How does logit 3 change with each pixel?
    /// let result = net.pixel_gradients(&pixels, GradientOptions::new(Layer::Logits), |_, _, out| out[3] = 1.0)?;
    /// assert_eq!(result.gradients.len(), image.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn pixel_gradients(
        &self,
        pixels: &ImageBatch,
        options: GradientOptions,
        gradient: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) -> Result<PixelGradients> {
        let [height, width] = pixels.size();
        let mut gradients = vec![0.0; pixels.len() * height * width * 3];
        let images = gradients.chunks_exact_mut(height * width * 3);
        let outputs = self.gradients(
            pixels,
            options,
            images,
            gradient,
            |_, _, _, _| {},
            |backward, out: &mut [f32]| backward.to_pixels(out),
        )?;
        Ok(PixelGradients { outputs, gradients })
    }

    /// The maps after `block` and the gradient there, as Grad-CAM needs them; `gradient` is as in
    /// [`pixel_gradients`](Self::pixel_gradients).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the net has fewer blocks, and as [`pixel_gradients`](Self::pixel_gradients).
    pub fn block_gradients(
        &self,
        pixels: &ImageBatch,
        block: usize,
        options: GradientOptions,
        gradient: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) -> Result<BlockGradients> {
        let mut activations = self.empty_features(&self.plan(pixels)?, pixels.len(), block)?;
        let mut gradients = vec![0.0; activations.values.len()];
        let image: usize = activations.shape[1..].iter().product();
        let images = activations
            .values
            .chunks_exact_mut(image)
            .zip(gradients.chunks_exact_mut(image));
        let visit = |plan: &Plan,
                     b: usize,
                     map: &[f32],
                     (activations, _): &mut (&mut [f32], &mut [f32])| {
            if b == block {
                self.copy_map(plan, block, map, activations);
            }
        };
        let outputs = self.gradients(
            pixels,
            options,
            images,
            gradient,
            visit,
            |backward, (_, out)| backward.to_block(block, out),
        )?;
        Ok(BlockGradients {
            outputs,
            activations,
            gradients,
        })
    }

    /// Forward, the caller's gradient, and `finish` backwards, for every image; `visit` sees the maps on the way.
    fn gradients<T: Send>(
        &self,
        pixels: &ImageBatch,
        options: GradientOptions,
        images: impl Iterator<Item = T> + Send,
        gradient: impl Fn(usize, &[f32], &mut [f32]) + Sync,
        visit: impl Fn(&Plan, usize, &[f32], &mut T) + Sync,
        finish: impl Fn(&Backward, T) + Sync,
    ) -> Result<Vec<f32>> {
        let plan = self.plan(pixels)?;
        let transposed = self
            .transposed
            .get_or_init(|| Transposed::of(&self.layers, self.config.std));
        let last = self.config.blocks;
        let blocks = options.layer.blocks(last)?;
        let classifier = match options.layer {
            Layer::Logits => Some(self.classifier()?),
            Layer::Embedding | Layer::Joined(_) => None,
        };
        let dim = self.config.joined_dim(blocks);
        let length = classifier.map_or(dim, |_| self.config.classes);
        let mut outputs = vec![0.0; pixels.len() * length];
        let images = outputs.chunks_exact_mut(length).zip(images);
        each_image(
            plan.threads,
            pixels.len(),
            images,
            |i, parts, (output, mut image)| {
                self.with_masks(&plan, |masks| {
                    let mut embedding = vec![0.0; dim];
                    let mut pools = self.pools(&plan, blocks, &mut embedding);
                    self.forward(&plan, pixels.image(i), last, parts, masks, |block, map| {
                        visit(&plan, block, map, &mut image);
                        pools(block, map);
                    });
                    drop(pools);
                    match classifier {
                        Some(classifier) => {
                            output.copy_from_slice(&self.product(classifier, &embedding, length));
                        }
                        None => output.copy_from_slice(&embedding),
                    }
                    let mut at = vec![0.0; length];
                    gradient(i, output, &mut at);
                    if let (Some(_), Some(classifier)) = (classifier, &transposed.classifier) {
                        at = self.product(classifier, &at, dim);
                    }
                    let backward = Backward {
                        net: self,
                        transposed,
                        plan: &plan,
                        masks,
                        guided: options.guided,
                        parts,
                        pools: self.pool_gradients(&plan, blocks, &at),
                    };
                    finish(&backward, image);
                });
            },
        );
        Ok(outputs)
    }

    /// What the gradient at the joined pools adds at each pixel of the map after each block: nothing where it is empty.
    fn pool_gradients(&self, plan: &Plan, blocks: Blocks, mut at: &[f32]) -> Vec<Vec<f32>> {
        let of_block = |block: usize| {
            let shape = plan.shape(block);
            let mut gradient = Vec::new();
            if blocks.contains(block) || block == self.config.blocks {
                gradient.resize(shape.channels, 0.0);
            }
            if blocks.contains(block) {
                let (pool, rest) = at.split_at(self.config.channels_after(block));
                for (to, from) in gradient.iter_mut().zip(pool) {
                    *to = from / shape.pixels() as f32;
                }
                at = rest;
            }
            gradient
        };
        (0..=self.config.blocks).map(of_block).collect()
    }

    /// Masks are kept between calls, for the size of input they were made for.
    fn with_masks(&self, plan: &Plan, f: impl FnOnce(&mut Masks)) {
        let free = || {
            self.masks
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let size = [plan.height, plan.width];
        let kept = free().pop().filter(|(of, _)| *of == size);
        let (_, mut masks) = kept.unwrap_or_else(|| (size, Masks::new(plan, self.kernels.lanes)));
        f(&mut masks);
        free().push((size, masks));
    }
}
