//! Small pictures: thumbnails and contact sheets.

use std::path::Path;

use files::{create_parent_folder, write_bytes};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use crate::decode::{DecodeOptions, decode_file};
use crate::error::{Error, Result};
use crate::resize::{ResizeFilter, scaled, whole};

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
        return Err(Error::setting("JPEG quality", quality, "1 to 100"));
    }
    let image = thumbnail(&decode_file(from, &DecodeOptions::default())?, side);
    let (mut jpeg, to) = (Vec::new(), to.as_ref());
    JpegEncoder::new_with_quality(&mut jpeg, quality)
        .encode_image(&image)
        .map_err(Error::encode(to))?;
    create_parent_folder(to)?;
    Ok(write_bytes(to, &jpeg)?)
}

/// The most pixels of a contact sheet.
const MAX_PIXELS: u64 = 50_000_000;

/// How long so many cells in a row are, with the gaps between and around them.
fn sheet_side(cells: u32, cell: u32) -> u32 {
    const GAP: u32 = 4;
    GAP + cells * (cell + GAP)
}

/// The largest cell, of at most `cell`, with which the sheet has not too many pixels.
fn fitting(cell: u32, columns: u32, rows: u32) -> u32 {
    let side = |cells, cell| u64::from(sheet_side(cells, cell));
    let fits = |cell: &u32| side(columns, *cell) * side(rows, *cell) <= MAX_PIXELS;
    (1..=cell).rev().find(fits).unwrap_or(1)
}

/// Pictures in rows of `columns` (1 to 64), each centred in a cell of `cell` pixels (1 to 512), 4 pixels apart on
/// white. At most 4,096 pictures are shown, and cells are made smaller where the sheet would have more than 50
/// million pixels (150 MB), so that it stays a picture.
pub fn contact_sheet(images: &[RgbImage], columns: u32, cell: u32) -> RgbImage {
    let images = &images[..images.len().min(4096)];
    let columns = columns.clamp(1, 64);
    let rows = (images.len() as u32).div_ceil(columns);
    let cell = fitting(cell.clamp(1, 512), columns, rows);
    let side = |cells: u32| sheet_side(cells, cell);
    let mut sheet = RgbImage::from_pixel(side(columns), side(rows), [255; 3].into());
    for (index, image) in (0_u32..).zip(images) {
        let small = thumbnail(image, cell);
        let x = side(index % columns) + (cell - small.width()) / 2;
        let y = side(index / columns) + (cell - small.height()) / 2;
        image::imageops::replace(&mut sheet, &small, x.into(), y.into());
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::{MAX_PIXELS, fitting, sheet_side};

    #[test]
    fn sheets_stay_within_their_pixels() {
        assert_eq!(fitting(128, 8, 10), 128);
        for (columns, rows) in [(64, 64), (1, 4096), (20, 205)] {
            let pixels =
                |cell| u64::from(sheet_side(columns, cell)) * u64::from(sheet_side(rows, cell));
            let cell = fitting(512, columns, rows);
            assert!(pixels(cell) <= MAX_PIXELS, "{columns} x {rows}: {cell}");
            // Not smaller than it must be.
            assert!(pixels(cell + 1) > MAX_PIXELS, "{columns} x {rows}: {cell}");
        }
    }
}
