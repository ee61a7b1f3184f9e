use dataset::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rows;
use crate::{Error, Result};

/// Vectors iterated beyond those asked for, so that close variances are told apart.
const SPARE: usize = 8;
const ITERATIONS: usize = 60;

/// Principal components: the directions in which embeddings differ most. Found by subspace iteration
/// ([Halko, Martinsson and Tropp 2011](https://arxiv.org/abs/0909.4061)) from a fixed start: same input, same numbers.
#[derive(Debug, Clone)]
pub struct Pca {
    mean: Vec<f64>,
    /// Orthonormal, the first with the largest variance; the largest entry of each is positive.
    directions: Vec<Vec<f64>>,
    explained: Vec<f64>,
}

impl Pca {
    /// The first `components` directions of `values` `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where there are fewer than 2 rows, or more components than rows or columns, or none.
    pub fn fit(values: &[f32], dim: usize, components: usize) -> Result<Self> {
        let n = rows("embeddings", values, dim)?;
        if components == 0 || n < 2 || components > dim.min(n) {
            let expected = format!(
                "1 to {} for {n} images of {dim} values (at least 2 images)",
                dim.min(n)
            );
            return Err(Error::mismatch(
                "principal components",
                expected,
                components,
            ));
        }
        let mut mean = vec![0.0; dim];
        for row in values.chunks_exact(dim) {
            mean.iter_mut()
                .zip(row)
                .for_each(|(m, &v)| *m += f64::from(v));
        }
        for m in &mut mean {
            *m /= n as f64;
        }
        let centred: Vec<f64> = values
            .chunks_exact(dim)
            .flat_map(|row| row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m))
            .collect();
        let total: f64 = centred.iter().map(|v| v * v).sum();

        let mut random = ChaCha8Rng::seed_from_u64(0);
        let block = (components + SPARE).min(dim).min(n);
        let mut basis: Vec<Vec<f64>> = (0..block)
            .map(|_| (0..dim).map(|_| random.random_range(-1.0..1.0)).collect())
            .collect();
        orthonormalise(&mut basis);
        for _ in 0..ITERATIONS {
            basis = covary(&centred, dim, &basis);
            orthonormalise(&mut basis);
        }
        // Within the subspace, the exact directions.
        let image = covary(&centred, dim, &basis);
        let small: Vec<Vec<f64>> = basis
            .iter()
            .map(|b| image.iter().map(|i| inner(b, i)).collect())
            .collect();
        let mut pairs = eigen(small);
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        pairs.truncate(components);
        let directions = pairs
            .iter()
            .map(|(_, mix)| {
                let mut direction = vec![0.0; dim];
                for (m, b) in mix.iter().zip(&basis) {
                    direction.iter_mut().zip(b).for_each(|(d, b)| *d += m * b);
                }
                let largest = direction
                    .iter()
                    .copied()
                    .fold(0.0, |a: f64, v| if v.abs() > a.abs() { v } else { a });
                for d in &mut direction {
                    *d *= largest.signum();
                }
                direction
            })
            .collect();
        let share = |variance: f64| if total > 0.0 { variance / total } else { 0.0 };
        Ok(Self {
            mean,
            directions,
            explained: pairs.iter().map(|(variance, _)| share(*variance)).collect(),
        })
    }

    /// Share of the whole variance along each direction, 0 to 1.
    pub fn explained(&self) -> &[f64] {
        &self.explained
    }

    /// Coordinates `[n, components]` of `values` `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the length does not fit.
    pub fn project(&self, values: &[f32]) -> Result<Vec<f64>> {
        let dim = self.mean.len();
        rows("embeddings", values, dim)?;
        let along = |row: &[f32], direction: &[f64]| -> f64 {
            let centred = row.iter().zip(&self.mean).map(|(&v, m)| f64::from(v) - m);
            centred.zip(direction).map(|(v, d)| v * d).sum()
        };
        Ok(values
            .chunks_exact(dim)
            .flat_map(|row| self.directions.iter().map(move |d| along(row, d)))
            .collect())
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The scatter matrix of `centred` `[n, dim]` times each vector, without forming it.
fn covary(centred: &[f64], dim: usize, basis: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut image = vec![vec![0.0; dim]; basis.len()];
    for row in centred.chunks_exact(dim) {
        for (b, image) in basis.iter().zip(&mut image) {
            let along = inner(row, b);
            image.iter_mut().zip(row).for_each(|(i, r)| *i += along * r);
        }
    }
    image
}

/// Gram and Schmidt, twice for accuracy. What is no direction of its own becomes zero.
fn orthonormalise(basis: &mut [Vec<f64>]) {
    for at in 0..basis.len() {
        let (done, rest) = basis.split_at_mut(at);
        let vector = &mut rest[0];
        let before = inner(vector, vector).sqrt();
        for _ in 0..2 {
            for other in done.iter() {
                let along = inner(vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(v, o)| *v -= along * o);
            }
        }
        let length = inner(vector, vector).sqrt();
        let scale = if length > before * 1e-12 {
            1.0 / length
        } else {
            0.0
        };
        for v in vector.iter_mut() {
            *v *= scale;
        }
    }
}

/// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(i == j)).collect())
        .collect();
    for _ in 0..30 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
                let (sin, cos) = angle.sin_cos();
                let rotate = |x: &mut f64, y: &mut f64| {
                    (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
                };
                for row in &mut a {
                    let (head, tail) = row.split_at_mut(q);
                    rotate(&mut head[p], &mut tail[0]);
                }
                let (head, tail) = a.split_at_mut(q);
                head[p]
                    .iter_mut()
                    .zip(&mut tail[0])
                    .for_each(|(x, y)| rotate(x, y));
                let (head, tail) = vectors.split_at_mut(q);
                head[p]
                    .iter_mut()
                    .zip(&mut tail[0])
                    .for_each(|(x, y)| rotate(x, y));
            }
        }
    }
    vectors
        .into_iter()
        .enumerate()
        .map(|(i, v)| (a[i][i], v))
        .collect()
}

/// Colours that stay apart for most eyes (Okabe and Ito); from the ninth class on they repeat.
const COLOURS: [[u8; 3]; 8] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [213, 94, 0],
    [240, 228, 66],
    [60, 60, 60],
];

/// A map of images: a dot at each of `points` `[n, 2]` in the colour of its class, on white, `side` pixels square (at
/// least 16, at most 8192). The first coordinate grows to the right, the second upwards.
///
/// # Errors
/// [`Error::Mismatch`] where there is not one target a point or `side` is out of range.
pub fn picture(points: &[f64], targets: &[usize], side: u32) -> Result<RgbImage> {
    if targets.len().checked_mul(2) != Some(points.len()) {
        return Err(Error::mismatch(
            "coordinates of a map",
            2 * targets.len(),
            points.len(),
        ));
    }
    if !(16..=8192).contains(&side) {
        return Err(Error::mismatch("side of a map", "16 to 8192 pixels", side));
    }
    let mut image = RgbImage::from_pixel(side, side, image::Rgb([255; 3]));
    let range = |axis: usize| {
        let values = points
            .iter()
            .skip(axis)
            .step_by(2)
            .copied()
            .filter(|v| v.is_finite());
        values.fold((f64::MAX, f64::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        })
    };
    let (x_range, y_range) = (range(0), range(1));
    let radius = i64::from(side / 200).max(1);
    let room = f64::from(side) - 4.0 * radius as f64;
    let place = |v: f64, (low, high): (f64, f64)| {
        let share = if high > low {
            (v - low) / (high - low)
        } else {
            0.5
        };
        (2 * radius) + (share * room) as i64
    };
    for (point, &target) in points.chunks_exact(2).zip(targets) {
        if !point.iter().all(|v| v.is_finite()) {
            continue;
        }
        let (x, y) = (
            place(point[0], x_range),
            i64::from(side) - 1 - place(point[1], y_range),
        );
        let colour = image::Rgb(COLOURS[target % COLOURS.len()]);
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                let inside = dx * dx + dy * dy <= radius * radius;
                let (px, py) = ((x + dx) as u32, (y + dy) as u32);
                if let Some(pixel) = image.get_pixel_mut_checked(px, py).filter(|_| inside) {
                    *pixel = colour;
                }
            }
        }
    }
    Ok(image)
}
