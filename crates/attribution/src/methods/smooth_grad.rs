//! SmoothGrad, SmoothGrad-squared and VarGrad around any method.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::check;
use crate::error::{Error, Result};
use crate::methods::gradient::Gradient;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::model::quiet::Quiet;
use crate::pixels::Pixels;
use crate::random::Random;

pub(crate) const MEAN: MethodInfo = MethodInfo {
    name: "smooth-grad",
    description: "the mean of the gradients of noisy copies of the image",
    asks: "20 times",
    needs: Ability::Gradient,
    complete: false,
    build: |settings| Box::new(SmoothGrad::new(Gradient::new()).with_seed(settings.seed)),
};

pub(crate) const SQUARED: MethodInfo = MethodInfo {
    name: "smooth-grad-squared",
    description: "the mean of the squares of these gradients: where they are large, whatever their sign",
    build: |settings| Box::new(SmoothGrad::squared(Gradient::new()).with_seed(settings.seed)),
    ..MEAN
};

pub(crate) const VARIANCE: MethodInfo = MethodInfo {
    name: "var-grad",
    description: "the variance of these gradients: where they are uncertain",
    build: |settings| Box::new(SmoothGrad::variance(Gradient::new()).with_seed(settings.seed)),
    ..MEAN
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combination {
    Mean,
    Squares,
    Variance,
}

/// SmoothGrad and its variants: the maps that an inner method gives for noisy copies of the image, combined into one
/// map (Smilkov et al. 2017, <https://arxiv.org/abs/1706.03825>; VarGrad: Adebayo et al. 2018,
/// <https://arxiv.org/abs/1810.03292>).
///
/// Cost: one run of the inner method for each sample, and one score of the image itself. The result has the warnings of
/// all runs, without duplicates.
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
    /// The mean of 20 maps (SmoothGrad). The standard deviation of the noise is 0.15 of the range of the image, and the
    /// seed is 0.
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

    /// The mean of the squares of the maps (SmoothGrad-squared): where the map is large, whatever its sign.
    pub fn squared(inner: M) -> Self {
        Self {
            combination: Combination::Squares,
            ..Self::new(inner)
        }
    }

    /// The variance of the maps (VarGrad): where the map is uncertain.
    pub fn variance(inner: M) -> Self {
        Self {
            combination: Combination::Variance,
            ..Self::new(inner)
        }
    }

    /// Number of noisy copies, at least 1; defaults to 20.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Standard deviation of the noise, as a fraction of the range of the image (largest minus smallest level), 0 or
    /// more; defaults to 0.15.
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

    /// Adds this noise to the pixels, one image for each sample, instead of random noise. The number of samples, the
    /// standard deviation and the seed are then ignored.
    #[must_use]
    pub fn with_drawn_noise(mut self, noise: Vec<Pixels>) -> Self {
        self.drawn = Some(noise);
        self
    }
}

impl<M> SmoothGrad<M> {
    /// The map from the mean of all maps and the sum of their squared distances from it.
    fn combine(&self, mean: Vec<f64>, spread: Vec<f64>, samples: usize) -> Vec<f64> {
        let n = samples as f64;
        match self.combination {
            Combination::Mean => mean,
            Combination::Variance => spread.iter().map(|s| s / n).collect(),
            Combination::Squares => {
                let pairs = mean.iter().zip(&spread);
                pairs.map(|(m, s)| m * m + s / n).collect()
            }
        }
    }
}

impl<M: Method> Method for SmoothGrad<M> {
    fn name(&self) -> &'static str {
        match self.combination {
            Combination::Mean => MEAN.name,
            Combination::Squares => SQUARED.name,
            Combination::Variance => VARIANCE.name,
        }
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        check::require(samples > 0, "samples", samples, "at least 1")?;
        let is_usable = self.noise.is_finite() && self.noise >= 0.0;
        check::require(is_usable, "noise", self.noise, "0 or a positive number")?;
        let checked = Checked::new(model, pixels)?;
        let score = checked.score(pixels)?;
        checked.expect_steps(samples);
        let (low, high) = pixels.range();
        let deviation = self.noise * f64::from(high - low);
        let mut random = Random::new(self.seed);
        let mut inner: Option<(String, [usize; 3], bool)> = None;
        // Mean and sum of squared distances from it, updated sample by sample (Welford), so that memory stays flat.
        let (mut mean, mut spread) = (Vec::new(), Vec::new());
        let mut evaluations = 1;
        let mut warnings = Vec::new();
        for sample in 0..samples {
            let noisy = match &self.drawn {
                Some(drawn) => pixels.plus("noise", &drawn[sample])?,
                None => pixels.changed(|| deviation * random.normal()),
            };
            let one = self.inner.attribute(&Quiet(model), &noisy)?;
            checked.step(1);
            evaluations += one.evaluations();
            for warning in one.warnings() {
                if !warnings.contains(warning) {
                    warnings.push(warning.clone());
                }
            }
            mean.resize(one.map().len(), 0.0);
            spread.resize(one.map().len(), 0.0);
            let n = (sample + 1) as f64;
            for ((m, s), &v) in mean.iter_mut().zip(&mut spread).zip(one.map()) {
                let before = v - *m;
                *m += before / n;
                *s += before * (v - *m);
            }
            inner.get_or_insert_with(|| (one.method().to_owned(), one.shape(), one.has_zero()));
        }
        let what = "the list of samples";
        let (name, shape, has_zero) = inner.ok_or(Error::Empty { what })?;
        let name = format!("{} of {name}", self.name());
        let reason =
            "the maps of noisy copies explain the scores of the copies, not that of the image";
        let map = self.combine(mean, spread, samples);
        let why = Attribution::new(name, map, shape, score)?
            .without_completeness(reason)
            .with_steps(samples)
            .with_evaluations(evaluations)
            .with_seed(self.drawn.is_none().then_some(self.seed))
            .with_warnings(warnings);
        // The variance of a map has a zero, whatever the map.
        let has_zero = has_zero || self.combination == Combination::Variance;
        Ok(if has_zero { why } else { why.without_zero() })
    }
}
