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

/// The orientation in a PNG's `eXIf` chunk, which may come after the pixels.
pub(super) fn of_png(bytes: &[u8]) -> Orientation {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(data) = tail.get(..length) else {
            break;
        };
        if &kind == b"eXIf" {
            return of_exif(data);
        }
        // The four bytes after the data are a checksum.
        let Some(next) = tail.get(length..).and_then(|t| t.get(4..)) else {
            break;
        };
        rest = next;
    }
    Orientation::NoTransforms
}
