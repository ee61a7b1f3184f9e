//! Parts of images: cut out, rotated, erased.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::range::Range;
use crate::resize::Crop;
use crate::rng::uniform;

fn log_uniform(rng: &mut ChaCha8Rng, range: Range) -> f64 {
    uniform(rng, range.low.ln(), range.high.ln()).exp()
}

/// A random part of an image: see [`Transform::RandomResizedCrop`](super::Transform::RandomResizedCrop).
pub(super) fn random_part(
    image: &RgbImage,
    area: Range,
    aspect: Range,
    rng: &mut ChaCha8Rng,
) -> Crop {
    let (w, h) = image.dimensions();
    let whole = f64::from(w) * f64::from(h);
    for _ in 0..10 {
        let target = whole * uniform(rng, area.low, area.high);
        let ratio = log_uniform(rng, aspect);
        let (width, height) = (
            (target * ratio).sqrt().round(),
            (target / ratio).sqrt().round(),
        );
        if width >= 1.0 && height >= 1.0 && width <= f64::from(w) && height <= f64::from(h) {
            let x = rng.random_range(0..=w - width as u32);
            let y = rng.random_range(0..=h - height as u32);
            return Crop {
                left: x.into(),
                top: y.into(),
                width,
                height,
            };
        }
    }
    let (w, h) = (f64::from(w), f64::from(h));
    let ratio = (w / h).clamp(aspect.low, aspect.high);
    let (width, height) = if w / h > ratio {
        (h * ratio, h)
    } else {
        (w, w / ratio)
    };
    Crop {
        left: (w - width) / 2.0,
        top: (h - height) / 2.0,
        width,
        height,
    }
}

pub(super) fn rotated(image: &RgbImage, degrees: f64) -> RgbImage {
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

pub(super) fn erase(image: &mut RgbImage, area: Range, aspect: Range, rng: &mut ChaCha8Rng) {
    let (w, h) = image.dimensions();
    for _ in 0..10 {
        let target = f64::from(w) * f64::from(h) * uniform(rng, area.low, area.high);
        let ratio = log_uniform(rng, aspect);
        let (height, width) = (
            (target * ratio).sqrt().round(),
            (target / ratio).sqrt().round(),
        );
        if width < 1.0 || height < 1.0 || width >= f64::from(w) || height >= f64::from(h) {
            continue;
        }
        let (width, height) = (width as u32, height as u32);
        let (x, y) = (
            rng.random_range(0..=w - width),
            rng.random_range(0..=h - height),
        );
        for row in y..y + height {
            for column in x..x + width {
                image.put_pixel(column, row, [128; 3].into());
            }
        }
        return;
    }
}
