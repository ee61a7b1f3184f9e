//! What a quantized net gives for images.

use super::evaluate::{Evaluator, Map, sums_of};
use super::net::{Activation, QuantizedNet};
use super::parallel;
use super::softmax::softmax;
use crate::blocks::{Blocks, check_block};
use crate::error::{Error, Result};
use crate::gradients::Features;
use crate::image_batch::{ImageBatch, Values};
use crate::layer::Layer;

impl QuantizedNet {
    /// The bytes that the file's last operation writes: `[n, outputs]`, the probabilities where the file ends in a softmax,
    /// else the logits, or without a classifier the embedding. [`output`](Self::output) says what they stand for; those
    /// of files with signed bytes are 128 higher than the file's own.
    ///
    /// Fractional pixel levels are rounded to the nearest byte.
    ///
    /// # Errors
    /// [`Error::Input`] if the images are too small for the net, and what [`check`](Self::check) finds.
    pub fn levels(&self, images: &ImageBatch<'_>) -> Result<Vec<u8>> {
        self.each(images, |evaluator, image| {
            let map = evaluator.blocks(image, self.config.blocks, |_, _| {});
            let pooled = evaluator.pool(&map);
            if self.config.classes == 0 {
                return pooled.levels;
            }
            let last = self.layers.len() - 1;
            let logits = evaluator.layer(last, &pooled).levels;
            match &self.softmax {
                None => logits,
                Some(parts) => {
                    let mut out = vec![0; logits.len()];
                    let input = self.layers[last].output;
                    softmax(self.arithmetic, parts, input, &logits, &mut out);
                    out
                }
            }
        })
    }

    /// Outputs of the net as floats, one row for each image: embeddings, logits (before a softmax), or the means over the
    /// maps after several blocks. With [`wide_outputs`](Self::wide_outputs) they are not rounded to bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if the net lacks the layer, and as [`levels`](Self::levels).
    pub fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> Result<Vec<f32>> {
        let blocks = layer.blocks(self.config.blocks)?;
        if layer == Layer::Logits && self.config.classes == 0 {
            return Err(Error::no_classifier());
        }
        self.each(images, |evaluator, image| match layer {
            Layer::Joined(_) => self.joined(evaluator, image, blocks),
            Layer::Embedding if self.wide_outputs => self.joined(evaluator, image, blocks),
            Layer::Embedding => {
                let map = evaluator.blocks(image, self.config.blocks, |_, _| {});
                reals(self.pooled, &evaluator.pool(&map).levels)
            }
            Layer::Logits => {
                let map = evaluator.blocks(image, self.config.blocks, |_, _| {});
                self.logits(evaluator, &evaluator.pool(&map))
            }
        })
    }

    /// The maps after `block` (0: the stem, 1 to 13: the separable blocks) as floats.
    ///
    /// # Errors
    /// [`Error::Input`] if the net has fewer blocks, and as [`levels`](Self::levels).
    pub fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features> {
        check_block(block, self.config.blocks)?;
        let values = self.each(images, |evaluator, image| {
            let map = evaluator.blocks(image, block, |_, _| {});
            reals(self.layers[2 * block].output, &map.levels)
        })?;
        let [height, width] = images.size().map(|s| self.config.size_after(block, s));
        let channels = self.config.channels_after(block);
        Ok(Features {
            shape: [images.len(), height, width, channels],
            values,
        })
    }

    /// What `run` makes of each image, joined.
    fn each<T: Send>(
        &self,
        images: &ImageBatch<'_>,
        run: impl Fn(&Evaluator<'_>, Map) -> Vec<T> + Send + Sync,
    ) -> Result<Vec<T>> {
        let evaluator = Evaluator::new(self)?;
        self.config.map_sizes(images.size())?;
        let rows = parallel::map(images.len(), |i| {
            run(&evaluator, map_of(images.image(i), images.size()))
        });
        Ok(rows.into_iter().flatten().collect())
    }

    /// The exact means over the maps after some blocks.
    fn joined(&self, evaluator: &Evaluator<'_>, image: Map, blocks: Blocks) -> Vec<f32> {
        let mut means = Vec::new();
        evaluator.blocks(image, blocks.last(), |block, map| {
            if blocks.contains(block) {
                means.extend(exact_means(self.layers[2 * block].output, map));
            }
        });
        means
    }

    /// Logits for the levels of the pool.
    fn logits(&self, evaluator: &Evaluator<'_>, pooled: &Map) -> Vec<f32> {
        let last = self.layers.len() - 1;
        let layer = &self.layers[last];
        if !self.wide_outputs {
            return reals(layer.output, &evaluator.layer(last, pooled).levels);
        }
        let mut logits = Vec::new();
        evaluator.sums(last, pooled, |sums| {
            let scales = layer.weight_scales.iter();
            logits.extend(sums.iter().zip(scales).map(|(&sum, &scale)| {
                (f64::from(sum) * f64::from(self.pooled.scale) * f64::from(scale)) as f32
            }));
        });
        logits
    }
}

/// The means over a map, before they are rounded to levels.
pub(super) fn exact_means(activation: Activation, map: &Map) -> impl Iterator<Item = f32> {
    let pixels = map.pixels() as f64;
    let real = move |sum: i64| {
        let mean = sum as f64 / pixels - f64::from(activation.zero_point);
        (mean * f64::from(activation.scale)) as f32
    };
    sums_of(map).into_iter().map(real)
}

fn reals(activation: Activation, levels: &[u8]) -> Vec<f32> {
    levels.iter().map(|&level| activation.real(level)).collect()
}

/// Pixels as the net reads them.
pub(super) fn map_of(values: Values<'_>, [height, width]: [usize; 2]) -> Map {
    let levels = match values {
        Values::U8(levels) => levels.to_vec(),
        // The cast saturates.
        Values::F32(values) => values.iter().map(|v| v.round_ties_even() as u8).collect(),
    };
    Map {
        height,
        width,
        channels: 3,
        levels,
    }
}
