//! Small images for people: thumbnails and contact sheets.

use std::path::Path;

use files::{create_parent_folder, write_bytes};
use image::RgbImage;

use crate::decode::{DecodeOptions, decode_file};
use crate::encode::jpeg;
use crate::error::Result;
use crate::resize::{ResizeFilter, scaled, whole};

/// A copy of the image with the same aspect ratio whose longer side has at most `side` pixels, antialiased. It is never
/// enlarged. With `side` = 0 the image stays as it is.
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

/// Reads an image, turns it upright, and writes its [`thumbnail`] as a JPEG of `quality` 1 to 100.
///
/// # Errors
/// [`Error::Setting`](crate::error::Error::Setting) for another quality; [`Error::Io`](crate::error::Error::Io) if a
/// file cannot be read or written; [`Error::Image`](crate::error::Error::Image) if the image cannot be decoded.
pub fn write_thumbnail(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    side: u32,
    quality: u8,
) -> Result<()> {
    let image = thumbnail(&decode_file(from, &DecodeOptions::default())?, side);
    let (jpeg, to) = (jpeg(&image, quality)?, to.as_ref());
    create_parent_folder(to)?;
    Ok(write_bytes(to, &jpeg)?)
}

/// The largest number of pixels of a contact sheet.
const MAX_PIXELS: u64 = 50_000_000;

/// The length of a row of cells, with the gaps between and around them.
fn sheet_side(cells: u32, cell: u32) -> u32 {
    const GAP: u32 = 4;
    GAP + cells * (cell + GAP)
}

/// The largest cell, of at most `cell` pixels, with which the sheet does not have too many pixels.
fn fitting(cell: u32, columns: u32, rows: u32) -> u32 {
    let side = |cells, cell| u64::from(sheet_side(cells, cell));
    let fits = |cell: &u32| side(columns, *cell) * side(rows, *cell) <= MAX_PIXELS;
    (1..=cell).rev().find(fits).unwrap_or(1)
}

/// Small copies of the images in rows of `columns` (1 to 64) on white, each in the middle of a square cell of `cell`
/// pixels (1 to 512), with 4 pixels between the cells. Numbers out of these ranges count as the nearest number in
/// range. At most 4,096 images are shown. The cells are smaller if the sheet would otherwise have more than 50 million
/// pixels (150 MB).
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
            // It is not smaller than necessary.
            assert!(pixels(cell + 1) > MAX_PIXELS, "{columns} x {rows}: {cell}");
        }
    }
}
