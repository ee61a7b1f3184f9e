//! Random variants of the training images: new ones in every step, or a fixed number that is computed once.

use std::time::{Duration, Instant};

use dataset::augment::{Augmentation, Distortions};
use dataset::decode::decode_named;
use dataset::{DecodeOptions, ImageItem, ResizePolicy, RgbImage, decode_file};
use mobilenet::ImageBatch;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::cache::{EmbeddingCache, Key};
use crate::embed::{Embedded, Filled, Rows, UnusableImage};
use crate::error::{Error, Result};
use crate::threads;

/// Largest number of variants of an image: all of them are in memory at once.
const MOST_VARIANTS: usize = 64;
/// Approximate number of variants that are computed at once.
const BATCH: usize = 32;

/// How a training image is varied before it is embedded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variation {
    /// The four distortions of `retrain.py`.
    Distortions(Distortions),
    /// A list of common augmentations.
    Augmentation(Augmentation),
}

impl From<Distortions> for Variation {
    fn from(distortions: Distortions) -> Self {
        Self::Distortions(distortions)
    }
}

impl From<Augmentation> for Variation {
    fn from(augmentation: Augmentation) -> Self {
        Self::Augmentation(augmentation)
    }
}

impl Variation {
    /// The pixel levels of one variant, `[size, size, 3]`.
    fn apply(&self, image: &RgbImage, size: u32, seed: u64, epoch: u64, index: u64) -> Vec<f32> {
        match self {
            Self::Distortions(distortions) => distortions.apply(image, size, seed, epoch, index),
            Self::Augmentation(augmentation) => {
                let pixels = augmentation.apply(image, size, seed, epoch, index);
                pixels.into_raw().into_iter().map(f32::from).collect()
            }
        }
    }
}

impl Backbone {
    /// Embeds `variants` (1 to 64) random variants of each image and keeps their embeddings in the cache. The variants
    /// of the first image come first, then those of the second image, and so on. A variant depends on the bytes of the
    /// image, the variation, the seed, and the number of the variant, so with a larger `variants` the first ones stay
    /// the same.
    ///
    /// The cost is `variants` times that of [`embed`](Self::embed), once; [`estimate`](Self::estimate) estimates it. In
    /// contrast, [`embed_varied`](Self::embed_varied), the method of `retrain.py`, embeds a batch of new variants in
    /// every training step of every run.
    ///
    /// # Errors
    /// [`Error::Setting`] if `variants` is out of its range, and the errors of [`embed`](Self::embed).
    pub fn embed_variants(
        &self,
        items: &[ImageItem],
        variation: &Variation,
        variants: usize,
        seed: u64,
        cache: &EmbeddingCache,
        mut progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        if !(1..=MOST_VARIANTS).contains(&variants) {
            return Err(Error::setting("variants", variants, "1 to 64"));
        }
        let recipes: Vec<[u8; 32]> = (0..variants)
            .map(|variant| self.variant_recipe(variation, seed, variant))
            .collect::<Result<_>>()?;
        let several: Vec<ImageItem> = items
            .iter()
            .flat_map(|item| std::iter::repeat_n(item, variants))
            .cloned()
            .collect();
        let mut rows = Rows::new(several.len(), self.dim());
        let mut filled = Filled::default();
        let at_once = (BATCH / variants).max(1);
        for (chunk, part) in items.chunks(at_once).enumerate() {
            let work = |item: &ImageItem| self.vary(item, variation, seed, &recipes, cache);
            let loaded: Vec<Result<Varied>> = threads::map(part.iter(), work);
            let (mut levels, mut missing) = (Vec::new(), Vec::new());
            for (offset, varied) in loaded.into_iter().enumerate() {
                let image = chunk * at_once + offset;
                match varied {
                    Ok(varied) => {
                        for (variant, row) in varied.rows.into_iter().enumerate() {
                            let index = image * variants + variant;
                            match row {
                                Row::Known(row) => rows.put(index, &varied.digest, &row),
                                Row::Levels(pixels) => {
                                    levels.extend(pixels);
                                    missing.push((index, varied.digest, variant));
                                }
                            }
                        }
                    }
                    Err(Error::Dataset(error)) => {
                        let item = items[image].clone();
                        filled.failed.push(UnusableImage { item, error });
                    }
                    Err(error) => return Err(error),
                }
            }
            let outputs = self.embed_levels(&levels, missing.len())?;
            let outputs = || outputs.chunks_exact(self.dim()).zip(&missing);
            cache
                .append(outputs().map(|(row, (_, digest, variant))| {
                    (Key::new(digest, &recipes[*variant]), row)
                }))?;
            outputs().for_each(|(row, (index, digest, _))| rows.put(*index, digest, row));
            filled.computed += missing.len();
            progress((chunk * at_once + part.len()) * variants);
        }
        cache.sync()?;
        rows.into_embedded(&several, filled)
    }

    /// Embeds one random variant of each image, `[items.len(), dim]`, without a cache, for
    /// [`HeadTraining::varied`](crate::head::HeadTraining::varied). A variant depends on the image, the variation, the
    /// seed, the `step` and the position in `items`.
    ///
    /// # Errors
    /// If an image cannot be used.
    pub fn embed_varied(
        &self,
        items: &[&ImageItem],
        variation: &Variation,
        seed: u64,
        step: usize,
    ) -> Result<Vec<f32>> {
        let load = |(place, item): (usize, &&ImageItem)| -> Result<Vec<f32>> {
            let image = decode_file(&item.path, &self.decoding())?;
            Ok(variation.apply(&image, self.size(), seed, step as u64, place as u64))
        };
        let levels = threads::map(items.iter().enumerate(), load);
        let levels: Vec<_> = levels.into_iter().collect::<Result<_>>()?;
        self.embed_levels(&levels.concat(), items.len())
    }

    /// Estimates how long this machine needs to embed `images` varied images, by embedding a few of `items`. A program
    /// can show the estimate before it starts.
    ///
    /// # Errors
    /// The errors of [`embed_varied`](Self::embed_varied).
    pub fn estimate(
        &self,
        items: &[ImageItem],
        variation: &Variation,
        images: usize,
    ) -> Result<Duration> {
        let sample: Vec<&ImageItem> = items.iter().take(BATCH).collect();
        let Some(first) = sample.first() else {
            return Ok(Duration::ZERO);
        };
        // The first one warms up.
        self.embed_varied(&[*first], variation, 0, 0)?;
        let start = Instant::now();
        self.embed_varied(&sample, variation, 0, 0)?;
        Ok(start.elapsed().mul_f64(images as f64 / sample.len() as f64))
    }

    /// Whether images are turned upright by their EXIF data: as in [`loader`](Self::loader), so that training and
    /// prediction do the same. `retrain.py` ignored EXIF data, and so does the resizing of `tf1`.
    fn upright(&self) -> bool {
        self.resize() != ResizePolicy::Tf1Squash
    }

    fn decoding(&self) -> DecodeOptions {
        self.limited(DecodeOptions::default().with_upright(self.upright()))
    }

    fn embed_levels(&self, levels: &[f32], images: usize) -> Result<Vec<f32>> {
        let side = self.size() as usize;
        let shape = [images, side, side];
        let images = ImageBatch::from_f32(levels, shape)?;
        Ok(self.engine().forward(&images, self.layer())?)
    }

    fn variant_recipe(&self, variation: &Variation, seed: u64, variant: usize) -> Result<[u8; 32]> {
        let variation = serde_json::to_vec(variation)
            .map_err(|error| Error::mismatch("variation", "one that can be written", error))?;
        let mut hash = Sha256::new();
        hash.update(self.recipe());
        hash.update(seed.to_le_bytes());
        hash.update((variant as u64).to_le_bytes());
        hash.update(variation);
        hash.update(if self.upright() { "upright" } else { "" });
        Ok(hash.finalize().into())
    }

    fn vary(
        &self,
        item: &ImageItem,
        variation: &Variation,
        seed: u64,
        recipes: &[[u8; 32]],
        cache: &EmbeddingCache,
    ) -> Result<Varied> {
        let options = self.decoding();
        let bytes = options.read(&item.path)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        // Not the place in a list: the same image has the same variants anywhere.
        let number = digest
            .iter()
            .take(8)
            .fold(0, |n: u64, &b| n << 8 | u64::from(b));
        let mut image = None;
        let mut rows = Vec::with_capacity(recipes.len());
        for (variant, recipe) in recipes.iter().enumerate() {
            let known = cache.get(&Key::new(&digest, recipe))?;
            if let Some(row) = known.filter(|row| row.len() == self.dim()) {
                rows.push(Row::Known(row));
                continue;
            }
            let image = match &image {
                Some(image) => image,
                None => image.insert(decode_named(&item.path, &bytes, &options)?),
            };
            let epoch = variant as u64;
            let levels = variation.apply(image, self.size(), seed, epoch, number);
            rows.push(Row::Levels(levels));
        }
        Ok(Varied { digest, rows })
    }
}

/// The variants of one image.
struct Varied {
    digest: [u8; 32],
    rows: Vec<Row>,
}

enum Row {
    /// An embedding from the cache.
    Known(Vec<f32>),
    /// Pixel levels of which the embedding is to be computed.
    Levels(Vec<f32>),
}
