//! Gaussian blur of an image.

use crate::pixels::Pixels;

/// What lies beyond the edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Edge {
    /// The image mirrored, the edge pixel repeated: what `scipy.ndimage.gaussian_filter` does by default.
    Mirrored,
    /// One level.
    Level(f64),
}

/// Blur with this standard deviation in pixels, edges mirrored; 0 gives the image back.
pub(crate) fn gaussian(pixels: &Pixels, sigma: f64) -> Pixels {
    let blurred = gaussian_f64(pixels, sigma, Edge::Mirrored);
    pixels.like(blurred.iter().map(|&v| v as f32).collect())
}

/// The same in f64, as scipy computes it: separable, the kernel cut at four standard deviations.
pub(crate) fn gaussian_f64(pixels: &Pixels, sigma: f64, edge: Edge) -> Vec<f64> {
    let [h, w, c] = pixels.shape();
    let input: Vec<f64> = pixels.values().iter().map(|&v| f64::from(v)).collect();
    let kernel = kernel(sigma);
    if kernel.len() == 1 {
        return input;
    }
    let rows = pass(&input, &kernel, h, w * c, edge);
    let mut both = vec![0.0; input.len()];
    for (row, out) in rows.chunks_exact(w * c).zip(both.chunks_exact_mut(w * c)) {
        out.copy_from_slice(&pass(row, &kernel, w, c, edge));
    }
    both
}

/// One pass over `n` groups of `width` values.
fn pass(input: &[f64], kernel: &[f64], n: usize, width: usize, edge: Edge) -> Vec<f64> {
    let radius = (kernel.len() / 2) as isize;
    let mut output = vec![0.0; input.len()];
    for i in 0..n {
        let out = &mut output[i * width..(i + 1) * width];
        for (k, &weight) in kernel.iter().enumerate() {
            let j = i as isize + k as isize - radius;
            let inside = (0..n as isize).contains(&j);
            match edge {
                Edge::Level(level) if !inside => {
                    for o in out.iter_mut() {
                        *o += weight * level;
                    }
                }
                _ => {
                    let j = mirrored(j, n);
                    for (o, &v) in out.iter_mut().zip(&input[j * width..(j + 1) * width]) {
                        *o += weight * v;
                    }
                }
            }
        }
    }
    output
}

/// Index into `n` values mirrored at both ends, the end value repeated: `b a | a b c | c b`.
fn mirrored(i: isize, n: usize) -> usize {
    let period = 2 * n as isize;
    let i = i.rem_euclid(period);
    (if i < n as isize { i } else { period - 1 - i }) as usize
}

fn kernel(sigma: f64) -> Vec<f64> {
    // No image is wider than this; a larger kernel would only go round and round.
    let radius = ((4.0 * sigma + 0.5) as usize).min(1 << 16);
    let mut weights: Vec<f64> = (0..=2 * radius)
        .map(|i| {
            let x = i as f64 - radius as f64;
            if radius == 0 {
                1.0
            } else {
                (-0.5 * x * x / (sigma * sigma)).exp()
            }
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}
