//! Simple filters for looking at images, with the names and the arithmetic of scikit-image 0.26.
//!
//! The results equal scikit-image's to within one gray level.

use image::{GrayImage, RgbImage};

/// Gray levels of a color image: 0.2125 red + 0.7154 green + 0.0721 blue, rounded.
pub fn rgb2gray(image: &RgbImage) -> GrayImage {
    let values = image.pixels().map(|p| {
        let [r, g, b] = p.0.map(f64::from);
        (0.2125 * r + 0.7154 * g + 0.0721 * b).round() as u8
    });
    GrayImage::from_raw(image.width(), image.height(), values.collect()).unwrap_or_default()
}

/// Histogram equalization: every level becomes the fraction of pixels that are at most as bright, scaled to 0 to 255.
pub fn equalize_hist(image: &GrayImage) -> GrayImage {
    let mut counts = [0_u64; 256];
    for value in image.iter() {
        counts[usize::from(*value)] += 1;
    }
    let total = image.len().max(1) as f64;
    let mut sum = 0;
    let table = counts.map(|count| {
        sum += count;
        (255.0 * sum as f64 / total).round() as u8
    });
    looked_up(image, &table)
}

/// Gamma correction: a level v becomes `255 (v / 255) ^ gamma`, which is darker for a gamma above 1 and brighter for a
/// gamma below 1.
pub fn adjust_gamma(image: &GrayImage, gamma: f64) -> GrayImage {
    looked_up(image, &levels(|v| v.powf(gamma)))
}

/// Logarithmic correction: a level v becomes `255 log2(1 + v / 255)`, which makes the image brighter.
pub fn adjust_log(image: &GrayImage) -> GrayImage {
    looked_up(image, &levels(|v| v.ln_1p() / std::f64::consts::LN_2))
}

/// A function from 0..=1 to 0..=1 as a table of levels.
fn levels(change: impl Fn(f64) -> f64) -> [u8; 256] {
    std::array::from_fn(|v| (255.0 * change(v as f64 / 255.0)).round() as u8)
}

fn looked_up(image: &GrayImage, table: &[u8; 256]) -> GrayImage {
    let values = image.iter().map(|v| table[usize::from(*v)]).collect();
    GrayImage::from_raw(image.width(), image.height(), values).unwrap_or_default()
}
