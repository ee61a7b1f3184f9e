//! Embedding images through a cache.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dataset::ImageItem;
use dataset::ResizeFilter;
use dataset::loader::FailedImage;
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::cache::{EmbeddingCache, Key};
use crate::embeddings::Embeddings;
use crate::error::Result;

/// An image that could not be used, and why.
#[derive(Debug)]
pub struct UnusableImage {
    /// The image.
    pub item: ImageItem,
    /// The reason.
    pub error: dataset::Error,
}

/// The result of [`Backbone::embed`].
#[derive(Debug)]
pub struct Embedded {
    /// The embeddings, in the order of the images; images that could not be used are left out.
    pub embeddings: Embeddings,
    /// Images that could not be used.
    pub failed: Vec<UnusableImage>,
    /// Number of embeddings that were computed; the others were in the cache.
    pub computed: usize,
    /// SHA-256 of the names, classes and contents of the embedded images, in their order, in hexadecimal.
    pub digest: String,
}

/// The result of [`Backbone::fill`].
#[derive(Debug, Default)]
pub struct Filled {
    /// Images that could not be used.
    pub failed: Vec<UnusableImage>,
    /// Number of embeddings that were computed; the others were in the cache.
    pub computed: usize,
}

impl Backbone {
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
                    let item = items[index].clone();
                    filled.failed.push(UnusableImage { item, error });
                }
                progress(done);
                Ok(())
            })?;
        cache.sync()?;
        Ok(filled)
    }

    /// Digest of everything that an embedding depends on besides the image's bytes. Engines differ in the last bits.
    pub(crate) fn recipe(&self) -> [u8; 32] {
        let filter = match self.filter() {
            ResizeFilter::Bilinear => "",
            ResizeFilter::Bicubic => " bicubic",
        };
        let text = format!(
            "1 {} {} {} {} {}{filter}",
            self.digest(),
            self.resize(),
            self.size(),
            self.layer(),
            self.engine().name()
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
