//! Loads files as batches of pixels, in parallel and with bounded memory.

use std::path::Path;
use std::sync::mpsc;

use image::RgbImage;

use crate::decode::{DecodeOptions, decode_file, decode_named};
use crate::error::{Error, Result};
use crate::memory::bounded;
use crate::resize::{ResizeFilter, ResizePolicy};
use crate::threads;

/// Pixels of consecutive images.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PixelBatch {
    /// The images that could be loaded, as indices into the list of paths, ascending.
    pub indices: Vec<usize>,
    /// Their pixels, `[indices.len(), size, size, 3]`, RGB, 0 to 255.
    pub pixels: Vec<u8>,
    /// The images that the filter of [`PixelLoader::for_each_filtered`] refused, as indices into the list of paths,
    /// ascending.
    pub filtered_out: Vec<usize>,
    /// The images that could not be loaded, in the order of the list.
    pub failed: Vec<FailedImage>,
}

/// An image that could not be loaded.
#[derive(Debug)]
pub struct FailedImage {
    /// Its index into the list of paths.
    pub index: usize,
    /// Why it could not be loaded.
    pub error: Error,
}

/// Loads image files as squares of pixels, all in the same way.
///
/// JPEGs that are much larger than needed are decoded at a reduced size if the policy allows it
/// ([`ResizePolicy::needed_side`]). Decoding runs on rayon's threads; the results do not depend on their number.
#[derive(Debug, Clone)]
pub struct PixelLoader {
    policy: ResizePolicy,
    filter: ResizeFilter,
    size: u32,
    batch_size: usize,
    options: DecodeOptions,
}

impl PixelLoader {
    /// A loader that makes squares of `size` x `size` pixels according to `policy`.
    pub fn new(policy: ResizePolicy, size: u32) -> Self {
        Self {
            policy,
            filter: ResizeFilter::default(),
            size,
            batch_size: 32,
            options: policy.decode_options(size),
        }
    }

    /// Batch size: the number of images per batch; 0 counts as 1; defaults to 32.
    pub fn with_batch_size(mut self, images: usize) -> Self {
        self.batch_size = images.max(1);
        self
    }

    /// Interpolation filter used when resizing; defaults to bilinear. [`ResizePolicy::Tf1Squash`] ignores it.
    pub fn with_filter(mut self, filter: ResizeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// How images are decoded, and within which limits; defaults to [`ResizePolicy::decode_options`]. To change only
    /// one limit, start from that default.
    pub fn with_decode_options(mut self, options: DecodeOptions) -> Self {
        self.options = options;
        self
    }

    /// The side of the squares, in pixels.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Decodes one image without resizing it to a square. [`load`](Self::load) makes its pixels from this image, so the
    /// image may have a reduced size, and with [`ResizePolicy::Tf1Squash`] it is not turned upright.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Image`] if it cannot be decoded.
    pub fn decode(&self, path: impl AsRef<Path>) -> Result<RgbImage> {
        decode_file(path, &self.options)
    }

    /// Loads the pixels of one image, `[size, size, 3]`, RGB, 0 to 255.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Image`] if it cannot be decoded.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        Ok(self.square(&self.decode(path)?))
    }

    /// Loads all images and calls `consume` with one batch after the other, in order, while the next batch is decoded.
    /// At most three batches of pixels exist at any time. Images that are decoded at the same time take at most 256 MiB
    /// for each thread and 2 GiB in addition, or as much as the largest image takes. Images of more than 256 MiB (a
    /// JPEG at full size takes this at 29 megapixels) wait for each other. Images that cannot be loaded are in
    /// [`PixelBatch::failed`]; the caller decides what to do about them.
    ///
    /// # Errors
    /// The first error that `consume` returns. No further batch is loaded after it.
    pub fn for_each_batch<P, E>(
        &self,
        paths: &[P],
        consume: impl FnMut(PixelBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        P: AsRef<Path> + Sync,
    {
        self.for_each_filtered(paths, |_, _| true, consume)
    }

    /// Like [`for_each_batch`](Self::for_each_batch), but `filter` is called first, with the index and the bytes of each
    /// file. The bytes are decoded only if it returns true; otherwise the image is in [`PixelBatch::filtered_out`].
    ///
    /// # Errors
    /// The first error that `consume` returns. No further batch is loaded after it.
    pub fn for_each_filtered<P, E>(
        &self,
        paths: &[P],
        filter: impl Fn(usize, &[u8]) -> bool + Sync,
        mut consume: impl FnMut(PixelBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        P: AsRef<Path> + Sync,
    {
        let batches = paths
            .chunks(self.batch_size)
            .enumerate()
            .map(|(i, part)| self.load_batch(i * self.batch_size, part, &filter));
        if threads::in_pool() {
            return batches.into_iter().try_for_each(consume);
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(1);
            scope.spawn(move || {
                for batch in batches {
                    // The receiver is gone when `consume` failed.
                    if sender.send(batch).is_err() {
                        break;
                    }
                }
            });
            receiver.into_iter().try_for_each(&mut consume)
        })
    }

    /// Loads `paths`, the first of which has the index `start`.
    fn load_batch<P: AsRef<Path> + Sync>(
        &self,
        start: usize,
        paths: &[P],
        filter: &(impl Fn(usize, &[u8]) -> bool + Sync),
    ) -> PixelBatch {
        let load = |(index, path): (usize, &P)| -> Result<Option<Vec<u8>>> {
            let bytes = self.options.read(path)?;
            if !filter(start + index, &bytes) {
                return Ok(None);
            }
            let square =
                |options: &DecodeOptions| Ok(self.square(&decode_named(path, &bytes, options)?));
            bounded(&self.options, square).map(Some)
        };
        let loaded = threads::map(paths.iter().enumerate(), load);
        let mut batch = PixelBatch::default();
        for (index, result) in loaded.into_iter().enumerate() {
            match result {
                Ok(Some(pixels)) => {
                    batch.indices.push(start + index);
                    batch.pixels.extend_from_slice(&pixels);
                }
                Ok(None) => batch.filtered_out.push(start + index),
                Err(error) => batch.failed.push(FailedImage {
                    index: start + index,
                    error,
                }),
            }
        }
        batch
    }

    fn square(&self, image: &RgbImage) -> Vec<u8> {
        self.policy
            .apply_with(image, self.size, self.filter)
            .into_raw()
    }
}
