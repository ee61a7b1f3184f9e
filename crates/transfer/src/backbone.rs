use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use dataset::{ImageItem, PixelLoader, ResizePolicy, read_bounded};
use mobilenet::{CompiledMobileNet, Pixels, Weights};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EmbeddingCache, Embeddings, Error, Key, Result};

/// Largest image file that is read, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// How many images are looked up in the cache at a time: bounds the memory, whatever the size of the folder.
const LOOK_UP: usize = 512;

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
    pub(crate) net: CompiledMobileNet,
    pub(crate) weights: Weights,
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
    /// A backbone of these weights, compiled for this processor; embeddings of images squashed to the size that the
    /// weights were trained on. `device` only passes the weights through.
    ///
    /// # Errors
    /// As [`Weights::load`] and `MobileNet::compile`.
    pub fn new(weights: Weights, device: &Device) -> Result<Self> {
        let size = weights.config().input_size as u32;
        let net = weights.clone().load(device)?.compile()?;
        Ok(Self {
            net,
            digest: weights.digest(),
            weights,
            layer: Layer::default(),
            resize: ResizePolicy::default(),
            size,
        })
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
        if layer == Layer::Logits && self.net.classes() == 0 {
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

    /// The engine.
    pub fn net(&self) -> &CompiledMobileNet {
        &self.net
    }

    /// Values an image.
    pub fn dim(&self) -> usize {
        match self.layer {
            Layer::Embedding => self.net.feature_dim(),
            Layer::Logits => self.net.classes(),
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
        let pixels = Pixels::from_u8(pixels, [n, side, side])?;
        Ok(match self.layer {
            Layer::Embedding => self.net.embed(&pixels)?,
            Layer::Logits => self.net.logits(&pixels)?,
        })
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
        let (mut values, mut kept) = (Vec::new(), Vec::new());
        let (mut failed, mut computed) = (Vec::new(), 0);
        for (part, items) in items.chunks(LOOK_UP).enumerate() {
            let keys: Vec<dataset::Result<Key>> =
                items.par_iter().map(|item| key(item, &recipe)).collect();
            let mut rows: Vec<Option<Vec<f32>>> = Vec::with_capacity(items.len());
            let mut reasons: Vec<Option<dataset::Error>> = Vec::with_capacity(items.len());
            let mut wanted = Vec::new();
            for (index, found) in keys.iter().enumerate() {
                let row = match found {
                    Ok(key) => cache.get(key)?.filter(|row| row.len() == self.dim()),
                    Err(_) => None,
                };
                if row.is_none() && found.is_ok() {
                    wanted.push(index);
                }
                rows.push(row);
                reasons.push(None);
            }
            let paths: Vec<_> = wanted.iter().map(|&i| &items[i].path).collect();
            let mut done = part * LOOK_UP + items.len() - wanted.len();
            progress(done);
            self.loader()
                .for_each_batch(&paths, |batch| -> Result<()> {
                    let outputs = self.forward(&batch.pixels, batch.indices.len())?;
                    let records = batch.indices.iter().zip(outputs.chunks_exact(self.dim()));
                    cache.append(
                        records
                            .clone()
                            .filter_map(|(&at, row)| Some((*keys[wanted[at]].as_ref().ok()?, row))),
                    )?;
                    for (&at, row) in records {
                        rows[wanted[at]] = Some(row.to_vec());
                    }
                    computed += batch.indices.len();
                    done += batch.indices.len() + batch.failed.len();
                    for (at, error) in batch.failed {
                        reasons[wanted[at]] = Some(error);
                    }
                    progress(done);
                    Ok(())
                })?;
            for (((item, key), row), reason) in items.iter().zip(keys).zip(rows).zip(reasons) {
                match (row, key.err().or(reason)) {
                    (Some(row), _) => {
                        values.extend(row);
                        kept.push(item);
                    }
                    (None, Some(error)) => failed.push((item.clone(), error)),
                    (None, None) => {}
                }
            }
        }
        cache.sync()?;
        let targets = kept.iter().map(|item| item.class).collect();
        let names = kept.iter().map(|item| item.name.clone()).collect();
        let embeddings = Embeddings::new(values, self.dim(), targets)?.with_names(names)?;
        Ok(Embedded {
            embeddings,
            failed,
            computed,
        })
    }

    /// Digest of all that turns an image's bytes into numbers. Engines differ in the last bits.
    fn recipe(&self) -> [u8; 32] {
        let text = format!(
            "1 {} {} {} {} {}",
            self.digest,
            self.resize,
            self.size,
            self.layer,
            self.net.instruction_set()
        );
        Sha256::digest(text).into()
    }
}

fn key(item: &ImageItem, recipe: &[u8; 32]) -> dataset::Result<Key> {
    let bytes = read_bounded(&item.path, MOST_BYTES)?;
    Ok(Key::new(&Sha256::digest(&bytes).into(), recipe))
}
