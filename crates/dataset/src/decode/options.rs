//! Limits and choices of decoding.

use crate::Problem;

/// Limits and choices of [`decode`](crate::decode).
///
/// ```
/// let options = dataset::DecodeOptions::default().with_max_pixels(1_000_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    pub(crate) max_pixels: u64,
    pub(crate) max_side: u32,
    pub(crate) max_bytes: u64,
    pub(crate) max_memory: u64,
    pub(crate) background: [u8; 3],
    pub(crate) upright: bool,
    pub(crate) reduce_to: Option<u32>,
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
        }
    }
}

impl DecodeOptions {
    /// Refuse pictures of more pixels; defaults to 100 million (300 MB of RGB).
    pub fn with_max_pixels(mut self, max_pixels: u64) -> Self {
        self.max_pixels = max_pixels;
        self
    }

    /// Refuse pictures with a longer side; defaults to 32,768.
    pub fn with_max_side(mut self, max_side: u32) -> Self {
        self.max_side = max_side;
        self
    }

    /// The largest file that is read, in bytes.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Refuse larger files; defaults to 256 MiB.
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Refuse pictures that would take more bytes while they are decoded: an estimate from size and
    /// colour mode, 3 to 16 for a pixel (JPEGs at reduced size take so little that they are not
    /// asked); defaults to no other limit than that of the pixels.
    pub fn with_max_memory(mut self, max_memory: u64) -> Self {
        self.max_memory = max_memory;
        self
    }

    /// The colour behind transparent pixels; defaults to white.
    pub fn with_background(mut self, background: [u8; 3]) -> Self {
        self.background = background;
        self
    }

    /// Whether to turn the picture upright by its EXIF orientation; defaults to true. The scripts
    /// that this project follows did not.
    pub fn with_upright(mut self, upright: bool) -> Self {
        self.upright = upright;
        self
    }

    /// Allows a JPEG that is much larger than needed to be decoded at 1/4 or 1/8 of its size, which
    /// is several times faster, as long as both sides stay at least `side`; each pixel is then about
    /// the mean of those that it stands for. Defaults to `None`: the size that the file has.
    pub fn with_reduce_to(mut self, side: Option<u32>) -> Self {
        self.reduce_to = side;
        self
    }

    /// Checks a picture's size before anything is allocated for it.
    pub(crate) fn check(&self, width: u32, height: u32) -> Result<(), Problem> {
        let limits = [
            (
                "a side",
                u64::from(width.max(height)),
                u64::from(self.max_side),
            ),
            (
                "the number of pixels",
                u64::from(width) * u64::from(height),
                self.max_pixels,
            ),
        ];
        match limits.into_iter().find(|&(_, found, limit)| found > limit) {
            Some((what, found, limit)) => Err(Problem::OverLimit { what, found, limit }),
            None => Ok(()),
        }
    }

    /// Checks what decoding a picture is going to take.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), Problem> {
        if bytes > self.max_memory {
            return Err(Problem::OverLimit {
                what: "the memory that decoding takes",
                found: bytes,
                limit: self.max_memory,
            });
        }
        Ok(())
    }
}
