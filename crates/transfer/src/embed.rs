//! Embedding images through a cache.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dataset::ImageItem;
use dataset::loader::FailedImage;
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::kept::{Content, Hashes, Kept, Known};
use crate::picture::PictureDigest;

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
    /// The digest of each embedded image, in their order. Only [`embed_recognizably`](Backbone::embed_recognizably)
    /// computes the hashes in it.
    pub pictures: Vec<PictureDigest>,
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
    /// Embeds images. Embeddings that are in the cache are read from there; the others are computed and written to the
    /// cache batch by batch. `progress` is called with the number of images that are done. A cache that cannot be written
    /// is no error: [`EmbeddingCache::unwritten`] tells.
    ///
    /// # Errors
    /// If the cache cannot be read. Images that cannot be used are not an error: they are in
    /// [`Embedded::failed`].
    pub fn embed(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        self.embed_with(items, cache, Hashes::Unwanted, progress)
    }

    /// Does the same as [`embed`](Self::embed), and also computes the hashes that identify an image after it was
    /// resized or encoded again ([`PictureDigest::hashes`]). The cache keeps them, too. An image whose hashes are not
    /// in the cache is decoded, even if its embedding is there.
    ///
    /// # Errors
    /// The errors of [`embed`](Self::embed).
    pub fn embed_recognizably(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        self.embed_with(items, cache, Hashes::Wanted, progress)
    }

    fn embed_with(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        hashes: Hashes,
        progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        let mut rows = Rows::new(items.len(), self.dim());
        let filled = self.visit(items, cache, hashes, progress, |index, image| {
            rows.put_picture(index, &image.sha256, image.digest, &image.row);
            Ok(())
        })?;
        rows.into_embedded(items, filled)
    }

    /// Does the same as [`embed`](Self::embed), but only writes the embeddings to the cache. Use it for folders whose
    /// embeddings do not fit in memory.
    ///
    /// # Errors
    /// The errors of [`embed`](Self::embed), and if the cache cannot be written.
    pub fn fill(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Filled> {
        let filled = self.visit(items, cache, Hashes::Unwanted, progress, |_, _| {
            // Nothing else is done with them.
            cache.unwritten().map_or(Ok(()), Err)
        })?;
        cache.unwritten().map_or(Ok(filled), Err)
    }

    /// Calls `sink` with the index and the content of each image that can be used.
    fn visit(
        &self,
        items: &[ImageItem],
        cache: &EmbeddingCache,
        hashes: Hashes,
        mut progress: impl FnMut(usize),
        mut sink: impl FnMut(usize, &Content) -> Result<()>,
    ) -> Result<Filled> {
        let kept = Kept::new(self, cache, hashes);
        // An image is known by its bytes, which are read once: those that are hashed are those that are decoded.
        // Threads that load leave here what the one that computes has not yet taken: a few batches.
        let seen = Mutex::new(HashMap::new());
        let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |index: usize, bytes: &[u8]| {
            let known = kept.look_up(bytes);
            let whole = known.as_ref().is_ok_and(Known::is_whole);
            seen().insert(index, known);
            !whole
        };
        let take = |indices: &[usize]| -> Result<Vec<Known>> {
            let mut seen = seen();
            indices
                .iter()
                .filter_map(|index| seen.remove(index))
                .collect()
        };
        let mut filled = Filled::default();
        let mut done = 0;
        let paths: Vec<_> = items.iter().map(|item| &item.path).collect();
        self.loader()
            .for_each_filtered(&paths, wanted, |batch| -> Result<()> {
                done += batch.indices.len() + batch.filtered_out.len() + batch.failed.len();
                let known = take(&batch.filtered_out)?;
                let known = known.into_iter().filter_map(Known::content);
                for (&index, image) in batch.filtered_out.iter().zip(known) {
                    sink(index, &image)?;
                }
                let (images, computed) = kept.complete(&batch.pixels, take(&batch.indices)?)?;
                filled.computed += computed;
                for (&index, image) in batch.indices.iter().zip(&images) {
                    sink(index, image)?;
                }
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
}

/// Embeddings, put in their places as they are computed.
pub(crate) struct Rows {
    dim: usize,
    values: Vec<f32>,
    /// The images whose rows are there: the SHA-256 of their files, and what is kept of them.
    images: Vec<Option<([u8; 32], PictureDigest)>>,
}

impl Rows {
    pub(crate) fn new(n: usize, dim: usize) -> Self {
        Self {
            dim,
            values: vec![0.0; n * dim],
            images: vec![None; n],
        }
    }

    /// Puts the row of an image whose hashes are not known.
    pub(crate) fn put(&mut self, index: usize, sha256: &[u8; 32], row: &[f32]) {
        self.put_picture(index, sha256, PictureDigest::new(sha256, [0; 2]), row);
    }

    fn put_picture(
        &mut self,
        index: usize,
        sha256: &[u8; 32],
        picture: PictureDigest,
        row: &[f32],
    ) {
        self.values[index * self.dim..][..self.dim].copy_from_slice(row);
        self.images[index] = Some((*sha256, picture));
    }

    /// Closes the gaps that failed images left.
    pub(crate) fn into_embedded(mut self, items: &[ImageItem], filled: Filled) -> Result<Embedded> {
        let (mut targets, mut names, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
        let mut digest = Sha256::new();
        for (index, item) in items.iter().enumerate() {
            let Some((image, picture)) = self.images[index] else {
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
            pictures.push(picture);
        }
        self.values.truncate(targets.len() * self.dim);
        let digest = digest.finalize();
        Ok(Embedded {
            embeddings: Embeddings::new(self.values, self.dim, targets)?.with_names(names)?,
            failed: filled.failed,
            computed: filled.computed,
            digest: files::hex(&digest),
            pictures,
        })
    }
}
