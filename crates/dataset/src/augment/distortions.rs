//! The distortions of `retrain.py`.

use image::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::resize::tf1_bilinear;
use crate::rng::{stream, uniform};

/// The four distortions of `retrain.py`, computed as the script does. By default none of them is applied.
///
/// 1. The image is resized by [`tf1_bilinear`] to a square with a side of `size * (1 + crop / 100) * u` pixels, cut to an
///    integer, where u is uniform from 1 to `1 + scale / 100`.
/// 2. A random square of `size` x `size` pixels is cut out of it.
/// 3. With probability 0.5 it is flipped horizontally.
/// 4. All values are multiplied by one factor, uniform from `1 - brightness / 100` to `1 + brightness / 100`. They are not
///    clipped.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Distortions {
    /// `--flip_left_right`: whether to mirror half of the images. Defaults to false.
    pub flip_left_right: bool,
    /// `--random_crop`: the margin around the random crop, in percent of the size. Defaults to 0.
    pub random_crop: f64,
    /// `--random_scale`: the largest enlargement of an image, in percent. Defaults to 0.
    pub random_scale: f64,
    /// `--random_brightness`: the largest change of the brightness in either direction, in percent. Defaults to 0.
    pub random_brightness: f64,
}

impl Distortions {
    /// Whether any distortion is set: `should_distort_images` of `retrain.py`.
    pub fn is_any(&self) -> bool {
        self.flip_left_right
            || self.random_crop != 0.0
            || self.random_scale != 0.0
            || self.random_brightness != 0.0
    }

    /// The distorted image, `[size, size, 3]`. Values are 0 to 255, or above 255 if the image was made brighter.
    pub fn apply(
        &self,
        image: &RgbImage,
        size: u32,
        seed: u64,
        epoch: u64,
        index: u64,
    ) -> Vec<f32> {
        let mut rng = stream(seed, epoch, index);
        let margin = 1.0 + self.random_crop.max(0.0) / 100.0;
        let scale = uniform(&mut rng, 1.0, 1.0 + self.random_scale.max(0.0) / 100.0);
        // Bounded, so that no percentage asks for more memory than a large photograph.
        let wide = ((margin * scale * f64::from(size)) as u32).clamp(size, size.saturating_mul(16));
        let (x, y) = (
            rng.random_range(0..=wide - size),
            rng.random_range(0..=wide - size),
        );
        let flipped = self.flip_left_right && rng.random_bool(0.5);
        let range = self.random_brightness / 100.0;
        let brightness = uniform(&mut rng, 1.0 - range, 1.0 + range) as f32;
        let precrop = tf1_bilinear(image, wide, wide);
        let mut values = Vec::with_capacity((size * size * 3) as usize);
        for row in y..y + size {
            for column in 0..size {
                let column = x + if flipped { size - 1 - column } else { column };
                let at = (row as usize * wide as usize + column as usize) * 3;
                values.extend(precrop[at..at + 3].iter().map(|v| v * brightness));
            }
        }
        values
    }
}
