//! Turning an image upright.

use image::metadata::Orientation;
use image::{RgbImage, imageops};
use memchr::memmem;

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

/// The orientation in an EXIF block, which may begin with `Exif\0\0`; `None` if it has none.
pub(super) fn of_exif(exif: &[u8]) -> Option<Orientation> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff)
}

/// The orientation in a packet of XMP: `tiff:Orientation="6"`, or as an element of its own.
pub(super) fn of_xmp(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = xmp;
    loop {
        let at = memmem::find(rest, NAME)?;
        rest = &rest[at + NAME.len()..];
        let ([b'=', b'"' | b'\'', digit, ..] | [b'>', digit, ..]) = rest else {
            continue;
        };
        return Orientation::from_exif(digit.wrapping_sub(b'0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_is_read_as_attribute_and_as_element() {
        for (xmp, found) in [
            (
                &b"<rdf tiff:Orientation=\"6\" a='1'>"[..],
                Some(Orientation::Rotate90),
            ),
            (
                b"<tiff:Orientation>3</tiff:Orientation>",
                Some(Orientation::Rotate180),
            ),
            (
                b"tiff:OrientationX tiff:Orientation='8'",
                Some(Orientation::Rotate270),
            ),
            (b"<tiff:Orientation>9", None),
            (b"tiff:Orientation", None),
            (b"", None),
        ] {
            assert_eq!(of_xmp(xmp), found);
        }
    }
}
