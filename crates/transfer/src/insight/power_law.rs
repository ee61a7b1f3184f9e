use serde::{Deserialize, Serialize};

/// The smallest exponent that is tried, the largest one, and the step between two of them.
const EXPONENTS: (f64, f64, f64) = (0.1, 2.0, 0.05);

/// How an error falls with the number of training images `n`: `floor + scale * n^-exponent`
/// ([Hestness et al. 2017](https://arxiv.org/abs/1712.00409)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PowerLaw {
    /// The error that remains with any number of images, 0 or more.
    pub floor: f64,
    /// The factor of the part that falls with more images, 0 or more.
    pub scale: f64,
    /// How fast that part falls, 0.1 to 2.
    pub exponent: f64,
}

impl PowerLaw {
    /// The error with this number of images, which must be at least 1.
    pub fn at(&self, images: f64) -> f64 {
        self.floor + self.scale * images.powf(-self.exponent)
    }

    /// The law with the least weighted squares to errors at these numbers of images. All exponents of a grid are tried; for
    /// each, floor and scale have a closed form.
    pub(super) fn fit(images: &[f64], errors: &[f64], weights: &[f64]) -> Self {
        let (first, last, step) = EXPONENTS;
        let tried = ((last - first) / step).round() as usize;
        // Numbers of images relative to the largest one, so that the sums below keep their digits.
        let most = images.iter().copied().fold(1.0, f64::max);
        let mut best = (f64::INFINITY, Self::default());
        for at in 0..=tried {
            let exponent = first + step * at as f64;
            let falling: Vec<f64> = images.iter().map(|n| (n / most).powf(-exponent)).collect();
            let (floor, scale) = nonnegative(&falling, errors, weights);
            let rows = falling.iter().zip(errors).zip(weights);
            let squares = rows.map(|((z, y), w)| w * (y - floor - scale * z).powi(2));
            let squares: f64 = squares.sum();
            if squares < best.0 {
                let scale = scale * most.powf(exponent);
                best = (
                    squares,
                    Self {
                        floor,
                        scale,
                        exponent,
                    },
                );
            }
        }
        best.1
    }
}

impl Default for PowerLaw {
    /// No error with any number of images.
    fn default() -> Self {
        Self {
            floor: 0.0,
            scale: 0.0,
            exponent: 1.0,
        }
    }
}

/// Floor and scale, both 0 or more, with the least weighted squares of `y - floor - scale * z`.
fn nonnegative(z: &[f64], y: &[f64], weights: &[f64]) -> (f64, f64) {
    let sum = |value: &dyn Fn(usize) -> f64| -> f64 {
        (0..z.len()).map(|row| weights[row] * value(row)).sum()
    };
    let (w, wz, wy) = (sum(&|_| 1.0), sum(&|i| z[i]), sum(&|i| y[i]));
    let (wzz, wzy) = (sum(&|i| z[i] * z[i]), sum(&|i| z[i] * y[i]));
    let determinant = w * wzz - wz * wz;
    let scale = (w * wzy - wz * wy) / determinant;
    let floor = (wy - scale * wz) / w;
    if !(determinant > 0.0 && scale > 0.0) {
        (wy / w, 0.0)
    } else if floor < 0.0 {
        (0.0, wzy / wzz)
    } else {
        (floor, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_is_found_again() {
        let law = PowerLaw {
            floor: 0.03,
            scale: 2.0,
            exponent: 0.7,
        };
        let images = [50.0, 100.0, 200.0, 300.0, 400.0];
        let errors = images.map(|n| law.at(n));
        let found = PowerLaw::fit(&images, &errors, &[1.0, 3.0, 2.0, 5.0, 4.0]);
        assert!((found.exponent - 0.7).abs() < 1e-9, "{found:?}");
        assert!((found.floor - 0.03).abs() < 1e-9, "{found:?}");
        assert!((found.scale - 2.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn what_rises_is_a_floor_and_what_vanishes_has_none() {
        let images = [50.0, 100.0, 200.0];
        let rising = PowerLaw::fit(&images, &[0.1, 0.11, 0.12], &[1.0; 3]);
        assert!(rising.scale == 0.0, "{rising:?}");
        assert!((rising.floor - 0.11).abs() < 1e-12, "{rising:?}");
        let steep = PowerLaw::fit(&images, &[0.8, 0.1, 0.0], &[1.0; 3]);
        assert_eq!(steep.floor, 0.0, "{steep:?}");
        assert!(steep.scale > 0.0, "{steep:?}");
    }
}
