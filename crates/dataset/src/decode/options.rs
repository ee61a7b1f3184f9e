//! How images are decoded, and within which limits.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use files::read_at_most;

use super::bands::Bands;
use crate::error::{Error, Result};
use crate::problem::{ImageProblem, Limit};

/// How images are decoded, and within which limits.
///
/// ```
/// let options = dataset::DecodeOptions::default().with_max_pixels(1_000_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DecodeOptions {
    pub(crate) max_pixels: u64,
    pub(crate) max_side: u32,
    pub(crate) max_bytes: u64,
    pub(crate) max_memory: u64,
    pub(crate) background: [u8; 3],
    pub(crate) upright: bool,
    pub(crate) reduce_to: Option<u32>,
    pub(crate) max_damage: u8,
    pub(crate) bands: Option<Bands>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_pixels: 100_000_000,
            max_side: 32_768,
            max_bytes: 256 << 20,
            max_memory: u64::MAX,
            background: [255; 3],
            upright: true,
            reduce_to: None,
            max_damage: 5,
            bands: None,
        }
    }
}

impl DecodeOptions {
    /// The largest number of decoded pixels of an image; defaults to 100 million, which is 300 MB of RGB. A JPEG that
    /// is decoded at 1/8 of its size may have 64 times as many pixels itself.
    pub fn with_max_pixels(mut self, max_pixels: u64) -> Self {
        self.max_pixels = max_pixels;
        self
    }

    /// The largest width and height of a decoded image, in pixels; defaults to 32,768. A JPEG that is decoded at 1/8 of
    /// its size may itself be 8 times as wide and high, up to the limit of the format, 65,535.
    pub fn with_max_side(mut self, max_side: u32) -> Self {
        self.max_side = max_side;
        self
    }

    /// The largest size of a file, in bytes; defaults to 256 MiB.
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The largest memory that decoding one image may take, in bytes. The memory is estimated from the size and the
    /// color mode of the image, at 3 to 16 bytes for each decoded pixel. By default there is no limit besides the
    /// number of pixels.
    pub fn with_max_memory(mut self, max_memory: u64) -> Self {
        self.max_memory = max_memory;
        self
    }

    /// The color behind transparent pixels, as red, green and blue; defaults to white.
    pub fn with_background(mut self, background: [u8; 3]) -> Self {
        self.background = background;
        self
    }

    /// Whether to turn the image upright according to its EXIF orientation; defaults to true. `retrain.py` did not do
    /// so.
    pub fn with_upright(mut self, upright: bool) -> Self {
        self.upright = upright;
        self
    }

    /// Decodes a JPEG at 1/4 or 1/8 of its size, which is several times faster, if both sides of the result still have
    /// at least `side` pixels. Each pixel is then about the mean of the pixels that it replaces. Other formats are
    /// always decoded at full size. Defaults to `None`, which means full size.
    pub fn with_reduce_to(mut self, side: Option<u32>) -> Self {
        self.reduce_to = side;
        self
    }

    /// The largest part of a JPEG, in percent, that may be too damaged to be decoded, 0 to 100 (larger numbers count as
    /// 100); defaults to 5. The missing rows are gray. Damage that does not prevent decoding, such as a changed color,
    /// does not count.
    pub fn with_max_damage(mut self, percent: u8) -> Self {
        self.max_damage = percent.min(100);
        self
    }

    /// Which bands of a TIFF with more than four become red, green and blue. By default there are none, and such a TIFF is
    /// refused. Other images stay as they are.
    pub fn with_bands(mut self, bands: Option<Bands>) -> Self {
        self.bands = bands;
        self
    }

    /// Reads an image file of at most the size that [`with_max_bytes`](Self::with_max_bytes) allows.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Image`] with [`ImageProblem::OverLimit`] if it is larger.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        read_at_most(path, self.max_bytes).map_err(|error| {
            if error.source.kind() != ErrorKind::FileTooLarge {
                return error.into();
            }
            // A pipe has no length, only more bytes than are allowed.
            let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
            let found = length.max(self.max_bytes.saturating_add(1));
            Error::image(path, found)(ImageProblem::OverLimit {
                limit: Limit::FileSize,
                found,
                allowed: self.max_bytes,
            })
        })
    }

    /// Checks the size of a file.
    pub(super) fn check_file(&self, bytes: &[u8]) -> Result<(), ImageProblem> {
        within(Limit::FileSize, bytes.len() as u64, self.max_bytes)
    }

    /// Checks the size of an image, before memory is allocated for it.
    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), ImageProblem> {
        let (side, pixels) = (width.max(height), u64::from(width) * u64::from(height));
        within(Limit::Side, side.into(), self.max_side.into())?;
        within(Limit::Pixels, pixels, self.max_pixels)
    }

    /// Checks a JPEG that is decoded at 1 / `fraction` of its size.
    pub(super) fn check_reduced(&self, sides: [u32; 2], fraction: u32) -> Result<(), ImageProblem> {
        let [width, height] = sides.map(|side| side.div_ceil(fraction));
        self.check_size(width, height)?;
        // Of four components at most samples, coefficients, and samples of the final size; and RGB.
        self.check_memory(u64::from(width) * u64::from(height) * 16)
    }

    /// Checks the memory that decoding an image takes.
    pub(super) fn check_memory(&self, bytes: u64) -> Result<(), ImageProblem> {
        within(Limit::Memory, bytes, self.max_memory)
    }
}

fn within(limit: Limit, found: u64, allowed: u64) -> Result<(), ImageProblem> {
    if found > allowed {
        return Err(ImageProblem::OverLimit {
            limit,
            found,
            allowed,
        });
    }
    Ok(())
}
