//! Decoding: from the bytes of a file to upright 8-bit RGB, within limits.

mod bands;
mod bmp;
mod directory;
mod entropy;
pub(crate) mod foreign;
pub(crate) mod format;
mod frame;
mod huffman;
mod jpeg;
mod options;
mod orientation;
mod other;
mod png;
mod raw;
mod reduced;
mod scan;
mod script;
mod segments;
#[cfg(feature = "tiff")]
mod tiff;
#[cfg(feature = "tiff")]
mod tiff_jpeg;
#[cfg(feature = "tiff")]
mod tiff_samples;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub use bands::Bands;
pub use format::ImageFormat;
use image::RgbImage;
pub(crate) use jpeg::size as jpeg_size;
pub use options::DecodeOptions;

use crate::error::{Error, Result};
use crate::problem::ImageProblem;

/// Decodes an image to upright 8-bit RGB.
///
/// The format is recognized by the first bytes: JPEG, PNG, GIF (only its first frame), WebP (likewise), BMP, TIFF (only its
/// first page), PNM, QOI, ICO or TGA. Every pixel
/// becomes RGB as follows:
///
/// - gray: each channel has the gray value;
/// - palette: the color of the palette entry;
/// - 16 bits per channel: `round(v / 257)`;
/// - alpha, and the transparent color of a palette or a GIF: the pixel is laid over
///   [`DecodeOptions::with_background`], in 8 bits and without gamma correction;
/// - CMYK and YCCK in JPEG: `ink * key / 255`, inverted first if an Adobe marker says that the file stores inverted
///   values, as almost all such files do.
///
/// At the end the image is turned upright by its orientation: that of EXIF (in JPEG and WebP, in the `eXIf` chunk of PNG and in
/// ImageMagick's profile there), where it has none that of XMP, or that of TIFF.
/// Color profiles and gamma are not applied, as in Pillow and TensorFlow.
///
/// # Errors
/// [`Error::Image`] if the bytes are not an image, are broken or exceed a limit, if more of a JPEG is damaged than
/// [`DecodeOptions::with_max_damage`] allows, and also if the decoder panics. Limits are checked before memory is
/// allocated for the image. A whole JPEG without an end marker is decoded.
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
    decode_bytes(bytes, options).map_err(Error::image("(in memory)", bytes.len() as u64))
}

/// Reads and decodes a file; see [`decode`].
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Image`] if it cannot be decoded; both name the path.
pub fn decode_file(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<RgbImage> {
    decode_named(&path, &options.read(&path)?, options)
}

/// Decodes bytes that were read from the file at `path`; see [`decode`].
///
/// # Errors
/// Those of [`decode`]; they name the path.
pub fn decode_named(
    path: impl AsRef<Path>,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<RgbImage> {
    decode_bytes(bytes, options).map_err(Error::image(path, bytes.len() as u64))
}

fn decode_bytes(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage, ImageProblem> {
    if bytes.is_empty() {
        return Err(ImageProblem::Empty);
    }
    options.check_file(bytes)?;
    let format = ImageFormat::sniff(bytes).ok_or_else(|| foreign::problem(bytes))?;
    // Decoders work on bytes from anywhere; a panic in one must not end a run over a folder.
    // Nothing is shared with them, so nothing can be left half changed.
    catch_unwind(AssertUnwindSafe(|| match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, options),
        _ => other::decode(bytes, format, options),
    }))
    .unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let message = format!("the decoder panicked: {message}");
        Err(ImageProblem::broken(format, message))
    })
}
