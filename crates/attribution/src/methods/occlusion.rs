//! Occlusion.

use crate::attribution::{Attribution, Completeness};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;

/// How much the score falls when a window of the image is replaced by the baseline (Zeiler and Fergus 2014).
///
/// Scores only: one for each window and one for the image. Windows lie a stride apart, the last ones cut off at the
/// edge; a pixel's value is the mean over the windows that cover it, as in captum. One channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    window: usize,
    stride: usize,
    baseline: Baseline,
    batch: usize,
}

impl Default for Occlusion {
    fn default() -> Self {
        Self::new()
    }
}

impl Occlusion {
    /// Windows of 32 pixels, 16 apart, grey, 8 images at a time.
    pub fn new() -> Self {
        Self {
            window: 32,
            stride: 16,
            baseline: Baseline::Grey,
            batch: 8,
        }
    }

    /// Side of the square window in pixels; defaults to 32.
    #[must_use]
    pub fn with_window(mut self, side: usize) -> Self {
        self.window = side;
        self
    }

    /// Distance of the windows in pixels; defaults to 16.
    #[must_use]
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// What the window shows; defaults to grey. One image only.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }
}

impl Method for Occlusion {
    fn name(&self) -> &'static str {
        "occlusion"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        let [h, w, c] = pixels.shape();
        if self.window == 0 || self.window > h.min(w) {
            let expected = format!("1 to the image's shorter side, {}", h.min(w));
            return Err(Error::setting("window", expected, &self.window));
        }
        if self.stride == 0 || self.stride > self.window {
            let expected = format!(
                "1 to the window, {}, so that no pixel is left out",
                self.window
            );
            return Err(Error::setting("stride", expected, &self.stride));
        }
        let model = Checked::new(model, pixels)?;
        let baseline = crate::methods::one_baseline(&self.baseline, pixels)?;
        let starts = |side: usize| {
            let n = (side - self.window).div_ceil(self.stride) + 1;
            (0..n).map(|i| i * self.stride)
        };
        let corners: Vec<(usize, usize)> = starts(h)
            .flat_map(|y| starts(w).map(move |x| (y, x)))
            .collect();
        let score = model.score(pixels)?;
        let mut sums = vec![0.0_f64; h * w];
        let mut counts = vec![0.0_f64; h * w];
        for corners in corners.chunks(batch) {
            let mut images = Vec::with_capacity(corners.len() * pixels.len());
            for &(top, left) in corners {
                let start = images.len();
                images.extend_from_slice(pixels.values());
                let right = (left + self.window).min(w);
                for y in top..(top + self.window).min(h) {
                    let line = (y * w + left) * c..(y * w + right) * c;
                    images[start..][line.clone()].copy_from_slice(&baseline.values()[line]);
                }
            }
            let scores = model.scores(&images, corners.len())?;
            for (&(top, left), occluded) in corners.iter().zip(scores) {
                let right = (left + self.window).min(w);
                for y in top..(top + self.window).min(h) {
                    for i in y * w + left..y * w + right {
                        sums[i] += score - occluded;
                        counts[i] += 1.0;
                    }
                }
            }
        }
        Ok(Attribution {
            map: sums.iter().zip(&counts).map(|(s, n)| s / n).collect(),
            shape: [h, w, 1],
            score,
            baseline_score: None,
            completeness: Completeness::NotPromised(
                "windows overlap and act together; their falls do not add up",
            ),
            method: self.name().to_owned(),
            steps: corners.len(),
            evaluations: model.evaluations(),
            seed: None,
            map_error: None,
            warnings: Vec::new(),
        })
    }
}
