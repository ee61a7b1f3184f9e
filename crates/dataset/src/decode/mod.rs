//! File bytes to upright 8-bit RGB, within limits.

mod format;
mod huffman;
mod jpeg;
mod options;
mod orientation;
mod other;
mod reduced;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub use format::Format;
pub(crate) use format::{SNIFF_BYTES, escaped_start};
use image::RgbImage;
#[cfg(feature = "download")]
pub(crate) use jpeg::size as jpeg_size;
pub use options::DecodeOptions;

use crate::{Error, Problem, Result};

/// Decodes a picture to upright 8-bit RGB.
///
/// The format is sniffed from the first bytes: JPEG, PNG, GIF (its first frame), WebP (likewise)
/// or BMP. Every pixel becomes RGB as follows:
///
/// - grey: the value in each channel;
/// - palette: the colours it names;
/// - 16 bits: `round(v / 257)`;
/// - alpha (also a palette's or a GIF's transparent colour): laid over
///   [`DecodeOptions::with_background`], in 8 bits and without regard to gamma;
/// - CMYK and YCCK JPEG: `ink * key / 255`, after inversion where an Adobe marker says that the
///   file stores inverted values, as almost all do;
/// - then turned upright by the EXIF orientation (JPEG, WebP, and PNG's `eXIf`).
///
/// Colour profiles and gamma are not applied, as in Pillow and TensorFlow.
///
/// # Errors
/// [`Error::Picture`], also where the decoder panics. Limits are checked before the picture is
/// allocated. A JPEG without its end marker counts as cut short.
///
/// ```
/// # let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([9, 8, 7]));
/// # let mut png = Vec::new();
/// # picture.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
/// let image = dataset::decode(&png, &dataset::DecodeOptions::default())?;
/// assert_eq!(image.dimensions(), (3, 2));
/// assert!(dataset::decode(&png[..30], &dataset::DecodeOptions::default()).is_err());
/// # Ok::<(), dataset::Error>(())
/// ```
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage> {
    decode_bytes(bytes, options).map_err(Error::picture("(in memory)", bytes.len() as u64))
}

/// Reads and decodes a file; see [`decode`].
///
/// # Errors
/// [`Error::Io`], [`Error::Picture`]; both name the path.
pub fn decode_file(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<RgbImage> {
    decode_named(&path, &read_bounded(&path, options.max_bytes)?, options)
}

/// Decodes bytes that were read from a file; see [`decode`]. Errors name the path.
///
/// # Errors
/// As [`decode`].
pub fn decode_named(
    path: impl AsRef<Path>,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<RgbImage> {
    decode_bytes(bytes, options).map_err(Error::picture(path, bytes.len() as u64))
}

/// Reads a file of at most `max_bytes`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Picture`] with [`Problem::OverLimit`] where the file is larger.
pub fn read_bounded(path: impl AsRef<Path>, max_bytes: u64) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let mut bytes = Vec::with_capacity(length.min(max_bytes) as usize + 1);
    // What arrives counts, not what the metadata promise.
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    let found = (bytes.len() as u64).max(length);
    if found > max_bytes {
        let problem = Problem::OverLimit {
            what: "the file's size",
            found,
            limit: max_bytes,
        };
        return Err(Error::picture(path, found)(problem));
    }
    Ok(bytes)
}

fn decode_bytes(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage, Problem> {
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    if bytes.len() as u64 > options.max_bytes {
        let found = bytes.len() as u64;
        return Err(Problem::OverLimit {
            what: "the file's size",
            found,
            limit: options.max_bytes,
        });
    }
    let format = Format::sniff(bytes).ok_or_else(|| Problem::UnknownFormat {
        start: escaped_start(bytes),
    })?;
    // Decoders work on bytes from anywhere; a panic in one must not end a run over a folder.
    // Nothing is shared with them, so nothing can be left half changed.
    catch_unwind(AssertUnwindSafe(|| match format {
        Format::Jpeg => jpeg::decode(bytes, options),
        _ => other::decode(bytes, format, options),
    }))
    .unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Problem::Broken {
            format: format.name(),
            message: format!("the decoder panicked: {message}"),
        })
    })
}
