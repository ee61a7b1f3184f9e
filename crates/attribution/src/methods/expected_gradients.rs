//! Expected gradients.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::methods::path::baseline_warning;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::{Pixels, push_between};
use crate::random::Random;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "expected-gradients",
    description: "integrated gradients over many baselines, at random places on the paths",
    asks: "200 times",
    needs: Ability::Gradient,
    complete: true,
    build: |settings| {
        let seed = settings.seed;
        let noise = Baseline::Noise { count: 10, seed };
        Box::new(ExpectedGradients::new(noise).with_seed(seed))
    },
};

/// Expected gradients: integrated gradients over a set of baselines, with gradients at random places on the paths from
/// random baselines (Erion et al. 2021, <https://arxiv.org/abs/1906.10670>; the same as captum's `GradientShap` without
/// noise).
///
/// Promises completeness against the mean score of the baselines, up to the sampling error, which the result gives. To
/// keep this error small, the baselines are used in turn, in random order. The path from a baseline is divided into as
/// many equal intervals as it has samples, and one place is drawn from each interval.
///
/// Cost: `samples` evaluations with gradient, one score of the image and one of each baseline, and the confidence for
/// each baseline if the model can give it. Memory does not grow with the number of samples.
///
/// ```
/// use attribution::methods::ExpectedGradients;
/// use attribution::{Baseline, BoxError, Method, Pixels};
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
    drawn: Option<Vec<Draw>>,
}

/// One place on the path from one baseline to the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Index of the baseline.
    pub baseline: usize,
    /// Position on the path, from 0 (baseline) to 1 (image).
    pub position: f64,
}

impl ExpectedGradients {
    /// Uses these baselines, usually a [`Baseline::Set`] of other images. Defaults: 200 samples, seed 0, batches of 8
    /// images.
    pub fn new(baselines: Baseline) -> Self {
        Self {
            baselines,
            samples: 200,
            seed: 0,
            batch: 8,
            drawn: None,
        }
    }

    /// Number of gradients, 1 to 2^20; defaults to 200.
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

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Uses these draws (at least one) instead of random ones; the number of samples and the seed are then ignored.
    #[must_use]
    pub fn with_draws(mut self, draws: Vec<Draw>) -> Self {
        self.drawn = Some(draws);
        self
    }

    /// The draws and the weight of each; the weights sum to one.
    fn draws(&self, baselines: usize) -> Result<Vec<(Draw, f64)>> {
        if let Some(drawn) = &self.drawn {
            for draw in drawn {
                let is_usable = draw.baseline < baselines && (0.0..=1.0).contains(&draw.position);
                let value = format!("{}, {}", draw.baseline, draw.position);
                let expected = format!("a baseline below {baselines} and a position of 0 to 1");
                check::require(is_usable, "draws", value, expected)?;
            }
            let share = 1.0 / drawn.len() as f64;
            return Ok(drawn.iter().map(|&draw| (draw, share)).collect());
        }
        check::within("samples", self.samples, 1..=check::MOST_STEPS)?;
        let mut random = Random::new(self.seed);
        let used = baselines.min(self.samples);
        let mut draws = Vec::with_capacity(self.samples);
        for (turn, &baseline) in random.order(baselines)[..used].iter().enumerate() {
            let intervals = (self.samples - turn).div_ceil(used);
            let weight = 1.0 / (used * intervals) as f64;
            for interval in 0..intervals {
                let position = (interval as f64 + random.uniform()) / intervals as f64;
                draws.push((Draw { baseline, position }, weight));
            }
        }
        Ok(draws)
    }
}

impl Method for ExpectedGradients {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        let model = Checked::new(model, pixels)?;
        let baselines = self.baselines.images(pixels)?;
        let draws = self.draws(baselines.len())?;
        check::require(!draws.is_empty(), "draws", 0, "at least 1")?;
        model.expect_steps(draws.len());
        let mut map = vec![0.0_f64; pixels.len()];
        let mut images = Vec::with_capacity(self.batch.min(draws.len()) * pixels.len());
        for draws in draws.chunks(self.batch) {
            images.clear();
            for (draw, _) in draws {
                push_between(&mut images, &baselines[draw.baseline], pixels, |_| {
                    draw.position
                });
            }
            let (_, gradients) = model.gradients(&images, draws.len())?;
            for ((draw, weight), gradient) in draws.iter().zip(gradients.chunks_exact(pixels.len()))
            {
                let distances = pixels.minus(&baselines[draw.baseline]);
                for ((value, &g), distance) in map.iter_mut().zip(gradient).zip(distances) {
                    *value += weight * f64::from(g) * distance;
                }
            }
        }
        let score = model.score(pixels)?;
        let mut baseline_score = 0.0;
        for baseline in &baselines {
            baseline_score += model.score(baseline)? / baselines.len() as f64;
        }
        let warning = baseline_warning(&model, pixels, &baselines, score, baseline_score)?;
        Ok(Attribution::new(self.name(), map, pixels.shape(), score)?
            .with_baseline_score(baseline_score)
            .with_steps(draws.len())
            .with_evaluations(model.evaluations())
            .with_seed(self.drawn.is_none().then_some(self.seed))
            .with_warnings(warning))
    }
}
