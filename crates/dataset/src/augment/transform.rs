//! The single transforms, in their usual definitions.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::jittered;
use super::geometry::{erase, random_part, rotated};
use super::range::Range;
use crate::error::{Error, Result};
use crate::resize::{ResizeFilter, scaled};
use crate::rng::{shuffle, uniform};

/// One change of an [`Augmentation`](super::Augmentation), as defined by torchvision 0.24.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transform {
    /// Cuts out a random part of the image and resizes it to the square. Its area and its aspect ratio are random
    /// within the given ranges (the aspect ratio log-uniform). If ten tries give no part that fits into the image, the
    /// part is the largest one around the middle whose aspect ratio is allowed. Common values are an area of 0.08 to 1
    /// and an aspect ratio of 3/4 to 4/3.
    RandomResizedCrop {
        /// Area of the part, as a fraction of the image's area: 1e-6 to 1.
        area: Range,
        /// Aspect ratio, width divided by height: 0.01 to 100.
        aspect: Range,
    },
    /// Mirrors the image left to right, with this probability (0 to 1).
    #[serde(rename = "mirror")]
    RandomHorizontalFlip(f64),
    /// Rotates around the middle by a random angle of at most this many degrees (0 to 360) in either direction. Pixels
    /// from outside of the image are gray (128); the interpolation is bilinear.
    #[serde(rename = "rotation")]
    RandomRotation(f64),
    /// Multiplies brightness, contrast and saturation by random factors from `1 - v` (but at least 0) to `1 + v`, and
    /// turns the hue by at most `hue` of the color circle in either direction, in a random order.
    #[serde(alias = "colour-jitter")]
    ColorJitter {
        /// The v of the brightness, 0 to 100.
        brightness: f64,
        /// The v of the contrast, 0 to 100.
        contrast: f64,
        /// The v of the saturation, 0 to 100.
        saturation: f64,
        /// The largest turn of the hue, as a fraction of the color circle: 0 to 0.5.
        hue: f64,
    },
    /// Fills a random rectangle with gray (128), with the given probability. Its area and its aspect ratio are random
    /// within the given ranges (the aspect ratio log-uniform). Common values are an area of 0.02 to 0.33 and an aspect
    /// ratio of 0.3 to 3.3.
    RandomErasing {
        /// The probability, 0 to 1.
        probability: f64,
        /// Area of the rectangle, as a fraction of the image's area: 1e-6 to 1.
        area: Range,
        /// Aspect ratio, height divided by width: 0.01 to 100.
        aspect: Range,
    },
}

impl Transform {
    /// Refuses numbers that would panic, or silently give another image than was asked for.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::RandomResizedCrop { area, aspect } => check_part(area, aspect),
            Self::RandomHorizontalFlip(probability) => check_number("flip", probability, 1.0),
            Self::RandomRotation(degrees) => check_number("rotation", degrees, 360.0),
            Self::ColorJitter {
                brightness,
                contrast,
                saturation,
                hue,
            } => {
                check_number("brightness", brightness, 100.0)?;
                check_number("contrast", contrast, 100.0)?;
                check_number("saturation", saturation, 100.0)?;
                check_number("hue", hue, 0.5)
            }
            Self::RandomErasing {
                probability,
                area,
                aspect,
            } => {
                check_number("erasing", probability, 1.0)?;
                check_part(area, aspect)
            }
        }
    }

    pub(super) fn apply(self, image: &RgbImage, size: u32, rng: &mut ChaCha8Rng) -> RgbImage {
        if image.is_empty() {
            return image.clone();
        }
        match self {
            Self::RandomResizedCrop { area, aspect } => {
                let part = random_part(image, area, aspect, rng);
                scaled(image, part, size, size, ResizeFilter::Bilinear)
            }
            Self::RandomHorizontalFlip(probability) if rng.random::<f64>() < probability => {
                image::imageops::flip_horizontal(image)
            }
            Self::RandomHorizontalFlip(_) => image.clone(),
            Self::RandomRotation(degrees) => rotated(image, uniform(rng, -degrees, degrees)),
            Self::ColorJitter {
                brightness,
                contrast,
                saturation,
                hue,
            } => {
                let mut factor = |v: f64| uniform(rng, (1.0 - v).max(0.0), 1.0 + v) as f32;
                let factors = [factor(brightness), factor(contrast), factor(saturation)];
                let hue = uniform(rng, -hue, hue) as f32;
                let mut order = [0, 1, 2, 3];
                shuffle(&mut order, rng);
                jittered(image, factors, hue, order)
            }
            Self::RandomErasing {
                probability,
                area,
                aspect,
            } => {
                let mut image = image.clone();
                if rng.random::<f64>() < probability {
                    erase(&mut image, area, aspect, rng);
                }
                image
            }
        }
    }
}

/// Checks a number that may be 0 to `most`.
fn check_number(setting: &'static str, value: f64, most: f64) -> Result<()> {
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::setting(setting, value, format!("0 to {most}")))
}

/// Checks the area and the aspect ratio of a part of an image.
fn check_part(area: Range, aspect: Range) -> Result<()> {
    for (setting, range, least, most) in
        [("area", area, 1e-6, 1.0), ("aspect", aspect, 0.01, 100.0)]
    {
        let Range { low, high } = range;
        if !(least <= low && low <= high && high <= most) {
            return Err(Error::setting(
                setting,
                format!("{low} to {high}"),
                format!("a range within {least:e} to {most}, the lower number first"),
            ));
        }
    }
    Ok(())
}
