//! The outputs of the frozen blocks, kept in memory as far as they fit.

use std::collections::HashMap;
use std::ops::ControlFlow;

use dataset::{DecodeOptions, ImageItem, ResizePolicy, decode_file};
use mobilenet::ImageBatch;
use rayon::prelude::*;

use super::config::FineTuneConfig;
use super::gradients::Batch;
use crate::backbone::Backbone;
use crate::embed::UnusableImage;
use crate::error::Result;

/// Batch size of the frozen blocks.
const AT_ONCE: usize = 16;

/// Images, and the outputs of the frozen blocks for them.
#[derive(Debug)]
pub(super) struct FrozenFeatures<'a> {
    backbone: &'a Backbone,
    config: &'a FineTuneConfig,
    /// The last frozen block (0 is the stem); `None`: the stem is trained as well.
    block: Option<usize>,
    augment: bool,
    /// The images that can be used, each with its index among all images. The augmentation of an image follows from that
    /// index, so that it does not depend on which other images can be used.
    items: Vec<(usize, &'a ImageItem)>,
    kept: HashMap<(usize, usize), Vec<f32>>,
    shape: [usize; 3],
    /// Bytes that may still be used.
    memory: u64,
}

impl<'a> FrozenFeatures<'a> {
    /// Runs the frozen blocks on every image once, until `progress` breaks it off. Also gives the images that cannot be
    /// used, with the reason.
    pub(super) fn new(
        backbone: &'a Backbone,
        config: &'a FineTuneConfig,
        items: &'a [ImageItem],
        augment: bool,
        memory: u64,
        mut progress: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<(Self, Vec<UnusableImage>)> {
        let blocks = backbone.weights().config().blocks;
        let mut inputs = Self {
            backbone,
            config,
            block: blocks.checked_sub(config.blocks),
            augment,
            items: Vec::with_capacity(items.len()),
            kept: HashMap::new(),
            shape: [0; 3],
            memory,
        };
        let mut failed = Vec::new();
        let numbered: Vec<(usize, &ImageItem)> = items.iter().enumerate().collect();
        for chunk in numbered.chunks(AT_ONCE) {
            let (mut pixels, mut positions) = (Vec::new(), Vec::new());
            let loaded: Vec<_> = chunk
                .par_iter()
                .map(|&item| inputs.pixels(item, 0))
                .collect();
            for (&(place, item), loaded) in chunk.iter().zip(loaded) {
                match loaded {
                    Ok(image) => {
                        positions.push(inputs.items.len());
                        inputs.items.push((place, item));
                        pixels.extend(image);
                    }
                    Err(error) => failed.push(UnusableImage {
                        item: item.clone(),
                        error,
                    }),
                }
            }
            inputs.through(&pixels, &positions, 0)?;
            if progress(inputs.items.len() + failed.len()).is_break() {
                break;
            }
        }
        Ok((inputs, failed))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes that are still free.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// The batch of these images in `epoch`: their augmented variant of that epoch.
    pub(super) fn batch(&mut self, images: &[usize], epoch: usize) -> Result<Batch> {
        let variant = if self.augment {
            epoch % self.config.variants
        } else {
            0
        };
        let missing: Vec<usize> = images
            .iter()
            .copied()
            .filter(|&image| !self.kept.contains_key(&(image, variant)))
            .collect();
        let pixels: Vec<Vec<u8>> = missing
            .par_iter()
            .map(|&image| self.pixels(self.items[image], variant))
            .collect::<Result<_, _>>()?;
        let computed = self.through(&pixels.concat(), &missing, variant)?;
        let size: usize = self.shape.iter().product();
        let mut maps = Vec::with_capacity(images.len() * size);
        for image in images {
            let kept = self.kept.get(&(*image, variant));
            let fresh = || {
                let at = missing.iter().position(|m| m == image)?;
                computed.get(at * size..(at + 1) * size)
            };
            maps.extend_from_slice(kept.map(Vec::as_slice).or_else(fresh).unwrap_or_default());
        }
        Ok(Batch {
            maps,
            shape: self.shape,
            targets: images.iter().map(|&i| self.items[i].1.class).collect(),
        })
    }

    fn pixels(
        &self,
        (place, item): (usize, &ImageItem),
        variant: usize,
    ) -> Result<Vec<u8>, dataset::Error> {
        let path = &item.path;
        let augmentation = self.config.augmentation.as_ref().filter(|_| self.augment);
        let Some(augmentation) = augmentation else {
            return self.backbone.loader().load(path);
        };
        let upright = self.backbone.resize() != ResizePolicy::Tf1Squash;
        let decoded = decode_file(path, &DecodeOptions::default().with_upright(upright))?;
        let (size, seed) = (self.backbone.size(), self.config.seed);
        let augmented = augmentation.apply(&decoded, size, seed, variant as u64, place as u64);
        Ok(augmented.into_raw())
    }

    /// Runs the frozen blocks, and keeps their outputs where they fit in memory.
    fn through(&mut self, pixels: &[u8], images: &[usize], variant: usize) -> Result<Vec<f32>> {
        let side = self.backbone.size() as usize;
        let mut maps = Vec::new();
        for (pixels, images) in pixels
            .chunks(AT_ONCE * side * side * 3)
            .zip(images.chunks(AT_ONCE))
        {
            maps.extend(self.forward(pixels, [images.len(), side, side])?);
        }
        let size: usize = self.shape.iter().product();
        for (&image, map) in images.iter().zip(maps.chunks(size.max(1))) {
            let bytes = size as u64 * 4;
            if bytes <= self.memory {
                self.memory -= bytes;
                self.kept.insert((image, variant), map.to_vec());
            }
        }
        Ok(maps)
    }

    fn forward(&mut self, pixels: &[u8], shape: [usize; 3]) -> Result<Vec<f32>> {
        let [_, height, width] = shape;
        let Some(block) = self.block else {
            self.shape = [height, width, 3];
            let config = self.backbone.weights().config();
            let (mean, std) = (config.mean as f32, config.std as f32);
            return Ok(pixels
                .iter()
                .map(|&p| (f32::from(p) - mean) / std)
                .collect());
        };
        let images = ImageBatch::from_u8(pixels, shape)?;
        let features = self.backbone.engine().features(&images, block)?;
        let [_, height, width, channels] = features.shape;
        self.shape = [height, width, channels];
        Ok(features.values)
    }
}
