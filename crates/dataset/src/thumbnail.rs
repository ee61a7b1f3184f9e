//! Small pictures: thumbnails and contact sheets.

use std::path::Path;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use crate::files::write_whole;
use crate::resize::{ResizeFilter, scaled, whole};
use crate::{DecodeOptions, Error, Result, decode_file};

/// The picture in its aspect with a longer side of at most `side`, antialiased; never enlarged.
pub fn thumbnail(image: &RgbImage, side: u32) -> RgbImage {
    let longer = image.width().max(image.height());
    if longer <= side || side == 0 {
        return image.clone();
    }
    let fit = |of: u32| {
        (f64::from(of) * f64::from(side) / f64::from(longer))
            .round()
            .max(1.0) as u32
    };
    let (width, height) = (fit(image.width()), fit(image.height()));
    scaled(image, whole(image), width, height, ResizeFilter::Bilinear)
}

/// Reads a picture, turns it upright and writes its thumbnail as a JPEG of `quality` 1 to 100.
///
/// # Errors
/// [`Error::Option`] for another quality; [`Error::Io`], [`Error::Picture`].
pub fn write_thumbnail(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    side: u32,
    quality: u8,
) -> Result<()> {
    if !(1..=100).contains(&quality) {
        let found = quality.to_string();
        return Err(Error::Option {
            option: "JPEG quality",
            expected: "1 to 100",
            found,
        });
    }
    let image = thumbnail(&decode_file(from, &DecodeOptions::default())?, side);
    let (mut jpeg, to) = (Vec::new(), to.as_ref());
    JpegEncoder::new_with_quality(&mut jpeg, quality)
        .encode_image(&image)
        .map_err(|error| Error::Format {
            path: to.to_path_buf(),
            message: format!("cannot encode: {error}"),
        })?;
    write_whole(to, &jpeg)
}

/// Pictures in rows of `columns`, each centred in a cell of `cell` pixels, 4 pixels apart on white.
/// At most 4,096 pictures are shown, so that the sheet stays a picture.
pub fn contact_sheet(images: &[RgbImage], columns: u32, cell: u32) -> RgbImage {
    const GAP: u32 = 4;
    let images = &images[..images.len().min(4096)];
    let (columns, cell) = (columns.clamp(1, 64), cell.clamp(1, 512));
    let rows = (images.len() as u32).div_ceil(columns);
    let side = |cells: u32| GAP + cells * (cell + GAP);
    let mut sheet = RgbImage::from_pixel(side(columns), side(rows), [255; 3].into());
    for (index, image) in (0_u32..).zip(images) {
        let small = thumbnail(image, cell);
        let x = side(index % columns) + (cell - small.width()) / 2;
        let y = side(index / columns) + (cell - small.height()) / 2;
        image::imageops::replace(&mut sheet, &small, x.into(), y.into());
    }
    sheet
}
