//! Gaussian blur of an image or a map.

use crate::pixels::Pixels;

/// Blur with this standard deviation in pixels; 0 gives the image back.
///
/// Separable, kernel cut at four standard deviations, edges mirrored with the edge pixel repeated: what
/// `scipy.ndimage.gaussian_filter` does by default.
pub(crate) fn gaussian(pixels: &Pixels, sigma: f64) -> Pixels {
    let [h, w, c] = pixels.shape();
    let kernel = kernel(sigma);
    if kernel.len() == 1 {
        return pixels.clone();
    }
    // In f64 between the two passes, as scipy's result for f64 input.
    let input: Vec<f64> = pixels.values().iter().map(|&v| f64::from(v)).collect();
    let rows = pass(&input, &kernel, h, w * c, w * c);
    let mut both = vec![0.0; input.len()];
    for (row, out) in rows.chunks_exact(w * c).zip(both.chunks_exact_mut(w * c)) {
        out.copy_from_slice(&pass(row, &kernel, w, c, c));
    }
    pixels.like(both.iter().map(|&v| v as f32).collect())
}

/// One pass over `n` groups of `width` values that lie `stride` apart.
fn pass(input: &[f64], kernel: &[f64], n: usize, width: usize, stride: usize) -> Vec<f64> {
    let radius = (kernel.len() / 2) as isize;
    let mut output = vec![0.0; input.len()];
    for i in 0..n {
        let out = &mut output[i * stride..i * stride + width];
        for (k, &weight) in kernel.iter().enumerate() {
            let j = mirrored(i as isize + k as isize - radius, n);
            for (o, &v) in out.iter_mut().zip(&input[j * stride..j * stride + width]) {
                *o += weight * v;
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
