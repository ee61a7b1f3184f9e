//! Resizing: from an image of any size to the square that a network takes.

use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{ImageRef, TypedImage};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::decode::DecodeOptions;
use crate::error::{Error, Result};

/// The gray level that [`ResizePolicy::Letterbox`] puts beside the image: about zero after a network's
/// `x / 127.5 - 1`.
const LETTERBOX_GRAY: u8 = 128;

/// The fraction of the short side that [`ResizePolicy::CenterCrop`] keeps.
const CROP_FRACTION: f64 = 0.875;

/// How an image becomes a square of `size` x `size` pixels.
///
/// All policies except [`ResizePolicy::Tf1Squash`] are antialiased and equal `resize` of Pillow 13.0 to within one
/// level. `Display` and `FromStr` use the names of files and command lines: `squash`, `center-crop`, `letterbox` and
/// `tf1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizePolicy {
    /// The whole image is resized to the square; its aspect ratio is not kept.
    #[default]
    Squash,
    /// The middle of the image: the short side is resized to `round(size / 0.875)` pixels, the long side in proportion,
    /// and the square in the middle is cut out. This is the usual way to evaluate networks on ImageNet.
    CenterCrop,
    /// The whole image with its aspect ratio, centered, with gray (128) on the remaining area.
    Letterbox,
    /// Like [`ResizePolicy::Squash`], but computed by [`tf1_bilinear`] as in `retrain.py`, and rounded to 8 bits.
    #[serde(rename = "tf1")]
    Tf1Squash,
}

const POLICIES: [(ResizePolicy, &str); 4] = [
    (ResizePolicy::Squash, "squash"),
    (ResizePolicy::CenterCrop, "center-crop"),
    (ResizePolicy::Letterbox, "letterbox"),
    (ResizePolicy::Tf1Squash, "tf1"),
];

impl fmt::Display for ResizePolicy {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = POLICIES
            .iter()
            .find(|(policy, _)| policy == self)
            .map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for ResizePolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        POLICIES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|&(policy, _)| policy)
            .ok_or_else(|| {
                let expected = "squash, center-crop, letterbox or tf1";
                Error::setting("resize policy", format!("'{text}'"), expected)
            })
    }
}

/// Interpolation filter used when resizing. Both are antialiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeFilter {
    /// A triangle that reaches one target pixel to each side.
    #[default]
    Bilinear,
    /// The cubic of Catmull and Rom (a = -0.5), which reaches two target pixels to each side.
    Bicubic,
}

/// A rectangle of the source, in its pixels.
#[derive(Clone, Copy)]
pub(crate) struct Crop {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl ResizePolicy {
    /// Resizes `image` to a square of `size` x `size` pixels, with the bilinear filter.
    ///
    /// ```
    /// use dataset::{ResizePolicy, RgbImage};
    /// let square = ResizePolicy::Letterbox.apply(&RgbImage::new(40, 20), 16);
    /// assert_eq!(square.dimensions(), (16, 16));
    /// ```
    pub fn apply(self, image: &RgbImage, size: u32) -> RgbImage {
        self.apply_with(image, size, ResizeFilter::default())
    }

    /// Like [`ResizePolicy::apply`], with a choice of the filter. [`ResizePolicy::Tf1Squash`] ignores it.
    pub fn apply_with(self, image: &RgbImage, size: u32, filter: ResizeFilter) -> RgbImage {
        let (w, h) = image.dimensions();
        if w == 0 || h == 0 || size == 0 {
            return RgbImage::new(size, size);
        }
        match self {
            Self::Squash => scaled(image, whole(image), size, size, filter),
            Self::CenterCrop => scaled(image, middle(w, h, size), size, size, filter),
            Self::Letterbox => {
                // The shorter side keeps at least one pixel, however flat the image is.
                let fit = |side: u32| {
                    let side = f64::from(size) * f64::from(side) / f64::from(w.max(h));
                    (side.round() as u32).clamp(1, size)
                };
                let (width, height) = (fit(w), fit(h));
                let inner = scaled(image, whole(image), width, height, filter);
                let mut square = RgbImage::from_pixel(size, size, [LETTERBOX_GRAY; 3].into());
                let (x, y) = ((size - width) / 2, (size - height) / 2);
                image::imageops::replace(&mut square, &inner, x.into(), y.into());
                square
            }
            Self::Tf1Squash => {
                let values = tf1_bilinear(image, size, size);
                let pixels = values.iter().map(|v| v.round() as u8).collect();
                RgbImage::from_raw(size, size, pixels).unwrap_or_default()
            }
        }
    }

    /// The side in pixels that a decoded image must have so that this policy does not enlarge it. A JPEG may be decoded
    /// at a reduced size as long as both of its sides are at least this long. `None` if the policy needs the image at
    /// its full size.
    pub fn needed_side(self, size: u32) -> Option<u32> {
        match self {
            Self::Squash | Self::Letterbox => Some(size),
            Self::CenterCrop => Some(short_side(size)),
            Self::Tf1Squash => None,
        }
    }

    /// How an image is decoded before this policy resizes it to a square of `size` pixels. These are the default
    /// options with a size that is reduced as far as [`ResizePolicy::needed_side`] allows. For `tf1` the image is not
    /// turned upright, because `retrain.py` ignored EXIF. To change only one limit, start from these options.
    ///
    /// ```
    /// use dataset::{PixelLoader, ResizePolicy};
    /// let policy = ResizePolicy::Tf1Squash;
    /// let options = policy.decode_options(224).with_max_pixels(1_000_000);
    /// let loader = PixelLoader::new(policy, 224).with_decode_options(options);
    /// ```
    pub fn decode_options(self, size: u32) -> DecodeOptions {
        DecodeOptions::default()
            .with_upright(self != Self::Tf1Squash)
            .with_reduce_to(self.needed_side(size))
    }
}

fn short_side(size: u32) -> u32 {
    (f64::from(size) / CROP_FRACTION).round() as u32
}

pub(crate) fn whole(image: &RgbImage) -> Crop {
    Crop {
        left: 0.0,
        top: 0.0,
        width: image.width().into(),
        height: image.height().into(),
    }
}

/// The part of a `w` x `h` image that [`ResizePolicy::CenterCrop`] keeps. Cutting it out before resizing gives the same
/// pixels, because the filter still sees what lies outside, and bounds the work for images of any aspect ratio.
fn middle(w: u32, h: u32, size: u32) -> Crop {
    let short = short_side(size);
    let long = f64::from(w.max(h)) * f64::from(short) / f64::from(w.min(h));
    let long = long.round() as u32;
    let part = |side: u32, scaled: u32| {
        let from = f64::from((scaled.saturating_sub(size)) / 2);
        let step = f64::from(side) / f64::from(scaled);
        (from * step, f64::from(size) * step)
    };
    let ((left, width), (top, height)) = if w < h {
        (part(w, short), part(h, long))
    } else {
        (part(w, long), part(h, short))
    };
    Crop {
        left,
        top,
        width,
        height,
    }
}

pub(crate) fn scaled(
    image: &RgbImage,
    part: Crop,
    width: u32,
    height: u32,
    filter: ResizeFilter,
) -> RgbImage {
    let mut result = RgbImage::new(width, height);
    scale_into(image, part, &mut result, filter);
    result
}

fn scale_into(image: &RgbImage, part: Crop, result: &mut RgbImage, filter: ResizeFilter) {
    let filter = match filter {
        ResizeFilter::Bilinear => FilterType::Bilinear,
        ResizeFilter::Bicubic => FilterType::CatmullRom,
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(part.left, part.top, part.width, part.height);
    let (width, height) = result.dimensions();
    let source = ImageRef::new(
        image.width(),
        image.height(),
        image.as_raw(),
        fast_image_resize::PixelType::U8x3,
    );
    let target =
        TypedImage::<U8x3>::from_buffer(width, height, result.as_flat_samples_mut().samples);
    // Both buffers have the size of their image, and the part lies within the source: policies compute it so, and the
    // ranges of an augmentation are checked. If one of these failed all the same, the result would stay black.
    if let (Ok(source), Ok(mut target)) = (source, target)
        && let Some(source) = source.typed_image::<U8x3>()
    {
        let _ = Resizer::new().resize_typed(&source, &mut target, &options);
    }
}

/// `resize_bilinear` of TensorFlow 1: without half-pixel centers and without antialiasing, in 32-bit floats.
///
/// `retrain.py` uses it. It causes aliasing when it makes an image smaller, and shifts the image by up to half a pixel.
/// Returns `[height, width, 3]` values of 0 to 255, equal to `tf.compat.v1.image.resize_bilinear` of TensorFlow 2.21.
pub fn tf1_bilinear(image: &RgbImage, width: u32, height: u32) -> Vec<f32> {
    let (w, h) = image.dimensions();
    if w == 0 || h == 0 {
        return vec![0.0; width as usize * height as usize * 3];
    }
    let columns = tf1_steps(w, width);
    let source = image.as_raw();
    let row = |y: u32| &source[y as usize * w as usize * 3..][..w as usize * 3];
    let mut values = Vec::with_capacity(width as usize * height as usize * 3);
    for (above, below, down) in tf1_steps(h, height) {
        let (above, below) = (row(above), row(below));
        for &(left, right, along) in &columns {
            let (left, right) = (left as usize * 3, right as usize * 3);
            for channel in 0..3 {
                let at = |row: &[u8], x: usize| f32::from(row[x + channel]);
                let top = at(above, left) + (at(above, right) - at(above, left)) * along;
                let bottom = at(below, left) + (at(below, right) - at(below, left)) * along;
                values.push(top + (bottom - top) * down);
            }
        }
    }
    values
}

/// For each target pixel the two source pixels, and where it lies between them (0 to 1).
fn tf1_steps(from: u32, to: u32) -> Vec<(u32, u32, f32)> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|i| {
            let at = i as f32 * scale;
            let lower = (at as u32).min(from - 1);
            (lower, (lower + 1).min(from - 1), at - lower as f32)
        })
        .collect()
}
