//! SmoothGrad, SmoothGrad-squared and VarGrad around any method.

use crate::attribution::{Attribution, Completeness};
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combination {
    Mean,
    Squares,
    Variance,
}

/// A method's maps of noisy copies of the image, put together (Smilkov et al. 2017; `VarGrad`: Adebayo et al. 2018).
///
/// As many runs of the inner method as there are samples, and one score of the image itself. The warnings are those of
/// all runs, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct SmoothGrad<M> {
    inner: M,
    combination: Combination,
    samples: usize,
    noise: f64,
    seed: u64,
    drawn: Option<Vec<Pixels>>,
}

impl<M: Method> SmoothGrad<M> {
    /// The mean of 20 maps, noise of 0.15 of the image's range, seed 0.
    pub fn new(inner: M) -> Self {
        Self {
            inner,
            combination: Combination::Mean,
            samples: 20,
            noise: 0.15,
            seed: 0,
            drawn: None,
        }
    }

    /// The mean of the squares (SmoothGrad-squared): where the map is large, whatever its sign.
    pub fn squared(inner: M) -> Self {
        Self {
            combination: Combination::Squares,
            ..Self::new(inner)
        }
    }

    /// The variance (`VarGrad`): where the map is uncertain.
    pub fn variance(inner: M) -> Self {
        Self {
            combination: Combination::Variance,
            ..Self::new(inner)
        }
    }

    /// Noisy copies; defaults to 20.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Standard deviation of the noise as a part of the image's range (largest minus smallest level); defaults to 0.15.
    #[must_use]
    pub fn with_noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seed of the noise; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Noise drawn elsewhere, one image a sample, added to the pixels as it is: samples, noise and seed are not used.
    #[must_use]
    pub fn with_drawn_noise(mut self, noise: Vec<Pixels>) -> Self {
        self.drawn = Some(noise);
        self
    }
}

impl<M: Method> Method for SmoothGrad<M> {
    fn name(&self) -> &'static str {
        match self.combination {
            Combination::Mean => "smooth-grad",
            Combination::Squares => "smooth-grad-squared",
            Combination::Variance => "var-grad",
        }
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        if samples == 0 {
            return Err(Error::setting("samples", "at least 1", &samples));
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return Err(Error::setting(
                "noise",
                "0 or a positive number",
                &self.noise,
            ));
        }
        let score = Checked::new(model, pixels)?.score(pixels)?;
        let (low, high) = pixels.range();
        let deviation = self.noise * f64::from(high - low);
        let mut random = Random::new(self.seed);
        let mut result: Option<Attribution> = None;
        // Mean and sum of squared distances from it, updated sample by sample (Welford), so that memory stays flat.
        let (mut mean, mut spread) = (Vec::new(), Vec::new());
        let mut evaluations = 1;
        let mut warnings = Vec::new();
        for sample in 0..samples {
            let noisy = match &self.drawn {
                Some(drawn) => pixels.plus("noise", &drawn[sample])?,
                None => pixels.changed(|| deviation * random.normal()),
            };
            let one = self.inner.attribute(model, &noisy)?;
            evaluations += one.evaluations;
            for warning in &one.warnings {
                if !warnings.contains(warning) {
                    warnings.push(warning.clone());
                }
            }
            mean.resize(one.map.len(), 0.0);
            spread.resize(one.map.len(), 0.0);
            let n = (sample + 1) as f64;
            for ((m, s), &v) in mean.iter_mut().zip(&mut spread).zip(&one.map) {
                let before = v - *m;
                *m += before / n;
                *s += before * (v - *m);
            }
            if result.is_none() {
                result = Some(one);
            }
        }
        let mut result = result.ok_or(Error::Empty {
            what: "the samples",
        })?;
        let n = samples as f64;
        result.map = match self.combination {
            Combination::Mean => mean,
            Combination::Variance => spread.iter().map(|s| s / n).collect(),
            Combination::Squares => mean
                .iter()
                .zip(&spread)
                .map(|(m, s)| m * m + s / n)
                .collect(),
        };
        result.score = score;
        result.baseline_score = None;
        result.completeness = Completeness::NotPromised(
            "the maps of noisy copies explain the copies' scores, not the image's",
        );
        result.method = format!("{} of {}", self.name(), result.method);
        result.steps = samples;
        result.evaluations = evaluations;
        result.warnings = warnings;
        result.map_error = None;
        result.seed = self.drawn.is_none().then_some(self.seed);
        Ok(result)
    }
}
