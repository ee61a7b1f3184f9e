//! The details of an image in 464 bytes: enough to know of nearly all pairs that they are no near-duplicates.

use super::small_copy::{CORRELATION, SIDE};

/// The number of pixels that have details.
pub(super) const PIXELS: usize = ((SIDE - 2) * (SIDE - 2)) as usize;

/// A value of a pixel is coded as 0 to 14, where 7 is zero.
const ZERO: i16 = 7;

/// The details of an image in gray, four bits per pixel, and what that leaves out.
///
/// The details are a unit vector. It is the sum of three vectors: the coded gray (`step` times the codes), what coding
/// leaves of the gray, and the color, which is orthogonal to both. The lengths of the three bound the correlation of two
/// images from above.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    codes: [u8; PIXELS / 2],
    step: f32,
    coded: f32,
    rest: f32,
    color: f32,
}

impl Fingerprint {
    /// Of the [`details`](super::small_copy::details) of an image.
    pub(super) fn of(details: &[f64]) -> Self {
        // The first of three orthogonal directions; the other two are the color.
        let gray: Vec<f64> = details
            .chunks_exact(3)
            .map(|rgb| rgb.iter().sum::<f64>() / 3_f64.sqrt())
            .collect();
        let most = gray
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        // Few pixels have large details: it is best to cut these off, but how many differs from image to image.
        let steps = (0..8).map(|n| most / f64::from(ZERO) * 0.75_f64.powi(n));
        let (rest, step) = steps.map(|step| (uncoded(&gray, step), step)).fold(
            (f64::INFINITY, 0.0),
            |best, tried| {
                if tried.0 < best.0 { tried } else { best }
            },
        );
        let mut codes = [0; PIXELS / 2];
        for (byte, two) in codes.iter_mut().zip(gray.chunks_exact(2)) {
            *byte = code(two[0], step) as u8 | (code(two[1], step) as u8) << 4;
        }
        let in_gray = gray.iter().map(|value| value * value).sum::<f64>();
        let mut fingerprint = Self {
            codes,
            step: step as f32,
            coded: 0.0,
            rest: rest.sqrt() as f32,
            color: (1.0 - in_gray).max(0.0).sqrt() as f32,
        };
        fingerprint.coded = fingerprint.step * (fingerprint.product(&fingerprint) as f32).sqrt();
        fingerprint
    }

    /// Whether two images may be near-duplicates. If they are, this is always true.
    pub(super) fn may_resemble(&self, other: &Self) -> bool {
        // More than the rounding errors of `f32`.
        f64::from(self.most_correlation(other)) + 1e-5 >= CORRELATION
    }

    /// No less than the correlation of the details of two images.
    fn most_correlation(&self, other: &Self) -> f32 {
        self.step * other.step * self.product(other) as f32
            + self.coded * other.rest
            + self.rest * other.coded
            + self.rest * other.rest
            + self.color * other.color
    }

    fn product(&self, other: &Self) -> i32 {
        let both = self.codes.iter().zip(&other.codes);
        both.map(|(a, b)| {
            let low = |byte: u8| i16::from(byte & 15) - ZERO;
            let high = |byte: u8| i16::from(byte >> 4) - ZERO;
            i32::from(low(*a) * low(*b) + high(*a) * high(*b))
        })
        .sum()
    }

    /// The coded gray of each pixel, in steps.
    pub(super) fn values(&self) -> impl Iterator<Item = i16> {
        let two = |byte: &u8| [i16::from(byte & 15) - ZERO, i16::from(byte >> 4) - ZERO];
        self.codes.iter().flat_map(two)
    }
}

fn code(value: f64, step: f64) -> i16 {
    if step == 0.0 {
        return ZERO; // a picture of colors of one brightness
    }
    // Truncated after half a step is added: rounded. What is too large is cut off.
    ((value / step + f64::from(ZERO) + 0.5) as i16).clamp(0, 2 * ZERO)
}

/// The squared length of what coding with this step leaves.
fn uncoded(gray: &[f64], step: f64) -> f64 {
    let left = |value: &f64| value - step * f64::from(code(*value, step) - ZERO);
    gray.iter().map(|value| left(value).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use proptest::prelude::*;

    use super::super::small_copy::{details, small_copy};
    use super::*;
    use crate::sample::{Subject, draw};

    fn correlation(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn it_is_small() {
        assert!(
            size_of::<Fingerprint>() <= 470,
            "{}",
            size_of::<Fingerprint>()
        );
    }

    /// The bound holds for all pairs, and is close enough to say no to nearly all that have nothing in common.
    #[test]
    fn drawn_images_are_told_apart() {
        let images = (0..40).map(|i| draw(Subject::ALL[i % 2], i as u64, 3));
        let all: Vec<_> = images
            .filter_map(|image| details(&small_copy(&image)))
            .collect();
        let prints: Vec<_> = all.iter().map(|details| Fingerprint::of(details)).collect();
        let mut open = 0;
        for (i, a) in all.iter().enumerate() {
            assert!(prints[i].may_resemble(&prints[i]));
            for (j, b) in all.iter().enumerate().skip(i + 1) {
                let most = f64::from(prints[i].most_correlation(&prints[j])) + 1e-5;
                assert!(most >= correlation(a, b), "{i}, {j}");
                open += usize::from(prints[i].may_resemble(&prints[j]));
            }
        }
        assert!(
            open < 40 * 39 / 2 / 20,
            "{open} of {} pairs remain",
            40 * 39 / 2
        );
    }

    proptest! {
        #[test]
        fn the_bound_holds(levels in prop::collection::vec(any::<u8>(), 3072), change in 0..80_u8, gray: bool) {
            let image = RgbImage::from_fn(SIDE, SIDE, |x, y| {
                let at = ((y * SIDE + x) * 3) as usize;
                [0, 1, 2].map(|c| levels[if gray { at } else { at + c }]).into()
            });
            let mut other = image.clone();
            for (value, by) in other.iter_mut().zip(levels.iter().rev()) {
                *value = value.wrapping_add(by % (change + 1));
            }
            let (Some(a), Some(b)) = (details(&image), details(&other)) else {
                return Ok(());
            };
            let (x, y) = (Fingerprint::of(&a), Fingerprint::of(&b));
            prop_assert!(f64::from(x.most_correlation(&y)) + 1e-5 >= correlation(&a, &b));
        }
    }
}
