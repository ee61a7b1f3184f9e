//! Maximum sensitivity.

use crate::attribution::norm;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::GradientFn;
use crate::pixels::Pixels;
use crate::random::Random;

/// Maximum sensitivity (Yeh et al. 2019): how far a map moves, over its own length (L2), when the image changes by what
/// no one sees. 0 is best; above 1 the map is mostly noise.
///
/// As many runs of the method as there are samples, and one more.
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
    /// 10 images that differ by up to 2.55 levels a value (0.02 of networks' range of -1 to 1), seed 0.
    pub fn new() -> Self {
        Self {
            radius: 2.55,
            samples: 10,
            seed: 0,
            drawn: None,
        }
    }

    /// Largest change of a value, in levels; defaults to 2.55.
    #[must_use]
    pub fn with_radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// Changed images; defaults to 10.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Seed of the changes, drawn evenly; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes drawn elsewhere, added to the pixels as they are: radius, samples and seed are not used.
    #[must_use]
    pub fn with_drawn_changes(mut self, changes: Vec<Pixels>) -> Self {
        self.drawn = Some(changes);
        self
    }

    /// The largest relative distance between the image's map and a changed image's; `None` where the image's is zero
    /// everywhere.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, and those of the method.
    pub fn measure(
        &self,
        method: &dyn Method,
        model: &dyn GradientFn,
        pixels: &Pixels,
    ) -> Result<Option<f64>> {
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        if samples == 0 {
            return Err(Error::setting("samples", "at least 1", &samples));
        }
        if !(self.radius.is_finite() && self.radius >= 0.0) {
            return Err(Error::setting(
                "radius",
                "0 or a positive number of levels",
                &self.radius,
            ));
        }
        let here = method.attribute(model, pixels)?;
        let norm = norm(here.map.iter().copied());
        let mut random = Random::new(self.seed);
        let mut largest = 0.0_f64;
        for sample in 0..samples {
            let changed = match &self.drawn {
                Some(drawn) => pixels.plus("change", &drawn[sample])?,
                None => pixels.changed(|| self.radius * (2.0 * random.uniform() - 1.0)),
            };
            let there = method.attribute(model, &changed)?;
            let pairs = here.map.iter().zip(&there.map);
            largest = largest.max(pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt());
        }
        Ok((norm > 0.0).then(|| largest / norm))
    }
}
