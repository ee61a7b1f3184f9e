//! The small copies on which two images are compared in the end.

use image::RgbImage;

use crate::resize::ResizePolicy;

/// Side of a small copy, in pixels.
pub(super) const SIDE: u32 = 32;

/// The most that the small copies of two images may differ on average, in levels.
const LEVELS: f64 = 12.0;

/// The least correlation of the details of the small copies: of what remains without their 3 x 3 mean.
pub(super) const CORRELATION: f64 = 0.85;

/// The square copy of an image: `[SIDE, SIDE, 3]`.
pub(super) fn small_copy(image: &RgbImage) -> RgbImage {
    ResizePolicy::Squash.apply(image, SIDE)
}

/// How much two images resemble each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Likeness {
    /// The mean difference of the small copies, in levels.
    pub(super) levels: f64,
    /// The correlation of their details.
    pub(super) correlation: f64,
}

/// How much two images with these small copies and details resemble each other, if they are near-duplicates.
pub(super) fn likeness(copies: [&RgbImage; 2], details: [&[f64]; 2]) -> Option<Likeness> {
    let levels = distance(copies[0], copies[1]);
    let correlation = details[0].iter().zip(details[1]).map(|(a, b)| a * b).sum();
    (levels <= LEVELS && correlation >= CORRELATION).then_some(Likeness {
        levels,
        correlation,
    })
}

fn distance(a: &RgbImage, b: &RgbImage) -> f64 {
    let differences = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b));
    differences.map(u64::from).sum::<u64>() as f64 / a.len() as f64
}

/// The details of a small copy: what remains without its 3 x 3 mean, as a unit vector `[SIDE - 2, SIDE - 2, 3]`. `None`
/// for an image without details, which then resembles no other.
pub(super) fn details(small: &RgbImage) -> Option<Vec<f64>> {
    let (row, side) = (3 * SIDE as usize, SIDE as usize);
    let levels = small.as_raw();
    let mut values = Vec::with_capacity((side - 2) * (side - 2) * 3);
    for y in 1..side - 1 {
        for at in y * row + 3..(y + 1) * row - 3 {
            let three = |at: usize| [at - 3, at, at + 3].map(|at| u32::from(levels[at]));
            let around = [at - row, at, at + row].map(|at| three(at).iter().sum::<u32>());
            values.push(f64::from(levels[at]) - f64::from(around.iter().sum::<u32>()) / 9.0);
        }
    }
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    // Below half a level on average, nothing but rounding would be compared.
    if length < 0.5 * (values.len() as f64).sqrt() {
        return None;
    }
    let scale = 1.0 / length;
    values.iter_mut().for_each(|value| *value *= scale);
    Some(values)
}
