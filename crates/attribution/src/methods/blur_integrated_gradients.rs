//! Integrated gradients along a path of sharper and sharper images.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::blur::{Edge, gaussian_f64};
use crate::check;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "blur-integrated-gradients",
    description: "integrated gradients along the path from the strongly blurred image to the image",
    asks: "50 times",
    needs: Ability::Gradient,
    complete: true,
    build: |settings| Box::new(BlurIntegratedGradients::new().with_steps(settings.steps)),
};

/// Where the intervals of the path lie, and how they are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    /// Gradients in the middle of intervals that are short where the blur is small.
    Secants,
    /// Gradients at the sharp ends of equal intervals, times the derivative of the blur there.
    Derivatives,
}

/// Blur integrated gradients: the gradient along the path from a strongly blurred image to the image itself (Xu et al.
/// 2020, <https://arxiv.org/abs/2004.03383>). The method needs no baseline, and it shows at which scale a feature
/// appears.
///
/// Promises completeness against the score of the most blurred image. Cost: `steps` evaluations with gradient and two
/// scores. At `t` (0 to 1) of the way from the image, the standard deviation of the blur is `max_sigma * t^2`, because
/// a small blur already removes most of an image. Each interval contributes the gradient in its middle times the
/// difference of the images at its ends, so that the sum is exact for linear models.
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
    /// Blur of up to 50 pixels, 50 steps, batches of 8 images. Beyond its edges the image is continued by its mirror
    /// image.
    pub fn new() -> Self {
        Self {
            max_sigma: 50.0,
            steps: 50,
            batch: 8,
            sum: Sum::Secants,
            edge: Edge::Mirrored,
        }
    }

    /// Computes the map as the library of the authors does (PAIR's `saliency` 0.2): 100 equal steps, the gradient at
    /// the sharp end of each, the derivative of the blur from a difference of 0.01 pixels, and the pixel level `level`
    /// beyond the edges (their library uses zero after normalization). The completeness error includes the error of
    /// this rule.
    pub fn as_published(level: f32) -> Self {
        Self {
            steps: 100,
            sum: Sum::Derivatives,
            edge: Edge::Level(f64::from(level)),
            ..Self::new()
        }
    }

    /// Standard deviation of the strongest blur, in pixels, above 0 and at most 1000; defaults to 50.
    #[must_use]
    pub fn with_max_sigma(mut self, sigma: f64) -> Self {
        self.max_sigma = sigma;
        self
    }

    /// Number of gradients along the path, 1 to 2^20; defaults to 50.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
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
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        let is_usable = self.max_sigma > 0.0 && self.max_sigma <= 1000.0;
        let expected = "more than 0 and at most 1000 pixels";
        check::require(is_usable, "max_sigma", self.max_sigma, expected)?;
        check::within("steps", self.steps, 1..=check::MOST_STEPS)?;
        let model = Checked::new(model, pixels)?;
        model.expect_steps(self.steps);
        let mut map = vec![0.0_f64; pixels.len()];
        let steps: Vec<usize> = (0..self.steps).collect();
        for steps in steps.chunks(self.batch) {
            let mut images = Vec::with_capacity(steps.len() * pixels.len());
            let mut changes = Vec::with_capacity(steps.len());
            for &i in steps {
                let (image, change) = self.step(i, pixels);
                images.extend(image.iter().map(|&v| v as f32));
                changes.push(change);
            }
            let (_, gradients) = model.gradients(&images, steps.len())?;
            for (change, gradient) in changes.iter().zip(gradients.chunks_exact(pixels.len())) {
                for ((value, c), &g) in map.iter_mut().zip(change).zip(gradient) {
                    *value += c * f64::from(g);
                }
            }
        }
        let blurred = gaussian_f64(pixels, self.max_sigma, self.edge);
        let blurred = pixels.like(blurred.iter().map(|&v| v as f32).collect());
        let (score, baseline_score) = (model.score(pixels)?, model.score(&blurred)?);
        Ok(Attribution::new(self.name(), map, pixels.shape(), score)?
            .with_baseline_score(baseline_score)
            .with_steps(self.steps)
            .with_evaluations(model.evaluations()))
    }
}
