use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::Device;
use dataset::{ImageItem, PixelLoader, ResizePolicy};
use mobilenet::Weights;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::{Engine, Levels, Net};
use crate::{EmbeddingCache, Embeddings, Error, Key, Result};

/// Which output of the backbone the head is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The global average pool. The default, and the better choice: see the README's table.
    #[default]
    Embedding,
    /// The logits of the net's own classes, which `retrain.py` calls bottleneck for MobileNet.
    Logits,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Embedding => "embedding",
            Self::Logits => "logits",
        })
    }
}

impl FromStr for Layer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "embedding" => Ok(Self::Embedding),
            "logits" => Ok(Self::Logits),
            _ => Err(Error::mismatch("layer", "embedding or logits", text)),
        }
    }
}

/// A frozen network and how images become its input: all that comes before the head.
#[derive(Debug)]
pub struct Backbone {
    pub(crate) net: Arc<Net>,
    weights: Weights,
    device: Device,
    digest: String,
    layer: Layer,
    resize: ResizePolicy,
    size: u32,
}

/// What [`Backbone::embed`] gives.
#[derive(Debug)]
pub struct Embedded {
    /// The embeddings, in the order of the images, without those that failed.
    pub embeddings: Embeddings,
    /// Images that could not be used, and why.
    pub failed: Vec<(ImageItem, dataset::Error)>,
    /// How many embeddings were computed; the others were in the cache.
    pub computed: usize,
}

impl Backbone {
    /// A backbone of these weights: embeddings of images squashed to the size that the weights were trained on. Where
    /// `device` is a CPU, the net is compiled for it ([`Engine::Compiled`]); elsewhere Burn runs it.
    ///
    /// # Errors
    /// As [`Weights::load`] and `MobileNet::compile`.
    pub fn new(weights: Weights, device: &Device) -> Result<Self> {
        let size = weights.config().input_size as u32;
        let net = weights.clone().load(device)?;
        Ok(Self {
            net: Arc::new(Net::new(Engine::of(device), net, device)?),
            digest: weights.digest(),
            weights,
            device: device.clone(),
            layer: Layer::default(),
            resize: ResizePolicy::default(),
            size,
        })
    }

    /// Sets what runs the net. Default: what [`Engine::of`] says of the device. The two agree to 1e-4 of the largest
    /// value, not to the last bit.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_engine(mut self, engine: Engine) -> Result<Self> {
        if engine != self.engine() {
            let net = self.weights.clone().load(&self.device)?;
            self.net = Arc::new(Net::new(engine, net, &self.device)?);
        }
        Ok(self)
    }

    /// Sets how images become squares. Default: squash.
    pub fn with_resize(mut self, resize: ResizePolicy) -> Self {
        self.resize = resize;
        self
    }

    /// Sets the output that the head sees. Default: the embedding.
    ///
    /// # Errors
    /// Where the logits are asked for and the weights have none.
    pub fn with_layer(mut self, layer: Layer) -> Result<Self> {
        if layer == Layer::Logits && self.weights.config().classes == 0 {
            return Err(Error::mismatch(
                "layer",
                "embedding (these weights have no classifier)",
                layer,
            ));
        }
        self.layer = layer;
        Ok(self)
    }

    /// The output that the head sees.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// How images become squares.
    pub fn resize(&self) -> ResizePolicy {
        self.resize
    }

    /// Side of the squares, in pixels.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Takes another size than the weights were trained on.
    pub(crate) fn set_size(&mut self, size: u32) -> Result<()> {
        if size == 0 || size > 4096 {
            return Err(Error::mismatch("input size", "1 to 4096 pixels", size));
        }
        self.size = size;
        Ok(())
    }

    /// SHA-256 of the weights ([`Weights::digest`]).
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What runs the net.
    pub fn engine(&self) -> Engine {
        self.net.engine()
    }

    /// The device that it was made for.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Values an image.
    pub fn dim(&self) -> usize {
        match self.layer {
            Layer::Embedding => self.weights.config().feature_dim(),
            Layer::Logits => self.weights.config().classes,
        }
    }

    /// The loader that prepares images for this backbone.
    pub fn loader(&self) -> PixelLoader {
        PixelLoader::new(self.resize, self.size)
    }

    /// Outputs `[n, dim]` for pixels `[n, size, size, 3]`, RGB, 0 to 255.
    ///
    /// # Errors
    /// Where the length does not fit.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Vec<f32>> {
        let side = self.size as usize;
        self.net
            .forward(Levels::U8(pixels), [n, side, side], self.layer)
    }

    /// Embeds images, each once: what is in the cache is taken from there, the rest is put into it batch by batch.
    /// `progress` is told how many images are done.
    ///
    /// # Errors
    /// Where the cache cannot be read or written. Images that cannot be used are in [`Embedded::failed`].
    pub fn embed(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        mut progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        let recipe = self.recipe();
        // An image is known by its bytes, which are read once: those that are hashed are those that are decoded.
        let keys: Vec<OnceLock<Key>> = items.iter().map(|_| OnceLock::new()).collect();
        let cached = Mutex::new(HashMap::new());
        let cached = || cached.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |index: usize, bytes: &[u8]| {
            let key = keys[index].get_or_init(|| Key::new(&Sha256::digest(bytes).into(), &recipe));
            let row = cache.get(key).transpose();
            let row = row.filter(|row| !matches!(row, Ok(row) if row.len() != self.dim()));
            let wanted = row.is_none();
            cached().extend(row.map(|row| (index, row)));
            wanted
        };
        let mut found = Found::new(items.len(), self.dim());
        let paths: Vec<_> = items.iter().map(|item| &item.path).collect();
        self.loader()
            .for_each_wanted(&paths, wanted, |batch| -> Result<()> {
                for index in batch.unwanted {
                    if let Some(row) = cached().remove(&index) {
                        found.put(index, &row?);
                    }
                }
                let rows = self.forward(&batch.pixels, batch.indices.len())?;
                let rows = || batch.indices.iter().zip(rows.chunks_exact(self.dim()));
                cache
                    .append(rows().filter_map(|(&index, row)| Some((*keys[index].get()?, row))))?;
                rows().for_each(|(&index, row)| found.put(index, row));
                found.computed += batch.indices.len();
                for (index, error) in batch.failed {
                    found.fail(index, error);
                }
                progress(found.done);
                Ok(())
            })?;
        cache.sync()?;
        found.into_embedded(items)
    }

    /// Digest of all that turns an image's bytes into numbers. Engines differ in the last bits.
    fn recipe(&self) -> [u8; 32] {
        let text = format!(
            "1 {} {} {} {} {}",
            self.digest,
            self.resize,
            self.size,
            self.layer,
            self.net.name()
        );
        Sha256::digest(text).into()
    }
}

/// Rows as they are found.
struct Found {
    dim: usize,
    values: Vec<f32>,
    there: Vec<bool>,
    failed: Vec<(usize, dataset::Error)>,
    computed: usize,
    done: usize,
}

impl Found {
    fn new(n: usize, dim: usize) -> Self {
        Self {
            dim,
            values: vec![0.0; n * dim],
            there: vec![false; n],
            failed: Vec::new(),
            computed: 0,
            done: 0,
        }
    }

    fn put(&mut self, index: usize, row: &[f32]) {
        self.values[index * self.dim..][..self.dim].copy_from_slice(row);
        self.there[index] = true;
        self.done += 1;
    }

    fn fail(&mut self, index: usize, error: dataset::Error) {
        self.failed.push((index, error));
        self.done += 1;
    }

    /// Closes the gaps that failed images left.
    fn into_embedded(mut self, items: &[ImageItem]) -> Result<Embedded> {
        let (mut targets, mut names) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate().filter(|&(i, _)| self.there[i]) {
            let from = index * self.dim;
            let to = targets.len() * self.dim;
            self.values.copy_within(from..from + self.dim, to);
            targets.push(item.class);
            names.push(item.name.clone());
        }
        self.values.truncate(targets.len() * self.dim);
        self.failed.sort_by_key(|(index, _)| *index);
        let failed = self.failed.into_iter();
        Ok(Embedded {
            embeddings: Embeddings::new(self.values, self.dim, targets)?.with_names(names)?,
            failed: failed.map(|(i, error)| (items[i].clone(), error)).collect(),
            computed: self.computed,
        })
    }
}
