//! Turning an image upright.

use image::metadata::Orientation;
use image::{RgbImage, imageops};

/// Applies an EXIF orientation.
pub(super) fn turn(image: RgbImage, orientation: Orientation) -> RgbImage {
    match orientation {
        Orientation::NoTransforms => image,
        Orientation::FlipHorizontal => imageops::flip_horizontal(&image),
        Orientation::Rotate180 => imageops::rotate180(&image),
        Orientation::FlipVertical => imageops::flip_vertical(&image),
        Orientation::Rotate90FlipH => imageops::flip_horizontal(&imageops::rotate90(&image)),
        Orientation::Rotate90 => imageops::rotate90(&image),
        Orientation::Rotate270FlipH => imageops::flip_horizontal(&imageops::rotate270(&image)),
        Orientation::Rotate270 => imageops::rotate270(&image),
    }
}

/// The orientation in an EXIF block, which may begin with `Exif\0\0`; upright if it has none.
pub(super) fn of_exif(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms)
}
