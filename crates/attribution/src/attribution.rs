//! The result of a method.

use crate::check;
use crate::error::Result;
use serde::Serialize;
use std::borrow::Cow;

/// Whether the sum of a map equals the score minus the score of the baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Completeness {
    /// The method promises that they are equal, up to a numerical error.
    Promised {
        /// The sum of the map minus (score - baseline score).
        delta: f64,
        /// |delta| / |score - baseline score|; `None` if the two scores are equal.
        relative: Option<f64>,
    },
    /// The method does not promise it, for this reason.
    NotPromised(Cow<'static, str>),
}

/// The L2 norm.
pub(crate) fn norm(values: impl IntoIterator<Item = f64>) -> f64 {
    let squares = values.into_iter().map(|value| value * value);
    squares.sum::<f64>().sqrt()
}

/// Whether all values are the same up to rounding, or one of them is not finite: then they say nothing about any place.
fn is_flat(values: &[f64]) -> bool {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let rounding = 1e-9 * largest.abs().max(least.abs());
    largest - least <= rounding || values.iter().any(|value| !value.is_finite())
}

/// Why a model gives an image its score: a map with one value for each pixel and channel, and numbers that say how far
/// the map can be trusted.
///
/// Every [`Method`](crate::Method) returns one. For a method of another crate, or a map that another program computed,
/// start from [`new`](Self::new) and add what is known:
///
/// ```
/// use attribution::Attribution;
/// let why = Attribution::new("mine", vec![1.0, 3.0], [1, 2, 1], 5.0)?.with_baseline_score(0.5).with_evaluations(12);
/// assert_eq!((why.sum(), why.convergence_delta()), (4.0, Some(-0.5)));
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    map: Vec<f64>,
    shape: [usize; 3],
    score: f64,
    baseline_score: Option<f64>,
    completeness: Completeness,
    method: String,
    has_zero: bool,
    steps: usize,
    evaluations: usize,
    seed: Option<u64>,
    map_error: Option<f64>,
    warnings: Vec<String>,
}

impl Attribution {
    /// Makes an attribution from a map of the shape height, width, channels (row by row, the channels of a pixel
    /// together) that explains `score`.
    ///
    /// It promises no completeness, and 0 in it means that a pixel does not matter. Steps and evaluations are 0, and it
    /// has no seed, no error of the map and no warning.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) if a side is 0, [`Error::Length`](crate::Error::Length) if the
    /// map is not as long as its shape says, [`Error::NotFinite`](crate::Error::NotFinite) if a value is NaN or
    /// infinite.
    pub fn new(
        method: impl Into<String>,
        map: Vec<f64>,
        shape: [usize; 3],
        score: f64,
    ) -> Result<Self> {
        check::values("the map", map.iter().copied(), shape)?;
        Ok(Self {
            map,
            shape,
            score,
            baseline_score: None,
            completeness: Completeness::NotPromised("the map was made elsewhere".into()),
            method: method.into(),
            has_zero: true,
            steps: 0,
            evaluations: 0,
            seed: None,
            map_error: None,
            warnings: Vec::new(),
        })
    }

    /// Promises completeness against this score of the baseline. The completeness error is computed from the sum of the
    /// map.
    #[must_use]
    pub fn with_baseline_score(mut self, baseline_score: f64) -> Self {
        let difference = self.score - baseline_score;
        let delta = self.sum() - difference;
        self.baseline_score = Some(baseline_score);
        self.completeness = Completeness::Promised {
            delta,
            relative: (difference != 0.0).then(|| delta.abs() / difference.abs()),
        };
        self
    }

    /// Sets the reason why the method does not promise completeness.
    #[must_use]
    pub fn without_completeness(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.completeness = Completeness::NotPromised(reason.into());
        self
    }

    /// Marks the map as one in which 0 has no meaning, so that only the differences between its pixels matter; see
    /// [`has_zero`](Self::has_zero).
    #[must_use]
    pub fn without_zero(mut self) -> Self {
        self.has_zero = false;
        self
    }

    /// Sets the number of steps; see [`steps`](Self::steps).
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the number of images that the model evaluated; see [`evaluations`](Self::evaluations).
    #[must_use]
    pub fn with_evaluations(mut self, evaluations: usize) -> Self {
        self.evaluations = evaluations;
        self
    }

    /// Sets the seed of the random draws; see [`seed`](Self::seed).
    #[must_use]
    pub fn with_seed(mut self, seed: impl Into<Option<u64>>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Sets the estimated error of the map; see [`map_error`](Self::map_error).
    #[must_use]
    pub fn with_map_error(mut self, error: impl Into<Option<f64>>) -> Self {
        self.map_error = error.into();
        self
    }

    /// Sets the warnings; see [`warnings`](Self::warnings).
    #[must_use]
    pub fn with_warnings(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings = warnings.into_iter().collect();
        self
    }

    /// The same run with a map that another method made of this one. Completeness and the error of the map no longer hold.
    /// Where 0 had no meaning, it has none in the new map.
    pub(crate) fn remade(
        self,
        method: impl Into<String>,
        map: Vec<f64>,
        shape: [usize; 3],
        reason: &'static str,
    ) -> Result<Self> {
        Ok(Self {
            baseline_score: self.baseline_score,
            completeness: Completeness::NotPromised(reason.into()),
            has_zero: self.has_zero,
            steps: self.steps,
            evaluations: self.evaluations,
            seed: self.seed,
            warnings: self.warnings,
            ..Self::new(method, map, shape, self.score)?
        })
    }

    /// The map: one value for each pixel and channel, row by row, the channels of a pixel together.
    ///
    /// The unit is that of the score for methods that promise completeness, score per pixel level for plain gradients,
    /// and arbitrary for the others.
    pub fn map(&self) -> &[f64] {
        &self.map
    }

    /// The map `[height, width, channel]` as a view (feature `ndarray`).
    ///
    /// # Errors
    /// If `ndarray` refuses the shape. It accepts every shape that [`new`](Self::new) accepts.
    #[cfg(feature = "ndarray")]
    pub fn as_ndarray(&self) -> Result<ndarray::ArrayView3<'_, f64>, ndarray::ShapeError> {
        ndarray::ArrayView3::from_shape(self.shape, &self.map)
    }

    /// Height, width and channels of the map. Maps of regions (the CAM family, occlusion, RISE, XRAI) have one channel.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The score that is explained.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// The score of the baseline (the mean if there are several; for blur integrated gradients, of the most blurred
    /// image). `None` for methods that are not integrated gradients of some kind. The map of
    /// [`Xrai`](crate::methods::Xrai) has that of its inner method.
    pub fn baseline_score(&self) -> Option<f64> {
        self.baseline_score
    }

    /// The sum of the map.
    pub fn sum(&self) -> f64 {
        self.map.iter().sum()
    }

    /// How far the sum of the map is from score minus baseline score, or why the method does not promise that they are
    /// equal.
    pub fn completeness(&self) -> &Completeness {
        &self.completeness
    }

    /// The sum minus (score - baseline score); `None` if the method does not promise that they are equal.
    pub fn convergence_delta(&self) -> Option<f64> {
        match self.completeness {
            Completeness::Promised { delta, .. } => Some(delta),
            Completeness::NotPromised(_) => None,
        }
    }

    /// The magnitude of [`convergence_delta`](Self::convergence_delta) divided by |score - baseline score|.
    ///
    /// `None` if the method does not promise completeness ([`completeness`](Self::completeness) says why) or if
    /// the two scores are equal.
    pub fn completeness_error(&self) -> Option<f64> {
        match self.completeness {
            Completeness::Promised { relative, .. } => relative,
            Completeness::NotPromised(_) => None,
        }
    }

    /// Estimated relative distance (L2 norm) of the map from the map that infinitely many steps would give. Only
    /// integrated gradients with at least two steps have it; `None` otherwise.
    ///
    /// Along a path, the gradient of a ReLU network jumps, so the map converges more slowly than its sum, whose error
    /// [`completeness_error`](Self::completeness_error) gives. The estimate treats the gradient as a random walk and
    /// uses how much it changes from each step to the next. On MobileNets it is within a few percent of the true error;
    /// where the gradient is smooth, the estimate is too large.
    pub fn map_error(&self) -> Option<f64> {
        self.map_error
    }

    /// Whether 0 in the map means that a pixel does not matter. In the maps of [`Rise`](crate::methods::Rise) and
    /// [`ScoreCam`](crate::methods::ScoreCam) it does not: a large part of each value may be the same for all pixels.
    /// Pictures show such a map from its least to its largest value.
    pub fn has_zero(&self) -> bool {
        self.has_zero
    }

    /// Whether the map distinguishes no place in the image from another: the sums over channels are the same everywhere
    /// (all of them 0, for example), or one of them is not finite.
    pub fn found_nothing(&self) -> bool {
        is_flat(&self.per_pixel())
    }

    /// Name of the method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Number of steps. A step is what the method repeats: a gradient along a path, a sample, a mask, a channel or a
    /// window.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of images that the model evaluated, with or without gradient.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The seed of the random draws; `None` for methods that draw nothing.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Warnings that a reader of the result should know, in plain sentences; empty if there are none.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The map summed over channels: one value for each pixel, row by row.
    pub fn per_pixel(&self) -> Vec<f64> {
        self.map
            .chunks_exact(self.shape[2])
            .map(|pixel| pixel.iter().sum())
            .collect()
    }
}
