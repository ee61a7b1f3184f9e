//! Images as files.

use std::io::Cursor;
use std::path::Path;

use files::write_bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::error::{Error, Result};

/// Encodes an image as the bytes of a JPEG file with `quality` 1 to 100.
///
/// ```
/// let jpeg = dataset::encode::jpeg(&dataset::RgbImage::new(8, 6), 75)?;
/// let image = dataset::decode(&jpeg, &dataset::DecodeOptions::default())?;
/// assert_eq!(image.dimensions(), (8, 6));
/// # Ok::<(), dataset::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for another quality; [`Error::Encode`] for an image without pixels, or one with a side of more than
/// 65535 pixels.
pub fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    if !(1..=100).contains(&quality) {
        return Err(Error::setting("JPEG quality", quality, "1 to 100"));
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(image)
        .map_err(Error::encode("(in memory)"))?;
    Ok(bytes)
}

/// Writes an image as a PNG file. The file is written whole or not at all.
///
/// # Errors
/// [`Error::Encode`] for an image without pixels; [`Error::Io`] if the file cannot be written.
pub fn write_png(path: impl AsRef<Path>, image: impl Into<DynamicImage>) -> Result<()> {
    let path = path.as_ref();
    let mut png = Cursor::new(Vec::new());
    image
        .into()
        .write_to(&mut png, ImageFormat::Png)
        .map_err(Error::encode(path))?;
    Ok(write_bytes(path, png.get_ref())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GrayImage;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gray.png");
        let gray = GrayImage::from_fn(5, 3, |x, y| image::Luma([(40 * x + y) as u8]));
        write_png(&path, gray.clone()).unwrap();
        assert_eq!(image::open(&path).unwrap().to_luma8(), gray);
        assert!(write_png(folder.path(), gray).is_err());
    }

    #[test]
    fn the_quality_has_a_range() {
        for quality in [0, 101] {
            let error = jpeg(&RgbImage::new(1, 1), quality).unwrap_err();
            assert!(matches!(error, Error::Setting { .. }), "{error}");
        }
    }
}
