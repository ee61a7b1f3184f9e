//! Vector-Jacobian products of batches.

use super::backward::{Backward, Transposed};
use super::forward::Masks;
use super::plan::Plan;
use super::{CompiledMobileNet, Features, Pixels, each_image};
use crate::Result;

/// Where a gradient is handed in: the function's value is a function of this output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// The global average pool, `feature_dim` values an image.
    Embedding,
    /// The classifier's, `classes` values an image.
    Logits,
}

/// Outputs and gradients of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelGradients {
    /// Embeddings or logits, an image after the other.
    pub outputs: Vec<f32>,
    /// With respect to the pixels, per level (0 to 255): `[n, height, width, 3]`, as the pixels.
    pub gradients: Vec<f32>,
}

/// Outputs of a batch, maps after a block and the gradients there.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockGradients {
    /// Embeddings or logits, an image after the other.
    pub outputs: Vec<f32>,
    /// The maps after the block's ReLU6.
    pub activations: Features,
    /// With respect to the maps, in their layout.
    pub gradients: Vec<f32>,
}

/// How gradients run backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GradientOptions {
    output: Output,
    guided: bool,
}

impl GradientOptions {
    /// With the gradient handed in at `output`; not guided.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            guided: false,
        }
    }

    /// Guided backpropagation ([Springenberg et al. 2014](https://arxiv.org/abs/1412.6806)): every ReLU6 passes
    /// positive gradients only. Default: false.
    pub fn with_guided(mut self, guided: bool) -> Self {
        self.guided = guided;
        self
    }
}

impl CompiledMobileNet {
    /// The vector-Jacobian product with respect to the pixels.
    ///
    /// `gradient(i, output, out)` is given the embedding or logits of image `i` and fills `out`, of the same length
    /// and zero before, with the gradient of the function of interest with respect to them. It is called once an
    /// image, from several threads.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) where logits are asked for and the net has no classifier, and as [`embed`](Self::embed).
    ///
    /// ```
    /// # fn main() -> mobilenet::Result<()> {
    /// # let device = burn::tensor::Device::flex();
    /// use mobilenet::{GradientOptions, MobileNetConfig, Output, Pixels};
    /// let net = MobileNetConfig::new().with_alpha(0.25).with_classes(10).init(&device)?.compile()?;
    /// let image = vec![128u8; 64 * 64 * 3];
    /// let pixels = Pixels::from_u8(&image, [1, 64, 64])?;
    /// // How does logit 3 change with each pixel?
    /// let result = net.pixel_gradients(&pixels, GradientOptions::new(Output::Logits), |_, _, out| out[3] = 1.0)?;
    /// assert_eq!(result.gradients.len(), image.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn pixel_gradients(
        &self,
        pixels: &Pixels,
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
            |backward, at, out| {
                backward.to_pixels(at, out);
            },
        )?;
        Ok(PixelGradients { outputs, gradients })
    }

    /// The maps after `block` and the gradient there, as Grad-CAM needs them; `gradient` is as in
    /// [`pixel_gradients`](Self::pixel_gradients).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) where the net has fewer blocks, and as [`pixel_gradients`](Self::pixel_gradients).
    pub fn block_gradients(
        &self,
        pixels: &Pixels,
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
            |backward, at, (_, out)| {
                backward.to_block(block, at, out);
            },
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
        pixels: &Pixels,
        options: GradientOptions,
        images: impl Iterator<Item = T> + Send,
        gradient: impl Fn(usize, &[f32], &mut [f32]) + Sync,
        visit: impl Fn(&Plan, usize, &[f32], &mut T) + Sync,
        finish: impl Fn(&Backward, &[f32], T) + Sync,
    ) -> Result<Vec<f32>> {
        let plan = self.plan(pixels)?;
        let transposed = self
            .transposed
            .get_or_init(|| Transposed::of(&self.layers, self.config.std));
        let classifier = match options.output {
            Output::Embedding => None,
            Output::Logits => Some(self.classifier()?),
        };
        let (dim, last) = (self.feature_dim(), self.config.blocks);
        let length = if classifier.is_some() {
            self.config.classes
        } else {
            dim
        };
        let mut outputs = vec![0.0; pixels.len() * length];
        let images = outputs.chunks_exact_mut(length).zip(images);
        each_image(
            plan.threads,
            pixels.len(),
            images,
            |i, parts, (output, mut image)| {
                self.with_masks(&plan, |masks| {
                    let mut embedding = vec![0.0; dim];
                    self.forward(&plan, pixels.image(i), last, parts, masks, |block, map| {
                        visit(&plan, block, map, &mut image);
                        if block == last {
                            self.pool(&plan, map, &mut embedding);
                        }
                    });
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
                    let guided = options.guided;
                    finish(
                        &Backward {
                            net: self,
                            transposed,
                            plan: &plan,
                            masks,
                            guided,
                            parts,
                        },
                        &at,
                        image,
                    );
                });
            },
        );
        Ok(outputs)
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
