//! Baselines: the images that stand for "nothing there".

use crate::blur::gaussian;
use crate::check;
use crate::error::{Error, Result};
use crate::pixels::Pixels;
use crate::random::Random;
use std::fmt;
use std::str::FromStr;

/// The image relative to which an attribution is computed, in pixel levels (0 to 255).
///
/// "Black" is level 0. For networks that scale levels to -1 to 1, zero after scaling is [`Baseline::Gray`].
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// Level 0 everywhere.
    Black,
    /// Level 255 everywhere.
    White,
    /// Level 127.5 everywhere, which is zero after `x / 127.5 - 1`. Its name as text is `gray`; `grey` is read as
    /// well.
    Gray,
    /// The mean of the image, for each channel.
    Mean,
    /// The image blurred by a Gaussian.
    Blur {
        /// Standard deviation in pixels, positive.
        sigma: f32,
    },
    /// Levels drawn uniformly from 0 to 255; the attributions of several such images are averaged.
    Noise {
        /// Number of images, 1 to 4096. All are in memory at once, with four bytes for each value.
        count: usize,
        /// Seed of the draws.
        seed: u64,
    },
    /// This image.
    Image(Pixels),
    /// These images; their attributions are averaged.
    Set(Vec<Pixels>),
}

/// The largest number of images of noise.
const MOST_NOISE: usize = 4096;
/// The names that `Baseline::from_str` knows.
const NAMES: [&str; 6] = ["black", "white", "gray", "mean", "blur", "noise"];

impl Baseline {
    /// The baseline images for `pixels`: one, or several to average over.
    ///
    /// # Errors
    /// [`Error::Shape`] if an image has another size, [`Error::Empty`] for an empty set, [`Error::Setting`] for a
    /// blur that is not positive and for a number of noise images outside 1 to 4096.
    pub fn images(&self, pixels: &Pixels) -> Result<Vec<Pixels>> {
        let shape = pixels.shape();
        let images = match self {
            Self::Black => vec![Pixels::filled(shape, 0.0)],
            Self::White => vec![Pixels::filled(shape, 255.0)],
            Self::Gray => vec![Pixels::filled(shape, 127.5)],
            Self::Mean => vec![mean(pixels)],
            Self::Blur { sigma } => {
                let is_positive = sigma.is_finite() && *sigma > 0.0;
                check::require(is_positive, "blur", sigma, "a positive sigma in pixels")?;
                vec![gaussian(pixels, f64::from(*sigma))]
            }
            Self::Noise { count, seed } => {
                check::within("noise", *count, 1..=MOST_NOISE)?;
                let mut random = Random::new(*seed);
                let mut level = |_| (255.0 * random.uniform()) as f32;
                let mut image = |_| pixels.like((0..pixels.len()).map(&mut level).collect());
                (0..*count).map(&mut image).collect()
            }
            Self::Image(image) => vec![image.clone()],
            Self::Set(images) => images.clone(),
        };
        if images.is_empty() {
            return Err(Error::Empty {
                what: "the set of baselines",
            });
        }
        for image in &images {
            pixels.same_shape("baseline", image)?;
        }
        Ok(images)
    }

    /// The only image of a baseline, for methods that replace parts of the image by it.
    pub(crate) fn image(&self, pixels: &Pixels) -> Result<Pixels> {
        let mut images = self.images(pixels)?;
        let count = images.len();
        let image = images.pop().filter(|_| count == 1);
        image.ok_or_else(|| Error::Setting {
            setting: "baseline",
            value: format!("{count} images"),
            expected: "one image".into(),
        })
    }

    /// The seed of a baseline that is drawn.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self {
            Self::Noise { seed, .. } => Some(*seed),
            _ => None,
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Black => "black",
            Self::White => "white",
            Self::Gray => "gray",
            Self::Mean => "mean",
            Self::Blur { .. } => "blur",
            Self::Noise { .. } => "noise",
            Self::Image(_) => "image",
            Self::Set(_) => "set",
        })
    }
}

/// `black`, `white`, `gray`, `mean`, `blur` (sigma 20 pixels), `noise` (5 images, seed 0).
impl FromStr for Baseline {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "black" => Self::Black,
            "white" => Self::White,
            "gray" | "grey" => Self::Gray,
            "mean" => Self::Mean,
            "blur" => Self::Blur { sigma: 20.0 },
            "noise" => Self::Noise { count: 5, seed: 0 },
            _ => {
                return Err(Error::Unknown {
                    what: "baseline",
                    found: name.to_owned(),
                    known: NAMES.join(", "),
                });
            }
        })
    }
}

fn mean(pixels: &Pixels) -> Pixels {
    let [h, w, c] = pixels.shape();
    let mut sums = vec![0.0_f64; c];
    for pixel in pixels.values().chunks_exact(c) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(value);
        }
    }
    let n = (h * w) as f64;
    let color: Vec<f32> = sums.iter().map(|sum| (sum / n) as f32).collect();
    pixels.like(color.iter().copied().cycle().take(pixels.len()).collect())
}
