use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dataset::loader::FailedImage;
use dataset::{ImageItem, PixelLoader, ResizeFilter, ResizePolicy, RgbImage};
use mobilenet::weights::Filter;
use mobilenet::{Engine, ImageBatch, Layer, Weights};
use sha2::{Digest, Sha256};

use crate::cache::{EmbeddingCache, Key};
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

/// A frozen network and the preprocessing of its input: everything before the head. Clones share the engine.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::Backbone;
/// let backbone = Backbone::new(mobilenet::Weights::open("bundled")?)?;
/// let pixels = vec![128; 224 * 224 * 3]; // one gray image
/// assert_eq!(backbone.forward(&pixels, 1)?.len(), backbone.dim());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Backbone {
    engine: Arc<dyn Engine>,
    weights: Weights,
    digest: OnceLock<String>,
    layer: Layer,
    resize: ResizePolicy,
    filter: ResizeFilter,
    size: u32,
}

/// The result of [`Backbone::embed`].
#[derive(Debug)]
pub struct Embedded {
    /// The embeddings, in the order of the images; images that could not be used are left out.
    pub embeddings: Embeddings,
    /// Images that could not be used.
    pub failed: Vec<(ImageItem, dataset::Error)>,
    /// Number of embeddings that were computed; the others were in the cache.
    pub computed: usize,
    /// SHA-256 of the names, classes and contents of the embedded images, in their order, in hexadecimal.
    pub digest: String,
}

/// The result of [`Backbone::fill`].
#[derive(Debug, Default)]
pub struct Filled {
    /// Images that could not be used.
    pub failed: Vec<(ImageItem, dataset::Error)>,
    /// Number of embeddings that were computed; the others were in the cache.
    pub computed: usize,
}

impl Backbone {
    /// A backbone of these weights, compiled for this machine's CPU ([`Weights::compile`]). It embeds images that are
    /// squashed to the size that the weights were trained on, with the filter that the weights were evaluated with
    /// (bicubic for timm's weights, otherwise bilinear).
    ///
    /// # Errors
    /// As [`Weights::compile`].
    pub fn new(weights: Weights) -> Result<Self> {
        let engine = weights.compile()?;
        Ok(Self::of(weights, Arc::new(engine)))
    }

    /// As [`new`](Self::new), with Burn running the network on `device`. On a CPU the compiled network of `new` is
    /// faster. The results of the two agree to 1e-4 of the largest value, not to the last bit.
    ///
    /// # Errors
    /// As [`Weights::load`].
    #[cfg(feature = "burn")]
    pub fn on(weights: Weights, device: &burn::tensor::Device) -> Result<Self> {
        let engine = mobilenet::BurnEngine::new(weights.clone(), device)?;
        Ok(Self::of(weights, Arc::new(engine)))
    }

    /// As [`new`](Self::new), with any engine, which must have been made from these weights.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the engine's network has another configuration than the weights.
    pub fn with_engine(weights: Weights, engine: Arc<dyn Engine>) -> Result<Self> {
        if engine.config() != weights.config() {
            return Err(Error::mismatch(
                "the engine's configuration",
                format!("that of the weights, {:?}", weights.config()),
                format!("{:?}", engine.config()),
            ));
        }
        Ok(Self::of(weights, engine))
    }

    fn of(weights: Weights, engine: Arc<dyn Engine>) -> Self {
        let size = weights.config().input_size as u32;
        let filter = match weights.preprocessing().filter {
            Filter::Bicubic => ResizeFilter::Bicubic,
            Filter::Bilinear => ResizeFilter::Bilinear,
        };
        Self {
            engine,
            digest: OnceLock::new(),
            weights,
            layer: Layer::default(),
            resize: ResizePolicy::default(),
            filter,
            size,
        }
    }

    /// The same kind of engine, with other weights for a network of the same input; the layer is the embedding.
    #[cfg(feature = "burn")]
    pub(crate) fn with_weights(&self, weights: Weights) -> Result<Self> {
        Ok(Self {
            engine: self.engine.with_weights(&weights)?,
            weights,
            digest: OnceLock::new(),
            layer: Layer::default(),
            ..self.clone()
        })
    }

    /// Sets how images become squares. Default: they are squashed.
    pub fn with_resize(mut self, resize: ResizePolicy) -> Self {
        self.resize = resize;
        self
    }

    /// Sets the interpolation filter used when resizing. Default: the filter that the weights were evaluated with.
    pub fn with_filter(mut self, filter: ResizeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the output of the network that the head is trained on. Default: the embedding.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the weights have no classifier for the logits, or lack a block.
    pub fn with_layer(mut self, layer: Layer) -> Result<Self> {
        let config = self.weights.config();
        let expected = match layer {
            Layer::Logits if config.classes == 0 => {
                Some("embedding (these weights have no classifier)".to_string())
            }
            Layer::Joined(blocks) if blocks.last() > config.blocks => {
                Some(format!("blocks 0 to {}", config.blocks))
            }
            _ => None,
        };
        if let Some(expected) = expected {
            return Err(Error::mismatch("layer", expected, layer));
        }
        self.layer = layer;
        Ok(self)
    }

    /// The output of the network that the head is trained on.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// How images become squares of the network's input size.
    pub fn resize(&self) -> ResizePolicy {
        self.resize
    }

    /// Interpolation filter used when resizing.
    pub fn filter(&self) -> ResizeFilter {
        self.filter
    }

    /// Resizes a decoded image to the square that the network gets.
    pub fn square(&self, image: &RgbImage) -> RgbImage {
        self.resize.apply_with(image, self.size, self.filter)
    }

    /// Side of the network's input images, in pixels.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Sets another input size than that of the weights.
    pub(crate) fn with_size(mut self, size: u32) -> Result<Self> {
        if size == 0 || size > 4096 {
            return Err(Error::mismatch("input size", "1 to 4096 pixels", size));
        }
        self.size = size;
        Ok(self)
    }

    /// SHA-256 of the weights ([`Weights::digest`]).
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.weights.digest())
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The engine that runs the network.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Length of an embedding: the number of values that the backbone gives for each image.
    pub fn dim(&self) -> usize {
        match self.layer {
            Layer::Embedding => self.weights.config().feature_dim(),
            Layer::Logits => self.weights.config().classes,
            Layer::Joined(blocks) => self.weights.config().joined_dim(blocks),
        }
    }

    /// The loader that decodes and resizes images for this backbone.
    pub fn loader(&self) -> PixelLoader {
        PixelLoader::new(self.resize, self.size).with_filter(self.filter)
    }

    /// Embeddings `[n, dim]` of pixels `[n, size, size, 3]`: rows of RGB, levels 0 to 255.
    ///
    /// # Errors
    /// [`Error::MobileNet`] if the number of pixels is another.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Vec<f32>> {
        let side = self.size as usize;
        let images = ImageBatch::from_u8(pixels, [n, side, side])?;
        Ok(self.engine.forward(&images, self.layer)?)
    }

    /// Embeds images. Embeddings that are in the cache are taken from there; the others are computed and put into the
    /// cache batch by batch. `progress` is called with the number of images that are done.
    ///
    /// # Errors
    /// If the cache cannot be read or written. Images that cannot be used are no error: they are in
    /// [`Embedded::failed`].
    pub fn embed(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        let mut rows = Rows::new(items.len(), self.dim());
        let filled = self.visit(items, cache, progress, |index, image, row| {
            rows.put(index, image, row);
        })?;
        rows.into_embedded(items, filled)
    }

    /// As [`embed`](Self::embed), but only puts the embeddings into the cache: for folders whose embeddings do not fit in
    /// memory.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub fn fill(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Filled> {
        self.visit(items, cache, progress, |_, _, _| ())
    }

    /// Calls `sink` with the index, the digest and the embedding of each image that can be used.
    fn visit(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        mut progress: impl FnMut(usize),
        mut sink: impl FnMut(usize, &[u8; 32], &[f32]),
    ) -> Result<Filled> {
        let recipe = self.recipe();
        let dim = self.dim();
        // An image is known by its bytes, which are read once: those that are hashed are those that are decoded.
        // Threads that load leave here what the one that computes has not yet taken: a few batches.
        let seen = Mutex::new(HashMap::new());
        let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |index: usize, bytes: &[u8]| {
            let image: [u8; 32] = Sha256::digest(bytes).into();
            let row = cache.get(&Key::new(&image, &recipe)).transpose();
            let row = row.filter(|row| !matches!(row, Ok(row) if row.len() != dim));
            let wanted = row.is_none();
            seen().insert(index, (image, row));
            wanted
        };
        let mut filled = Filled::default();
        let mut done = 0;
        let paths: Vec<_> = items.iter().map(|item| &item.path).collect();
        self.loader()
            .for_each_filtered(&paths, wanted, |batch| -> Result<()> {
                done += batch.indices.len() + batch.filtered_out.len() + batch.failed.len();
                for index in batch.filtered_out {
                    if let Some((image, Some(row))) = seen().remove(&index) {
                        sink(index, &image, &row?);
                    }
                }
                let rows = self.forward(&batch.pixels, batch.indices.len())?;
                let images: Vec<[u8; 32]> = {
                    let mut seen = seen();
                    let image = |index| seen.remove(index).map_or([0; 32], |(image, _)| image);
                    batch.indices.iter().map(image).collect()
                };
                let records = || images.iter().zip(rows.chunks_exact(dim));
                cache.append(records().map(|(image, row)| (Key::new(image, &recipe), row)))?;
                for (&index, (image, row)) in batch.indices.iter().zip(records()) {
                    sink(index, image, row);
                }
                filled.computed += images.len();
                for FailedImage { index, error } in batch.failed {
                    seen().remove(&index);
                    filled.failed.push((items[index].clone(), error));
                }
                progress(done);
                Ok(())
            })?;
        cache.sync()?;
        Ok(filled)
    }

    /// Digest of everything that an embedding depends on besides the image's bytes. Engines differ in the last bits.
    pub(crate) fn recipe(&self) -> [u8; 32] {
        let filter = match self.filter {
            ResizeFilter::Bilinear => "",
            ResizeFilter::Bicubic => " bicubic",
        };
        let text = format!(
            "1 {} {} {} {} {}{filter}",
            self.digest(),
            self.resize,
            self.size,
            self.layer,
            self.engine.name()
        );
        Sha256::digest(text).into()
    }
}

/// Embeddings, put in their places as they are computed.
pub(crate) struct Rows {
    dim: usize,
    values: Vec<f32>,
    /// Digests of the images whose rows are there.
    images: Vec<Option<[u8; 32]>>,
}

impl Rows {
    pub(crate) fn new(n: usize, dim: usize) -> Self {
        Self {
            dim,
            values: vec![0.0; n * dim],
            images: vec![None; n],
        }
    }

    pub(crate) fn put(&mut self, index: usize, image: &[u8; 32], row: &[f32]) {
        self.values[index * self.dim..][..self.dim].copy_from_slice(row);
        self.images[index] = Some(*image);
    }

    /// Closes the gaps that failed images left.
    pub(crate) fn into_embedded(mut self, items: &[ImageItem], filled: Filled) -> Result<Embedded> {
        let (mut targets, mut names) = (Vec::new(), Vec::new());
        let mut digest = Sha256::new();
        for (index, item) in items.iter().enumerate() {
            let Some(image) = self.images[index] else {
                continue;
            };
            let from = index * self.dim;
            let to = targets.len() * self.dim;
            self.values.copy_within(from..from + self.dim, to);
            digest.update((item.name.len() as u64).to_le_bytes());
            digest.update(&item.name);
            digest.update((item.class as u64).to_le_bytes());
            digest.update(image);
            targets.push(item.class);
            names.push(item.name.clone());
        }
        self.values.truncate(targets.len() * self.dim);
        let digest = digest.finalize();
        Ok(Embedded {
            embeddings: Embeddings::new(self.values, self.dim, targets)?.with_names(names)?,
            failed: filled.failed,
            computed: filled.computed,
            digest: files::hex(&digest),
        })
    }
}
