//! Expected gradients.

use crate::attribution::{Attribution, Completeness};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::methods::integrated_gradients::{between, confident_baseline};
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::random::Random;

/// Integrated gradients over a set of baselines, one random place on the way from a random baseline at a time
/// (Erion et al. 2021; captum's `GradientShap` without noise).
///
/// `samples` evaluations with gradient, one score of the image and one of each baseline, and its confidence where the model
/// says that. Promises completeness against
/// the mean score of the baselines, up to the error of the sampling, which the result states. To keep that small the
/// baselines, in random order, take turns, and the path from each is cut into as many equal stretches as it has
/// samples, with one place drawn from each. Memory does not grow with the samples.
///
/// ```
/// use attribution::{Baseline, BoxError, ExpectedGradients, Method, Pixels};
///
/// // score = 2 a - b
/// let linear = |pixels: &[f32], [n, ..]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     let scores = pixels.chunks(2).map(|p| f64::from(2.0 * p[0] - p[1])).collect();
///     Ok((scores, [2.0, -1.0].repeat(n)))
/// };
/// let image = |a, b| Pixels::new(vec![a, b], [1, 2, 1]);
/// let method = ExpectedGradients::new(Baseline::Set(vec![image(0.0, 0.0)?, image(2.0, 4.0)?])).with_samples(10);
/// let why = method.attribute(&linear, &image(5.0, 5.0)?)?;
/// assert!((why.map()[0] - 8.0).abs() < 1e-6 && (why.map()[1] + 3.0).abs() < 1e-6);
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedGradients {
    baselines: Baseline,
    samples: usize,
    seed: u64,
    batch: usize,
    drawn: Option<Vec<(usize, f64)>>,
}

impl ExpectedGradients {
    /// Over these baselines, usually a [`Baseline::Set`] of other images; 200 samples, seed 0, 8 images at a time.
    pub fn new(baselines: Baseline) -> Self {
        Self {
            baselines,
            samples: 200,
            seed: 0,
            batch: 8,
            drawn: None,
        }
    }

    /// Gradients taken; defaults to 200.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Seed of the draws; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Draws made elsewhere: index of the baseline and place on the way (0 to 1). Samples and seed are not used.
    #[must_use]
    pub fn with_draws(mut self, draws: Vec<(usize, f64)>) -> Self {
        self.drawn = Some(draws);
        self
    }

    /// For each sample which baseline, where on the way, and its weight; the weights sum to one.
    fn draws(&self, baselines: usize) -> Result<Vec<(usize, f64, f64)>> {
        if let Some(drawn) = &self.drawn {
            let wrong =
                |&&(index, t): &&(usize, f64)| index >= baselines || !(0.0..=1.0).contains(&t);
            if let Some((index, t)) = drawn.iter().find(wrong) {
                let expected = format!("a baseline below {baselines} and a place from 0 to 1");
                return Err(Error::setting("draws", expected, &format!("{index}, {t}")));
            }
            let share = 1.0 / drawn.len() as f64;
            return Ok(drawn.iter().map(|&(index, t)| (index, t, share)).collect());
        }
        if self.samples > 1 << 20 {
            return Err(Error::setting("samples", "1 to 1048576", &self.samples));
        }
        let mut random = Random::new(self.seed);
        let used = baselines.min(self.samples);
        let mut draws = Vec::with_capacity(self.samples);
        for (turn, &baseline) in random.order(baselines)[..used].iter().enumerate() {
            let stretches = (self.samples - turn).div_ceil(used);
            let weight = 1.0 / (used * stretches) as f64;
            for stretch in 0..stretches {
                let t = (stretch as f64 + random.uniform()) / stretches as f64;
                draws.push((baseline, t, weight));
            }
        }
        Ok(draws)
    }
}

impl Method for ExpectedGradients {
    fn name(&self) -> &'static str {
        "expected-gradients"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        let model = Checked::new(model, pixels)?;
        let baselines = self.baselines.images(pixels)?;
        let draws = self.draws(baselines.len())?;
        if draws.is_empty() {
            return Err(Error::setting("samples", "at least 1", &0));
        }
        let mut map = vec![0.0_f64; pixels.len()];
        let mut images = Vec::with_capacity(batch.min(draws.len()) * pixels.len());
        for draws in draws.chunks(batch) {
            images.clear();
            for &(baseline, t, _) in draws {
                between(&mut images, &baselines[baseline], pixels, t);
            }
            let (_, gradients) = model.gradient(&images, draws.len())?;
            for (&(baseline, _, weight), gradient) in
                draws.iter().zip(gradients.chunks_exact(pixels.len()))
            {
                let ends = pixels.values().iter().zip(baselines[baseline].values());
                for ((value, &g), (&x, &b)) in map.iter_mut().zip(gradient).zip(ends) {
                    *value += weight * f64::from(g) * (f64::from(x) - f64::from(b));
                }
            }
        }
        let score = model.score(pixels)?;
        let mut baseline_score = 0.0;
        for baseline in &baselines {
            baseline_score += model.score(baseline)? / baselines.len() as f64;
        }
        let warning = confident_baseline(&model, &baselines, score, baseline_score)?;
        Ok(Attribution {
            completeness: Completeness::of(map.iter().sum(), score, baseline_score),
            map,
            shape: pixels.shape(),
            score,
            baseline_score: Some(baseline_score),
            method: self.name().to_owned(),
            steps: draws.len(),
            evaluations: model.evaluations(),
            seed: self.drawn.is_none().then_some(self.seed),
            map_error: None,
            warnings: warning.into_iter().collect(),
        })
    }
}
