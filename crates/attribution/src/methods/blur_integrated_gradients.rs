//! Integrated gradients along a path of ever sharper images.

use crate::attribution::{Attribution, Completeness};
use crate::blur::{Edge, gaussian_f64};
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;

/// How the stretches of the path are placed and summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    /// Gradients in the middle of stretches that are short where the blur is small.
    Secants,
    /// Gradients at the sharp ends of even stretches, times the derivative of the blur there.
    Derivatives,
}

/// The gradient along the path from a strongly blurred image to the image itself (Xu et al. 2020): no foreign baseline,
/// and what appears at which scale counts.
///
/// Promises completeness against the score of the most blurred image. `steps` evaluations with gradient and two
/// scores. The blur's standard deviation at `t` (0 to 1) of the way from the image is `max_sigma * t^2`, since most
/// of an image is gone at small ones; a stretch counts with the gradient at its middle times the difference of the
/// images at its ends, so that the sum over stretches is exact for linear models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlurIntegratedGradients {
    max_sigma: f64,
    steps: usize,
    batch: usize,
    sum: Sum,
    edge: Edge,
}

impl Default for BlurIntegratedGradients {
    fn default() -> Self {
        Self::new()
    }
}

impl BlurIntegratedGradients {
    /// Blur of up to 50 pixels, 50 steps, 8 images at a time, edges mirrored.
    pub fn new() -> Self {
        Self {
            max_sigma: 50.0,
            steps: 50,
            batch: 8,
            sum: Sum::Secants,
            edge: Edge::Mirrored,
        }
    }

    /// As the authors' library computes it (PAIR's `saliency` 0.2): 100 even steps, the gradient at the sharp end of
    /// each, the blur's derivative from a step of 0.01 pixels, and `level` (theirs: the zero after normalisation)
    /// beyond the edges. Its sum is off by what that rule leaves out.
    pub fn as_published(level: f32) -> Self {
        Self {
            steps: 100,
            sum: Sum::Derivatives,
            edge: Edge::Level(f64::from(level)),
            ..Self::new()
        }
    }

    /// Standard deviation of the strongest blur, in pixels; defaults to 50.
    #[must_use]
    pub fn with_max_sigma(mut self, sigma: f64) -> Self {
        self.max_sigma = sigma;
        self
    }

    /// Gradients along the path; defaults to 50.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Where the gradient of step `i` is taken, and what it is multiplied by.
    fn step(&self, i: usize, pixels: &Pixels) -> (Vec<f64>, Vec<f64>) {
        let n = self.steps as f64;
        let at = |sigma: f64| gaussian_f64(pixels, sigma, self.edge);
        match self.sum {
            Sum::Secants => {
                let sigma = |i: f64| self.max_sigma * (i / n).powi(2);
                let ends = at(sigma(i as f64))
                    .into_iter()
                    .zip(at(sigma(i as f64 + 1.0)));
                (
                    at(sigma(i as f64 + 0.5)),
                    ends.map(|(sharp, blurred)| sharp - blurred).collect(),
                )
            }
            Sum::Derivatives => {
                const STEP: f64 = 0.01;
                let sigma = self.max_sigma * i as f64 / n;
                let sharp = at(sigma);
                let ends = sharp.iter().zip(at(sigma + STEP));
                let weight = self.max_sigma / n / STEP;
                let change = ends
                    .map(|(sharp, blurred)| weight * (sharp - blurred))
                    .collect();
                (sharp, change)
            }
        }
    }
}

impl Method for BlurIntegratedGradients {
    fn name(&self) -> &'static str {
        "blur-integrated-gradients"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        if !(self.max_sigma > 0.0 && self.max_sigma <= 1000.0) {
            return Err(Error::setting(
                "max_sigma",
                "more than 0 and at most 1000 pixels",
                &self.max_sigma,
            ));
        }
        if self.steps == 0 || self.steps > 1 << 20 {
            return Err(Error::setting("steps", "1 to 1048576", &self.steps));
        }
        let model = Checked::new(model, pixels)?;
        let mut map = vec![0.0_f64; pixels.len()];
        let steps: Vec<usize> = (0..self.steps).collect();
        for steps in steps.chunks(batch) {
            let mut images = Vec::with_capacity(steps.len() * pixels.len());
            let mut changes = Vec::with_capacity(steps.len());
            for &i in steps {
                let (image, change) = self.step(i, pixels);
                images.extend(image.iter().map(|&v| v as f32));
                changes.push(change);
            }
            let (_, gradients) = model.gradient(&images, steps.len())?;
            for (change, gradient) in changes.iter().zip(gradients.chunks_exact(pixels.len())) {
                for ((value, c), &g) in map.iter_mut().zip(change).zip(gradient) {
                    *value += c * f64::from(g);
                }
            }
        }
        let blurred = gaussian_f64(pixels, self.max_sigma, self.edge);
        let score = model.score(pixels)?;
        let baseline_score =
            model.score(&pixels.like(blurred.iter().map(|&v| v as f32).collect()))?;
        Ok(Attribution {
            completeness: Completeness::of(map.iter().sum(), score, baseline_score),
            map,
            shape: pixels.shape(),
            score,
            baseline_score: Some(baseline_score),
            method: self.name().to_owned(),
            steps: self.steps,
            evaluations: model.evaluations(),
            seed: None,
            map_error: None,
            warnings: Vec::new(),
        })
    }
}
