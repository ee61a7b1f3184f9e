//! Files to batches of pixels, in parallel, with bounded memory.

use std::path::Path;
use std::sync::mpsc;

use rayon::prelude::*;

use crate::{DecodeOptions, Error, ResizeFilter, ResizePolicy, Result, decode_file};

/// Pixels of consecutive images.
#[derive(Debug, Default)]
pub struct PixelBatch {
    /// Positions in the list of paths, ascending, of the images that could be loaded.
    pub indices: Vec<usize>,
    /// Their pixels, `[indices.len(), size, size, 3]`, RGB, 0 to 255.
    pub pixels: Vec<u8>,
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
        // `retrain.py` knew nothing of EXIF, and its resize must see every pixel.
        let options = DecodeOptions::default()
            .with_upright(policy != ResizePolicy::Tf1Squash)
            .with_reduce_to(policy.needed_side(size));
        Self {
            policy,
            filter: ResizeFilter::default(),
            size,
            batch: 32,
            options,
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

    /// Limits and choices of decoding; defaults to [`DecodeOptions::default`], with
    /// [`DecodeOptions::with_reduce_to`] as the policy allows, and not turned upright for `tf1`.
    pub fn with_decode_options(mut self, options: DecodeOptions) -> Self {
        self.options = options;
        self
    }

    /// The side of the squares.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// One image's pixels, `[size, size, 3]`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Picture`].
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let image = decode_file(path, &self.options)?;
        Ok(self
            .policy
            .apply_with(&image, self.size, self.filter)
            .into_raw())
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
        mut consume: impl FnMut(PixelBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        P: AsRef<Path> + Sync,
    {
        let batches = paths
            .chunks(self.batch)
            .enumerate()
            .map(|(i, part)| (i * self.batch, part));
        // A rayon thread that waits for another thread's work may wait for itself.
        if rayon::current_thread_index().is_some() {
            return batches
                .map(|(start, part)| self.load_batch(start, part))
                .try_for_each(consume);
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(1);
            scope.spawn(move || {
                for (start, part) in batches {
                    // The receiver is gone when `consume` failed.
                    if sender.send(self.load_batch(start, part)).is_err() {
                        break;
                    }
                }
            });
            receiver.into_iter().try_for_each(&mut consume)
        })
    }

    /// Loads `paths`, whose first is number `start`.
    fn load_batch<P: AsRef<Path> + Sync>(&self, start: usize, paths: &[P]) -> PixelBatch {
        let loaded: Vec<_> = paths
            .par_iter()
            .with_max_len(1)
            .map(|path| self.load(path))
            .collect();
        let mut batch = PixelBatch::default();
        for (index, result) in loaded.into_iter().enumerate() {
            match result {
                Ok(pixels) => {
                    batch.indices.push(start + index);
                    batch.pixels.extend_from_slice(&pixels);
                }
                Err(error) => batch.failed.push((start + index, error)),
            }
        }
        batch
    }
}
