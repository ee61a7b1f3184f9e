//! The three drawings of the notebook of *TensorFlow for Poets 2*, equal to the byte.

use crate::attribution::Attribution;
use crate::check;
use crate::error::Result;
use crate::picture::colors::percentile;
use crate::picture::drawing::{UNDER, gray, picture};
use crate::pixels::Pixels;
use image::RgbImage;

/// Fractions are cut off, as NumPy does when it converts to bytes.
fn byte(color: [f64; 3]) -> [u8; 3] {
    color.map(|c| c as u8)
}

/// The mean over channels.
fn channel_mean(attribution: &Attribution) -> Vec<f64> {
    let c = attribution.shape()[2] as f64;
    attribution.per_pixel().iter().map(|v| v / c).collect()
}

/// The magnitudes divided by their 99th percentile, 0 to 1.
fn magnitudes(attribution: &Attribution) -> Vec<f64> {
    let mut map: Vec<f64> = channel_mean(attribution).iter().map(|v| v.abs()).collect();
    let scale = percentile(&map, 99.0);
    for value in &mut map {
        *value = if scale > 0.0 {
            (*value / scale).min(1.0)
        } else {
            0.0
        };
    }
    map
}

/// The magnitude of the map in gray: the mean over channels, clipped at its 99th percentile.
pub fn gray_map(attribution: &Attribution) -> RgbImage {
    let map = magnitudes(attribution);
    picture(attribution, |i| byte([255.0 * map[i]; 3]))
}

/// The image seen through the map: each pixel multiplied by the magnitude of its attribution, which is clipped at the
/// 99th percentile and scaled to 0 to 1.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) if image and map differ in size.
pub fn window(attribution: &Attribution, pixels: &Pixels) -> Result<RgbImage> {
    check::same_size(UNDER, attribution.shape(), pixels.shape())?;
    let (map, c) = (magnitudes(attribution), pixels.shape()[2]);
    Ok(picture(attribution, |i| {
        let image = &pixels.values()[i * c..(i + 1) * c];
        byte(std::array::from_fn(|k| {
            map[i] * f64::from(image[k.min(c - 1)])
        }))
    }))
}

/// The image in gray with weight 0.3 and, with weight 0.7, positive attributions in green and negative ones in red. The
/// attributions are divided by the magnitude of the 99th or of the 1st percentile, whichever is larger.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) if image and map differ in size.
///
/// ```
/// use attribution::{Attribution, Pixels, picture::notebook};
/// let pixels = Pixels::new(vec![100.0; 9], [1, 3, 3])?;
/// let why = Attribution::new("mine", vec![1.0, 0.0, -2.0], [1, 3, 1], 0.0)?;
/// let picture = notebook::overlay(&why, &pixels)?;
/// assert_eq!(picture.get_pixel(1, 0).0, [30, 30, 30]);
/// assert!(picture.get_pixel(0, 0).0[1] > 100 && picture.get_pixel(2, 0).0[0] > 200);
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn overlay(attribution: &Attribution, pixels: &Pixels) -> Result<RgbImage> {
    check::same_size(UNDER, attribution.shape(), pixels.shape())?;
    let map = channel_mean(attribution);
    let scale = percentile(&map, 99.0)
        .abs()
        .max(percentile(&map, 1.0).abs());
    Ok(picture(attribution, |i| {
        let value = if scale > 0.0 {
            (map[i] / scale).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let base = 0.3 * gray(pixels, i);
        let (against, speaks_for) = ((-value).max(0.0), value.max(0.0));
        byte([against, speaks_for, 0.0].map(|v| base + 0.7 * 255.0 * v))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_stay_dark_and_one_value_is_white() {
        let draw =
            |values: Vec<f64>| gray_map(&Attribution::new("test", values, [1, 3, 1], 0.0).unwrap());
        assert!(draw(vec![0.0; 3]).pixels().all(|p| p.0 == [0; 3]));
        // 99th percentile of 0, 0, 1 is 0.98.
        assert_eq!(draw(vec![0.0, 0.0, -1.0]).get_pixel(2, 0).0, [255; 3]);
        assert_eq!(draw(vec![0.0, 0.49, -1.0]).get_pixel(1, 0).0, [126; 3]);
    }
}
