//! Random changes to training images: pure functions of (image, seed, epoch, index).

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::dice::{between, random, shuffle};
use crate::resize::{ResizeFilter, scaled};
use crate::{Error, Result, tf1_bilinear};

/// The four distortions of `retrain.py`, with its arithmetic and its defaults (none).
///
/// `tf1_bilinear` to `size * (1 + crop / 100) * u` pixels, u uniform from 1 to `1 + scale / 100`
/// (cut to an integer); a random `size` x `size` part of it; mirrored in half of the cases; times a
/// factor uniform from `1 - brightness / 100` to `1 + brightness / 100`, not clipped.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Distortions {
    /// `--flip_left_right`.
    pub flip_left_right: bool,
    /// `--random_crop`, per cent of margin.
    pub random_crop: f64,
    /// `--random_scale`, per cent.
    pub random_scale: f64,
    /// `--random_brightness`, per cent.
    pub random_brightness: f64,
}

impl Distortions {
    /// Whether anything is asked for: `should_distort_images` of the original.
    pub fn is_any(&self) -> bool {
        self.flip_left_right
            || self.random_crop != 0.0
            || self.random_scale != 0.0
            || self.random_brightness != 0.0
    }

    /// The distorted picture, `[size, size, 3]`, 0 to 255 and, where brightened, above.
    pub fn apply(
        &self,
        image: &RgbImage,
        size: u32,
        seed: u64,
        epoch: u64,
        index: u64,
    ) -> Vec<f32> {
        let mut dice = random(seed, epoch, index);
        let margin = 1.0 + self.random_crop.max(0.0) / 100.0;
        let scale = between(&mut dice, 1.0, 1.0 + self.random_scale.max(0.0) / 100.0);
        // Bounded, so that no percentage asks for more memory than a large photograph.
        let wide = ((margin * scale * f64::from(size)) as u32).clamp(size, size.saturating_mul(16));
        let (x, y) = (
            dice.random_range(0..=wide - size),
            dice.random_range(0..=wide - size),
        );
        let mirrored = self.flip_left_right && dice.random_bool(0.5);
        let range = self.random_brightness / 100.0;
        let brightness = between(&mut dice, 1.0 - range, 1.0 + range) as f32;
        let precrop = tf1_bilinear(image, wide, wide);
        let mut values = Vec::with_capacity((size * size * 3) as usize);
        for row in y..y + size {
            for column in 0..size {
                let column = x + if mirrored { size - 1 - column } else { column };
                let at = (row as usize * wide as usize + column as usize) * 3;
                values.extend(precrop[at..at + 3].iter().map(|v| v * brightness));
            }
        }
        values
    }
}

/// One step of an [`Augmentation`], in its usual definition (torchvision 0.24).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// A part of the picture's area and with an aspect (log-uniform) in the given ranges, scaled
    /// to the square; after ten misses the largest middle part whose aspect is allowed. Usually
    /// area 0.08 to 1, aspect 3/4 to 4/3.
    RandomResizedCrop {
        /// From and to, as a part of the picture's area: 1e-6 to 1.
        area: (f64, f64),
        /// From and to, width over height: 0.01 to 100.
        aspect: (f64, f64),
    },
    /// Left and right exchanged with this probability, 0 to 1.
    Mirror(f64),
    /// Turned about the middle by up to so many degrees, 0 to 360, either way (bilinear; grey 128
    /// outside).
    Rotation(f64),
    /// Brightness, contrast and saturation by factors uniform in `1 - v` to `1 + v` (never below
    /// 0), hue by up to `hue` turns either way, in random order.
    ColourJitter {
        /// 0 to 100.
        brightness: f64,
        /// 0 to 100.
        contrast: f64,
        /// 0 to 100.
        saturation: f64,
        /// 0 to 0.5.
        hue: f64,
    },
    /// A rectangle made grey (128) with a probability; its area and aspect (log-uniform) are in
    /// the given ranges, usually 0.02 to 0.33 and 0.3 to 3.3.
    RandomErasing {
        /// 0 to 1.
        probability: f64,
        /// From and to, as a part of the picture's area: 1e-6 to 1.
        area: (f64, f64),
        /// From and to, height over width: 0.01 to 100.
        aspect: (f64, f64),
    },
}

/// Steps that are applied one after the other; the result is a square.
///
/// ```
/// use dataset::{Augmentation, RgbImage};
/// let image = RgbImage::new(40, 30);
/// let augmentation = Augmentation::standard();
/// let once = augmentation.apply(&image, 24, 1, 0, 7);
/// assert_eq!(once.dimensions(), (24, 24));
/// assert_eq!(once, augmentation.apply(&image, 24, 1, 0, 7));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Step>", try_from = "Vec<Step>")]
pub struct Augmentation(Vec<Step>);

impl Augmentation {
    /// No step: only squashed to the square.
    pub fn new() -> Self {
        Self::default()
    }

    /// Random resized crop (area from 0.35) and mirror: what helps most data and harms few.
    pub fn standard() -> Self {
        let crop = Step::RandomResizedCrop {
            area: (0.35, 1.0),
            aspect: (0.75, 4.0 / 3.0),
        };
        Self(vec![crop, Step::Mirror(0.5)])
    }

    /// Adds a step at the end.
    ///
    /// # Errors
    /// [`Error::Option`] where a number of the step is out of its range.
    pub fn with(mut self, step: Step) -> Result<Self> {
        step.check()?;
        self.0.push(step);
        Ok(self)
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Image number `index` in `epoch`, `size` x `size`. Depends on nothing but the arguments.
    pub fn apply(
        &self,
        image: &RgbImage,
        size: u32,
        seed: u64,
        epoch: u64,
        index: u64,
    ) -> RgbImage {
        let mut dice = random(seed, epoch, index);
        let mut result = None;
        for step in &self.0 {
            let from = result.as_ref().unwrap_or(image);
            result = Some(step.apply(from, size, &mut dice));
        }
        let image = result.as_ref().unwrap_or(image);
        match (image.dimensions() == (size, size), result.is_some()) {
            (true, true) => result.unwrap_or_default(),
            _ => crate::ResizePolicy::Squash.apply(image, size),
        }
    }
}

impl From<Augmentation> for Vec<Step> {
    fn from(augmentation: Augmentation) -> Self {
        augmentation.0
    }
}

/// As [`Augmentation::with`], step by step.
impl TryFrom<Vec<Step>> for Augmentation {
    type Error = Error;

    fn try_from(steps: Vec<Step>) -> Result<Self> {
        steps.into_iter().try_fold(Self::new(), Self::with)
    }
}

impl Step {
    /// Refuses what would panic, or quietly give another picture than was asked for.
    fn check(self) -> Result<()> {
        let within = |option, expected, sound: bool, found: String| {
            if sound {
                return Ok(());
            }
            Err(Error::Option {
                option,
                expected,
                found,
            })
        };
        let number = |option, expected, value: f64, most: f64| {
            let sound = (0.0..=most).contains(&value);
            within(option, expected, sound, value.to_string())
        };
        let range = |option, expected, (from, to): (f64, f64), least: f64, most: f64| {
            let sound = least <= from && from <= to && to <= most;
            within(option, expected, sound, format!("{from} to {to}"))
        };
        let areas = |area| range("area", "two parts from 1e-6 to 1, rising", area, 1e-6, 1.0);
        let aspects = |aspect| {
            range(
                "aspect",
                "two numbers from 0.01 to 100, rising",
                aspect,
                0.01,
                100.0,
            )
        };
        match self {
            Self::RandomResizedCrop { area, aspect } => {
                areas(area)?;
                aspects(aspect)
            }
            Self::Mirror(probability) => {
                number("mirror", "a probability, 0 to 1", probability, 1.0)
            }
            Self::Rotation(degrees) => number("rotation", "0 to 360 degrees", degrees, 360.0),
            Self::ColourJitter {
                brightness,
                contrast,
                saturation,
                hue,
            } => {
                number("brightness", "0 to 100", brightness, 100.0)?;
                number("contrast", "0 to 100", contrast, 100.0)?;
                number("saturation", "0 to 100", saturation, 100.0)?;
                number("hue", "0 to 0.5", hue, 0.5)
            }
            Self::RandomErasing {
                probability,
                area,
                aspect,
            } => {
                number("erasing", "a probability, 0 to 1", probability, 1.0)?;
                areas(area)?;
                aspects(aspect)
            }
        }
    }

    fn apply(self, image: &RgbImage, size: u32, dice: &mut ChaCha8Rng) -> RgbImage {
        if image.is_empty() {
            return image.clone();
        }
        match self {
            Self::RandomResizedCrop { area, aspect } => {
                let part = random_part(image, area, aspect, dice);
                scaled(image, part, size, size, ResizeFilter::Bilinear)
            }
            Self::Mirror(probability) if dice.random::<f64>() < probability => {
                image::imageops::flip_horizontal(image)
            }
            Self::Mirror(_) => image.clone(),
            Self::Rotation(degrees) => rotated(image, between(dice, -degrees, degrees)),
            Self::ColourJitter {
                brightness,
                contrast,
                saturation,
                hue,
            } => {
                let mut factor = |v: f64| between(dice, (1.0 - v).max(0.0), 1.0 + v) as f32;
                let factors = [factor(brightness), factor(contrast), factor(saturation)];
                let hue = between(dice, -hue, hue) as f32;
                let mut order = [0, 1, 2, 3];
                shuffle(&mut order, dice);
                jittered(image, factors, hue, order)
            }
            Self::RandomErasing {
                probability,
                area,
                aspect,
            } => {
                let mut image = image.clone();
                if dice.random::<f64>() < probability {
                    erase(&mut image, area, aspect, dice);
                }
                image
            }
        }
    }
}

fn log_uniform(dice: &mut ChaCha8Rng, (from, to): (f64, f64)) -> f64 {
    between(dice, from.ln(), to.ln()).exp()
}

fn random_part(
    image: &RgbImage,
    area: (f64, f64),
    aspect: (f64, f64),
    dice: &mut ChaCha8Rng,
) -> (f64, f64, f64, f64) {
    let (w, h) = image.dimensions();
    let whole = f64::from(w) * f64::from(h);
    for _ in 0..10 {
        let target = whole * between(dice, area.0, area.1);
        let ratio = log_uniform(dice, aspect);
        let (width, height) = (
            (target * ratio).sqrt().round(),
            (target / ratio).sqrt().round(),
        );
        if width >= 1.0 && height >= 1.0 && width <= f64::from(w) && height <= f64::from(h) {
            let x = dice.random_range(0..=w - width as u32);
            let y = dice.random_range(0..=h - height as u32);
            return (x.into(), y.into(), width, height);
        }
    }
    let (w, h) = (f64::from(w), f64::from(h));
    let ratio = (w / h).clamp(aspect.0, aspect.1);
    let (width, height) = if w / h > ratio {
        (h * ratio, h)
    } else {
        (w, w / ratio)
    };
    ((w - width) / 2.0, (h - height) / 2.0, width, height)
}

fn rotated(image: &RgbImage, degrees: f64) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (w, h) = image.dimensions();
    let middle = (f64::from(w) / 2.0 - 0.5, f64::from(h) / 2.0 - 0.5);
    let at = |x: i64, y: i64| match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) if x < w && y < h => image.get_pixel(x, y).0.map(f64::from),
        _ => [128.0; 3],
    };
    RgbImage::from_fn(w, h, |x, y| {
        let (dx, dy) = (f64::from(x) - middle.0, f64::from(y) - middle.1);
        let (u, v) = (
            middle.0 + cos * dx - sin * dy,
            middle.1 + sin * dx + cos * dy,
        );
        let (left, top) = (u.floor() as i64, v.floor() as i64);
        let (tu, tv) = (u - u.floor(), v - v.floor());
        let corners = [
            at(left, top),
            at(left + 1, top),
            at(left, top + 1),
            at(left + 1, top + 1),
        ];
        let weights = [
            (1.0 - tu) * (1.0 - tv),
            tu * (1.0 - tv),
            (1.0 - tu) * tv,
            tu * tv,
        ];
        let value = |c: usize| {
            corners
                .iter()
                .zip(weights)
                .map(|(p, w)| p[c] * w)
                .sum::<f64>()
        };
        std::array::from_fn(|c| value(c).round() as u8).into()
    })
}

/// Luma as torchvision and Pillow weigh it.
fn luma(pixel: [f32; 3]) -> f32 {
    0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

fn jittered(image: &RgbImage, factors: [f32; 3], hue: f32, order: [usize; 4]) -> RgbImage {
    let mut pixels: Vec<[f32; 3]> = image.pixels().map(|p| p.0.map(f32::from)).collect();
    for step in order {
        // Contrast blends with the mean grey of what the steps before it left.
        let mean = match step {
            1 => pixels.iter().map(|p| f64::from(luma(*p))).sum::<f64>() / pixels.len() as f64,
            _ => 0.0,
        };
        for pixel in &mut pixels {
            let blend = |other: f32, factor: f32| {
                pixel.map(|v| (other + (v - other) * factor).clamp(0.0, 255.0))
            };
            *pixel = match step {
                0 => blend(0.0, factors[0]),
                1 => blend(mean as f32, factors[1]),
                2 => blend(luma(*pixel), factors[2]),
                _ => turn_hue(*pixel, hue),
            };
        }
    }
    let bytes = pixels
        .iter()
        .flat_map(|p| p.map(|v| v.round() as u8))
        .collect();
    RgbImage::from_raw(image.width(), image.height(), bytes).unwrap_or_default()
}

/// Turns the hue by a part of the whole circle; value and saturation stay.
fn turn_hue([r, g, b]: [f32; 3], by: f32) -> [f32; 3] {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    if chroma == 0.0 {
        return [r, g, b];
    }
    let sixth = if max == r {
        (g - b) / chroma
    } else if max == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (sixth + 6.0 * by).rem_euclid(6.0);
    [5.0_f32, 3.0, 1.0].map(|n| {
        let k = (n + hue) % 6.0;
        max - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

fn erase(image: &mut RgbImage, area: (f64, f64), aspect: (f64, f64), dice: &mut ChaCha8Rng) {
    let (w, h) = image.dimensions();
    for _ in 0..10 {
        let target = f64::from(w) * f64::from(h) * between(dice, area.0, area.1);
        let ratio = log_uniform(dice, aspect);
        let (height, width) = (
            (target * ratio).sqrt().round(),
            (target / ratio).sqrt().round(),
        );
        if width < 1.0 || height < 1.0 || width >= f64::from(w) || height >= f64::from(h) {
            continue;
        }
        let (width, height) = (width as u32, height as u32);
        let (x, y) = (
            dice.random_range(0..=w - width),
            dice.random_range(0..=h - height),
        );
        for row in y..y + height {
            for column in x..x + width {
                image.put_pixel(column, row, [128; 3].into());
            }
        }
        return;
    }
}
