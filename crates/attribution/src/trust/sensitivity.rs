//! Maximum sensitivity.

use crate::attribution::norm;
use crate::check;
use crate::error::Result;
use crate::methods::method::Method;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::model::quiet::Quiet;
use crate::pixels::Pixels;
use crate::random::Random;

/// Maximum sensitivity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>): how much a map changes, relative to its
/// L2 norm, when the image changes so little that nobody can see it. 0 is best; a map above 1 is mostly noise.
///
/// Cost: one run of the method for each sample, and one more.
#[derive(Debug, Clone, PartialEq)]
pub struct MaxSensitivity {
    radius: f64,
    samples: usize,
    seed: u64,
    drawn: Option<Vec<Pixels>>,
}

impl Default for MaxSensitivity {
    fn default() -> Self {
        Self::new()
    }
}

impl MaxSensitivity {
    /// Defaults: 10 changed images whose values differ by up to 2.55 levels (0.02 if a network scales levels to -1 to
    /// 1), seed 0.
    pub fn new() -> Self {
        Self {
            radius: 2.55,
            samples: 10,
            seed: 0,
            drawn: None,
        }
    }

    /// Largest change of a value in levels, 0 or more; defaults to 2.55.
    #[must_use]
    pub fn with_radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// Number of changed images, at least 1; defaults to 10.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Seed of the changes, which are drawn uniformly; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds these changes to the pixels instead of random ones; the radius, the number of samples and the seed are then
    /// ignored.
    #[must_use]
    pub fn with_drawn_changes(mut self, changes: Vec<Pixels>) -> Self {
        self.drawn = Some(changes);
        self
    }

    /// The largest distance between the map of the image and that of a changed image, relative to the norm of the
    /// former; `None` if the map of the image is zero everywhere.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings out of range, and those of the method.
    pub fn measure(
        &self,
        method: &dyn Method,
        model: &dyn GradientFn,
        pixels: &Pixels,
    ) -> Result<Option<f64>> {
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        check::require(samples > 0, "samples", samples, "at least 1")?;
        let is_usable = self.radius.is_finite() && self.radius >= 0.0;
        let expected = "0 or a positive number of levels";
        check::require(is_usable, "radius", self.radius, expected)?;
        let progress = Checked::new(model, pixels)?;
        progress.expect_steps(samples + 1);
        let model = Quiet(model);
        let here = method.attribute(&model, pixels)?;
        progress.step(1);
        let norm = norm(here.map().iter().copied());
        let mut random = Random::new(self.seed);
        let mut largest = 0.0_f64;
        for sample in 0..samples {
            let changed = match &self.drawn {
                Some(drawn) => pixels.plus("change", &drawn[sample])?,
                None => pixels.changed(|| self.radius * (2.0 * random.uniform() - 1.0)),
            };
            let there = method.attribute(&model, &changed)?;
            progress.step(1);
            let pairs = here.map().iter().zip(there.map());
            largest = largest.max(pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt());
        }
        Ok((norm > 0.0).then(|| largest / norm))
    }
}
