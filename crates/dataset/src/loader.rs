//! Files to batches of pixels, in parallel, with bounded memory.

use std::path::Path;
use std::sync::mpsc;

use image::RgbImage;
use rayon::prelude::*;

use crate::decode::decode_named;
use crate::{DecodeOptions, Error, ResizeFilter, ResizePolicy, Result, decode_file, read_bounded};

/// Pixels of consecutive images.
#[derive(Debug, Default)]
pub struct PixelBatch {
    /// Positions in the list of paths, ascending, of the images that could be loaded.
    pub indices: Vec<usize>,
    /// Their pixels, `[indices.len(), size, size, 3]`, RGB, 0 to 255.
    pub pixels: Vec<u8>,
    /// Positions of the images that were not wanted ([`PixelLoader::for_each_wanted`]).
    pub unwanted: Vec<usize>,
    /// Positions of the images that could not be loaded, and why.
    pub failed: Vec<(usize, Error)>,
}

/// Loads files as squares of pixels, all in the same way.
///
/// JPEGs much larger than needed are decoded at reduced size where the policy allows it
/// ([`ResizePolicy::needed_side`]). Decoding runs on rayon's threads; results do not depend on
/// how many there are.
#[derive(Debug, Clone)]
pub struct PixelLoader {
    policy: ResizePolicy,
    filter: ResizeFilter,
    size: u32,
    batch: usize,
    options: DecodeOptions,
}

impl PixelLoader {
    /// Loads squares of `size` pixels.
    pub fn new(policy: ResizePolicy, size: u32) -> Self {
        Self {
            policy,
            filter: ResizeFilter::default(),
            size,
            batch: 32,
            options: policy.decode_options(size),
        }
    }

    /// Images in a batch; defaults to 32 (and is at least 1).
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// The filter of the antialiased policies; defaults to bilinear.
    pub fn with_filter(mut self, filter: ResizeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Limits and choices of decoding, in place of the default, [`ResizePolicy::decode_options`];
    /// start from that to change a limit alone.
    pub fn with_decode_options(mut self, options: DecodeOptions) -> Self {
        self.options = options;
        self
    }

    /// The side of the squares.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// One image as it is before it becomes a square: what the pixels of [`load`](Self::load) are made
    /// of, so possibly reduced, and not always upright.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Picture`].
    pub fn decode(&self, path: impl AsRef<Path>) -> Result<RgbImage> {
        decode_file(path, &self.options)
    }

    /// One image's pixels, `[size, size, 3]`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Picture`].
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        Ok(self.square(&self.decode(path)?))
    }

    /// Calls `consume` with batch after batch, in order, while the next one is decoded. At most
    /// three batches of pixels exist at any time. Images that cannot be loaded are in
    /// [`PixelBatch::failed`]; what to do about them is the caller's choice.
    ///
    /// # Errors
    /// The first error of `consume`, which ends the work.
    pub fn for_each_batch<P, E>(
        &self,
        paths: &[P],
        consume: impl FnMut(PixelBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        P: AsRef<Path> + Sync,
    {
        self.for_each_wanted(paths, |_, _| true, consume)
    }

    /// As [`for_each_batch`](Self::for_each_batch), but `wanted` sees each file's position and bytes first; only
    /// where it says so are these same bytes decoded.
    ///
    /// # Errors
    /// The first error of `consume`, which ends the work.
    pub fn for_each_wanted<P, E>(
        &self,
        paths: &[P],
        wanted: impl Fn(usize, &[u8]) -> bool + Sync,
        mut consume: impl FnMut(PixelBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        P: AsRef<Path> + Sync,
    {
        let batches = paths
            .chunks(self.batch)
            .enumerate()
            .map(|(i, part)| self.load_batch(i * self.batch, part, &wanted));
        // A rayon thread that waits for another thread's work may wait for itself.
        if rayon::current_thread_index().is_some() {
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

    /// Loads `paths`, whose first is number `start`.
    fn load_batch<P: AsRef<Path> + Sync>(
        &self,
        start: usize,
        paths: &[P],
        wanted: &(impl Fn(usize, &[u8]) -> bool + Sync),
    ) -> PixelBatch {
        let load = |(index, path): (usize, &P)| -> Result<Option<Vec<u8>>> {
            let bytes = read_bounded(path, self.options.max_bytes)?;
            if !wanted(start + index, &bytes) {
                return Ok(None);
            }
            let image = decode_named(path, &bytes, &self.options)?;
            Ok(Some(self.square(&image)))
        };
        let loaded: Vec<_> = paths
            .par_iter()
            .enumerate()
            .with_max_len(1)
            .map(load)
            .collect();
        let mut batch = PixelBatch::default();
        for (index, result) in loaded.into_iter().enumerate() {
            match result {
                Ok(Some(pixels)) => {
                    batch.indices.push(start + index);
                    batch.pixels.extend_from_slice(&pixels);
                }
                Ok(None) => batch.unwanted.push(start + index),
                Err(error) => batch.failed.push((start + index, error)),
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
