//! Heat maps, overlays and contours.

use crate::attribution::Attribution;
use crate::blur::{Edge, gaussian_f64};
use crate::check;
use crate::error::{Error, Result};
use crate::picture::colors::{DIVERGING, INFERNO, color, percentile};
use crate::picture::text::stamp;
use crate::pixels::Pixels;
use image::{Rgb, RgbImage};
use std::str::FromStr;

/// Which values of a map are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// Positive values, which speak for the score, in red; negative values, which speak against it, in blue.
    #[default]
    All,
    /// Only positive values.
    Positive,
    /// Only negative values.
    Negative,
    /// The magnitudes of all values.
    Absolute,
}

/// `all`, `positive`, `negative`, `absolute`.
impl FromStr for Sign {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "all" => Self::All,
            "positive" => Self::Positive,
            "negative" => Self::Negative,
            "absolute" => Self::Absolute,
            _ => {
                return Err(Error::Unknown {
                    what: "sign",
                    found: name.to_owned(),
                    known: "all, positive, negative, absolute".to_owned(),
                });
            }
        })
    }
}

/// How an attribution is drawn.
///
/// Values are summed over channels, smoothed, and divided by a percentile of their magnitudes; larger magnitudes are
/// clipped there. A few pixels often hold most of a map, and without clipping the others would not be visible. If
/// negative values are drawn, the color scale goes from blue over white to red, otherwise from black to yellow.
///
/// A map in which 0 has no meaning ([`Attribution::has_zero`]) is drawn in black to yellow from its least to its
/// largest value, clipped at the percentile at both ends. Its signs have no meaning either; [`Sign::Negative`] draws
/// its least value in yellow.
///
/// If the map distinguishes no place in the image ([`Attribution::found_nothing`]), or has no values of the wanted
/// sign, the words "nothing found" are written on the picture, unless it is narrower than 56 pixels.
///
/// ```
/// use attribution::{Attribution, picture::Drawing};
/// let why = Attribution::new("mine", vec![-1.0, 0.0, 1.0], [1, 3, 1], 0.0)?;
/// let picture = Drawing::new().with_percentile(100.0).heat_map(&why)?;
/// assert_eq!(picture.get_pixel(1, 0).0, [255, 255, 255]);
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawing {
    sign: Sign,
    percentile: f64,
    smoothing: f64,
}

impl Default for Drawing {
    fn default() -> Self {
        Self::new()
    }
}

impl Drawing {
    /// Defaults: all signs, clipped at the 99th percentile, not smoothed.
    pub fn new() -> Self {
        Self {
            sign: Sign::All,
            percentile: 99.0,
            smoothing: 0.0,
        }
    }

    /// The drawing that shows where the model looks. Maps with several channels differ from pixel to pixel: their
    /// magnitudes are drawn, smoothed by 1/64 of the shorter side of the image, because neighbors of opposite signs
    /// cancel. Maps with one channel show regions and are smooth already.
    pub fn suited_to(attribution: &Attribution) -> Self {
        let [h, w, channels] = attribution.shape();
        if channels == 1 {
            return Self::new();
        }
        Self::new()
            .with_sign(Sign::Absolute)
            .with_smoothing(h.min(w) as f64 / 64.0)
    }

    /// The signs that are drawn; defaults to all.
    #[must_use]
    pub fn with_sign(mut self, sign: Sign) -> Self {
        self.sign = sign;
        self
    }

    /// Percentile at which magnitudes are clipped (0 to 100); defaults to 99.
    #[must_use]
    pub fn with_percentile(mut self, percentile: f64) -> Self {
        self.percentile = percentile;
        self
    }

    /// Standard deviation in pixels (0 to 1000) of a Gaussian blur of the summed map; defaults to 0, which means no
    /// blur.
    ///
    /// Gradients vary strongly from pixel to pixel. With [`Sign::Absolute`] and a blur of about 1/64 of the side of the
    /// image, the picture shows where the model looks. With [`Sign::All`], neighbors of opposite signs cancel, and the
    /// picture shows what remains.
    #[must_use]
    pub fn with_smoothing(mut self, sigma: f64) -> Self {
        self.smoothing = sigma;
        self
    }

    /// One value for each pixel, from -1 to 1 with [`Sign::All`], otherwise from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Setting`] for a percentile or smoothing out of range.
    pub fn values(&self, attribution: &Attribution) -> Result<Vec<f64>> {
        let mut map = self.smoothed(attribution)?;
        if !attribution.has_zero() {
            let cut = [100.0 - self.percentile, self.percentile].map(|at| percentile(&map, at));
            let [low, high] = if cut[0] < cut[1] { cut } else { ends(&map) };
            let range = if low < high { high - low } else { 1.0 };
            for value in &mut map {
                *value = ((*value - low) / range).clamp(0.0, 1.0);
            }
            return Ok(map);
        }
        let magnitudes: Vec<f64> = map.iter().map(|v| v.abs()).collect();
        // Where almost everything is zero, so is the percentile: then the largest value is the scale.
        let scale = match percentile(&magnitudes, self.percentile) {
            at if at > 0.0 => at,
            _ => magnitudes.iter().copied().fold(0.0, f64::max),
        };
        if scale > 0.0 {
            for value in &mut map {
                *value = (*value / scale).clamp(-1.0, 1.0);
            }
        }
        Ok(map)
    }

    /// The values before [`values`](Self::values) scales them and cuts them off.
    fn smoothed(&self, attribution: &Attribution) -> Result<Vec<f64>> {
        check::within("percentile", self.percentile, 0.0..=100.0)?;
        check::within("smoothing", self.smoothing, 0.0..=1000.0)?;
        let mut map = attribution.per_pixel();
        let mut sign = self.sign;
        if !attribution.has_zero() {
            // What all pixels have in common would take the precision of what differs.
            let [least, largest] = ends(&map);
            let from = if sign == Sign::Negative {
                largest
            } else {
                least
            };
            for value in &mut map {
                *value = (*value - from).abs();
            }
            sign = Sign::All;
        }
        // Scaled before the blur, which works on 32-bit pixels: the values of a map may be smaller than these can hold.
        let largest = map.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if largest == 0.0 || map.iter().any(|value| !value.is_finite()) {
            return Ok(vec![0.0; map.len()]);
        }
        for value in &mut map {
            *value /= largest;
        }
        // The sign is applied before the blur as well. Otherwise neighbors of opposite signs would cancel, and important
        // pixels would look like unimportant ones.
        for value in &mut map {
            *value = match sign {
                Sign::All => *value,
                Sign::Positive => value.max(0.0),
                Sign::Negative => (-*value).max(0.0),
                Sign::Absolute => value.abs(),
            };
        }
        if self.smoothing > 0.0 {
            let [h, w, _] = attribution.shape();
            let image = Pixels::new(map.iter().map(|&v| v as f32).collect(), [h, w, 1])?;
            map = gaussian_f64(&image, self.smoothing, Edge::Mirrored);
        }
        Ok(map)
    }

    /// The map in colors.
    ///
    /// # Errors
    /// Those of [`values`](Self::values).
    pub fn heat_map(&self, attribution: &Attribution) -> Result<RgbImage> {
        let values = self.values(attribution)?;
        let signed = self.signed(&values);
        let mut out = picture(attribution, |i| byte(scaled(values[i], signed)));
        say_nothing_found(attribution, &values, &mut out);
        Ok(out)
    }

    /// The map in colors over the image in gray. Where values are large, the colors hide more of the image.
    ///
    /// # Errors
    /// [`Error::Shape`] if image and map differ in size, and those of [`values`](Self::values).
    pub fn overlay(&self, attribution: &Attribution, pixels: &Pixels) -> Result<RgbImage> {
        check::same_size(UNDER, attribution.shape(), pixels.shape())?;
        let values = self.values(attribution)?;
        let signed = self.signed(&values);
        let mut out = picture(attribution, |i| {
            let gray = gray(pixels, i);
            let strength = 0.85 * values[i].abs();
            // Only strong colors: pale ones would not be visible over gray.
            let over = scaled(values[i].signum() * values[i].abs().max(0.5), signed);
            byte(over.map(|c| (1.0 - strength) * (30.0 + 0.75 * gray) + strength * c))
        });
        say_nothing_found(attribution, &values, &mut out);
        Ok(out)
    }

    /// The image with lines around the pixels that have the largest values. Each of `parts` is a fraction of the area
    /// of the image, above 0 and below 1, and gets its own line.
    ///
    /// The smallest part has the palest line. Smooth the map first; otherwise there is a line around every pixel.
    ///
    /// # Errors
    /// [`Error::Setting`] for a part out of range, and those of [`overlay`](Self::overlay).
    pub fn contours(
        &self,
        attribution: &Attribution,
        pixels: &Pixels,
        parts: &[f64],
    ) -> Result<RgbImage> {
        check::same_size(UNDER, attribution.shape(), pixels.shape())?;
        for part in parts {
            let is_part = *part > 0.0 && *part < 1.0;
            check::require(is_part, "part", part, "a number between 0 and 1")?;
        }
        let [h, w, c] = pixels.shape();
        // Not cut off: values that are would all be equal.
        let values = self.smoothed(attribution)?;
        let [_, largest] = ends(&values);
        let mut out = picture(attribution, |i| {
            let image = &pixels.values()[i * c..(i + 1) * c];
            byte(std::array::from_fn(|k| f64::from(image[k.min(c - 1)])))
        });
        let mut parts = parts.to_vec();
        parts.sort_by(|a, b| b.total_cmp(a));
        for (n, part) in parts.iter().enumerate() {
            let level = percentile(&values, 100.0 * (1.0 - part));
            let inside = |y: usize, x: usize| {
                let value = values[y * w + x];
                value > level || value == largest
            };
            let line = color(&INFERNO, 0.6 + 0.4 * (n + 1) as f64 / parts.len() as f64);
            for y in 0..h {
                for x in 0..w {
                    let edge = inside(y, x)
                        && [(0, 1), (1, 0), (0, -1), (-1, 0)].iter().any(|(dy, dx)| {
                            let (y, x) = (y as isize + dy, x as isize + dx);
                            (0..h as isize).contains(&y)
                                && (0..w as isize).contains(&x)
                                && !inside(y as usize, x as usize)
                        });
                    if edge {
                        out.put_pixel(x as u32, y as u32, Rgb(byte(line)));
                    }
                }
            }
        }
        say_nothing_found(attribution, &values, &mut out);
        Ok(out)
    }

    fn signed(&self, values: &[f64]) -> bool {
        // A map of zeros is white, not black: nothing speaks for or against the score.
        self.sign == Sign::All && !values.iter().any(|&v| v > 0.0)
            || values.iter().any(|&v| v < 0.0)
    }
}

/// Smallest and largest value.
fn ends(values: &[f64]) -> [f64; 2] {
    values.iter().fold(
        [f64::INFINITY, f64::NEG_INFINITY],
        |[least, largest], &v| [least.min(v), largest.max(v)],
    )
}

/// Writes on the picture that nothing was found, where the map says nothing or nothing of it is drawn.
fn say_nothing_found(attribution: &Attribution, drawn: &[f64], picture: &mut RgbImage) {
    if attribution.found_nothing() || drawn.iter().all(|&value| value == 0.0) {
        stamp(picture, "nothing found");
    }
}

/// What must have the same size as the image.
pub(crate) const UNDER: &str = "the map over the image";

/// The color of a value.
fn scaled(value: f64, signed: bool) -> [f64; 3] {
    if signed {
        color(&DIVERGING, f64::midpoint(value, 1.0))
    } else {
        color(&INFERNO, value)
    }
}

/// The mean of a pixel's channels.
pub(crate) fn gray(pixels: &Pixels, i: usize) -> f64 {
    let c = pixels.shape()[2];
    let image = &pixels.values()[i * c..(i + 1) * c];
    image.iter().map(|&v| f64::from(v)).sum::<f64>() / c as f64
}

pub(crate) fn byte(color: [f64; 3]) -> [u8; 3] {
    color.map(|c| c.round() as u8)
}

pub(crate) fn picture(attribution: &Attribution, color: impl Fn(usize) -> [u8; 3]) -> RgbImage {
    let [h, w, _] = attribution.shape();
    RgbImage::from_fn(w as u32, h as u32, |x, y| {
        Rgb(color(y as usize * w + x as usize))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f64], channels: usize) -> Attribution {
        let shape = [1, values.len() / channels, channels];
        Attribution::new("test", values.to_vec(), shape, 0.0).unwrap()
    }

    fn heat_map(values: &[f64], sign: Sign) -> RgbImage {
        let drawing = Drawing::new().with_percentile(100.0).with_sign(sign);
        drawing.heat_map(&map(values, 1)).unwrap()
    }

    #[test]
    fn zeros_are_nothing_and_negatives_blue() {
        let zeros = Drawing::new()
            .with_smoothing(2.0)
            .heat_map(&map(&[0.0; 6], 3))
            .unwrap();
        assert!(zeros.pixels().all(|p| p.0 == [255; 3]));
        let negative = heat_map(&[-1.0, -2.0], Sign::All);
        assert_eq!(negative.get_pixel(1, 0).0, [33, 102, 172]);
        let none = heat_map(&[-1.0, -2.0], Sign::Positive);
        assert!(none.pixels().all(|p| p.0 == [0, 0, 4]));
        let against = heat_map(&[-1.0, 2.0], Sign::Negative);
        assert_eq!(against.get_pixel(0, 0).0, [252, 255, 164]);
        let both = heat_map(&[-2.0, 2.0], Sign::Absolute);
        assert!(both.pixels().all(|p| p.0 == [252, 255, 164]));
    }

    #[test]
    fn a_map_without_a_zero_is_drawn_from_its_least_to_its_largest_value() {
        // A part that all pixels have in common, a thousand times what differs.
        let values: Vec<f64> = (0..=8).map(|i| 100.0 + 0.0125 * f64::from(i)).collect();
        let why = map(&values, 1);
        let drawing = Drawing::new().with_percentile(100.0);
        let colors = |why: &Attribution, drawing: Drawing| -> Vec<[u8; 3]> {
            let picture = drawing.heat_map(why).unwrap();
            picture.pixels().map(|pixel| pixel.0).collect()
        };
        assert!(colors(&why, drawing).iter().all(|&pixel| pixel[2] > 160));
        let why = why.without_zero();
        let scale: Vec<[u8; 3]> = INFERNO.iter().map(|&color| byte(color)).collect();
        for sign in [Sign::All, Sign::Positive, Sign::Absolute] {
            assert_eq!(colors(&why, drawing.with_sign(sign)), scale);
        }
        let reversed: Vec<_> = scale.iter().copied().rev().collect();
        assert_eq!(colors(&why, drawing.with_sign(Sign::Negative)), reversed);
        // Both ends are cut off at the percentile.
        let cut = drawing.with_percentile(75.0).values(&why).unwrap();
        assert_eq!((cut[..3].iter().sum(), cut[6]), (0.0, 1.0));
        // Below zero, and smoothed.
        let below = map(&values.iter().map(|v| v - 300.0).collect::<Vec<_>>(), 1).without_zero();
        assert_eq!(colors(&below, drawing), scale);
        let smooth = drawing.with_smoothing(0.5).values(&below).unwrap();
        assert!(smooth.is_sorted() && smooth[8] == 1.0, "{smooth:?}");
    }

    #[test]
    fn a_map_that_says_nothing_is_drawn_with_these_words() {
        let draw = |why: &Attribution, sign| {
            let pixels = Pixels::new(vec![90.0; 64 * 64], [64, 64, 1]).unwrap();
            let drawing = Drawing::new().with_sign(sign);
            [
                drawing.heat_map(why).unwrap(),
                drawing.overlay(why, &pixels).unwrap(),
                drawing.contours(why, &pixels, &[0.2]).unwrap(),
            ]
        };
        // The words are black on a white field.
        let says_nothing = |picture: &RgbImage| {
            let count = |color| picture.pixels().filter(|pixel| pixel.0 == color).count();
            count([0; 3]) > 50 && count([255; 3]) > 500
        };
        let of = |value: fn(usize) -> f64| {
            let values = (0..64 * 64).map(value).collect();
            Attribution::new("test", values, [64, 64, 1], 0.0).unwrap()
        };
        let third = 1.0 / 3.0;
        let resampled = |i: usize| 0.1 * f64::from(i as u8) + third - 0.1 * f64::from(i as u8);
        let halves = |i: usize| if i < 64 * 32 { 1e-30 } else { 2e-30 };
        let huge = Attribution::new("test", vec![1e308; 64 * 64 * 2], [64, 64, 2], 0.0).unwrap();
        for nothing in [of(|_| 0.0), of(|_| 7.0), huge, of(|_| 3.0).without_zero()] {
            assert!(nothing.found_nothing());
            assert!(draw(&nothing, Sign::All).iter().all(says_nothing));
        }
        let values = (0..64 * 64).map(resampled).collect();
        let rounded = Attribution::new("test", values, [64, 64, 1], 0.0).unwrap();
        assert!(rounded.found_nothing() && rounded.map()[0] != rounded.map()[3]);
        for found in [of(halves), of(halves).without_zero()] {
            assert!(!found.found_nothing());
            assert!(!draw(&found, Sign::All).iter().any(says_nothing));
        }
        // Something, but nothing of this sign.
        assert!(draw(&of(halves), Sign::Negative).iter().all(says_nothing));
    }

    #[test]
    fn one_value_among_zeros_is_seen_however_small() {
        for value in [1e-300, 1e-30, 1e300] {
            let mut values = [0.0; 1000];
            values[7] = value;
            let picture = Drawing::new().heat_map(&map(&values, 1)).unwrap();
            assert_eq!(picture.get_pixel(7, 0).0, [252, 255, 164]);
            assert_eq!(picture.get_pixel(8, 0).0, [0, 0, 4]);
        }
    }

    #[test]
    fn a_line_goes_around_what_is_largest() {
        let mut values = vec![0.0; 81];
        for i in [30, 31, 32, 39, 40, 41, 48, 49, 50] {
            values[i] = 1.0;
        }
        let why = Attribution::new("test", values, [9, 9, 1], 0.0).unwrap();
        let pixels = Pixels::new(vec![7.0; 243], [9, 9, 3]).unwrap();
        let lines = Drawing::new().contours(&why, &pixels, &[0.2]).unwrap();
        let drawn = lines.pixels().filter(|p| p.0 != [7; 3]).count();
        assert_eq!((drawn, lines.get_pixel(4, 4).0), (8, [7; 3]));
        assert!(Drawing::new().contours(&why, &pixels, &[1.0]).is_err());
        // Ever larger values to the right and down: a part less than what is clipped has its line, too.
        let why = Attribution::new("test", (0..900).map(f64::from).collect(), [30, 30, 1], 0.0);
        let pixels = Pixels::new(vec![7.0; 2700], [30, 30, 3]).unwrap();
        let lines = Drawing::new()
            .contours(&why.unwrap(), &pixels, &[0.005])
            .unwrap();
        assert!(lines.get_pixel(28, 29).0 != [7; 3] && lines.get_pixel(0, 29).0 == [7; 3]);
    }

    #[test]
    fn sizes_and_settings_are_checked() {
        let why = map(&[1.0, 0.0, -1.0], 1);
        let other = Pixels::new(vec![0.0; 6], [2, 1, 3]).unwrap();
        let drawing = Drawing::new();
        assert!(matches!(
            drawing.overlay(&why, &other),
            Err(Error::Shape { .. })
        ));
        for wrong in [
            drawing.with_percentile(f64::NAN),
            drawing.with_smoothing(-1.0),
        ] {
            assert!(matches!(wrong.heat_map(&why), Err(Error::Setting { .. })));
        }
    }
}
