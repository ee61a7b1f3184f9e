//! What a method answers.

use crate::error::{Error, Result};
use crate::pixels::volume;

/// How far an attribution's sum is from what it should explain.
#[derive(Debug, Clone, PartialEq)]
pub enum Completeness {
    /// The method promises that the sum is score minus baseline score.
    Promised {
        /// The sum minus (score - baseline score).
        delta: f64,
        /// Its magnitude over that of the score difference; `None` where the difference is 0.
        relative: Option<f64>,
    },
    /// The method promises no such thing; the reason.
    NotPromised(&'static str),
}

impl Completeness {
    pub(crate) fn of(sum: f64, score: f64, baseline_score: f64) -> Self {
        let difference = score - baseline_score;
        let delta = sum - difference;
        Self::Promised {
            delta,
            relative: (difference != 0.0).then(|| delta.abs() / difference.abs()),
        }
    }
}

/// The L2 norm.
pub(crate) fn norm(values: impl IntoIterator<Item = f64>) -> f64 {
    let squares = values.into_iter().map(|value| value * value);
    squares.sum::<f64>().sqrt()
}

/// Why a model gives an image its score: a value for each pixel and channel, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    pub(crate) map: Vec<f64>,
    pub(crate) shape: [usize; 3],
    pub(crate) score: f64,
    pub(crate) baseline_score: Option<f64>,
    pub(crate) completeness: Completeness,
    pub(crate) method: String,
    pub(crate) steps: usize,
    pub(crate) evaluations: usize,
    pub(crate) seed: Option<u64>,
    pub(crate) map_error: Option<f64>,
    pub(crate) warnings: Vec<String>,
}

impl Attribution {
    /// An attribution made elsewhere, to be measured and drawn like any other.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`] or [`Error::NotFinite`] where the map is not a finite one of its shape.
    pub fn from_map(
        method: impl Into<String>,
        map: Vec<f64>,
        shape: [usize; 3],
        score: f64,
    ) -> Result<Self> {
        let expected = volume(shape);
        if expected == 0 {
            return Err(Error::Empty { what: "the map" });
        }
        if map.len() != expected {
            return Err(Error::Length {
                what: "the map",
                expected,
                found: map.len(),
            });
        }
        crate::error::all_finite("the map", map.iter().copied())?;
        Ok(Self {
            map,
            shape,
            score,
            baseline_score: None,
            completeness: Completeness::NotPromised("the map was made elsewhere"),
            method: method.into(),
            steps: 0,
            evaluations: 0,
            seed: None,
            map_error: None,
            warnings: Vec::new(),
        })
    }

    /// The map: one value for each pixel and channel, row by row, channels together.
    ///
    /// Unit: score for methods that promise completeness, score per pixel level for plain gradients, else free.
    pub fn map(&self) -> &[f64] {
        &self.map
    }

    /// Height, width, channels of the map; maps of regions (the CAM family, occlusion, RISE, XRAI) have one channel.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The score that is explained.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// The score of the baseline (the mean where there are several); `None` for methods without one.
    pub fn baseline_score(&self) -> Option<f64> {
        self.baseline_score
    }

    /// The sum of the map.
    pub fn sum(&self) -> f64 {
        self.map.iter().sum()
    }

    /// How far the sum is from score minus baseline score, or why the method does not promise that.
    pub fn completeness(&self) -> &Completeness {
        &self.completeness
    }

    /// The sum minus (score - baseline score), where the method promises that they are equal.
    pub fn convergence_delta(&self) -> Option<f64> {
        match self.completeness {
            Completeness::Promised { delta, .. } => Some(delta),
            Completeness::NotPromised(_) => None,
        }
    }

    /// The magnitude of [`convergence_delta`](Self::convergence_delta) over |score - baseline score|.
    ///
    /// `None` where the method does not promise completeness ([`completeness`](Self::completeness) says why) or where
    /// the score does not differ from the baseline's.
    pub fn completeness_error(&self) -> Option<f64> {
        match self.completeness {
            Completeness::Promised { relative, .. } => relative,
            Completeness::NotPromised(_) => None,
        }
    }

    /// About how far the map is from the one that ever more steps would end at, relative (L2); integrated gradients alone
    /// say it, from two steps on.
    ///
    /// The gradient of a network of ReLUs jumps along a path, so the map comes more slowly to rest than its sum, which
    /// [`completeness_error`](Self::completeness_error) judges. Estimated from how far the gradient moves from each step to
    /// the next, as if it were a random walk: on MobileNets within a few per cent of the truth. Where the gradient is
    /// smooth the error is less.
    pub fn map_error(&self) -> Option<f64> {
        self.map_error
    }

    /// The method's name.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Gradient steps along paths, samples, masks or positions: what the method repeats.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of images that the model was asked about, with or without gradient.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The seed of the draws, for methods that draw.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// What a reader of the result should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The map summed over channels: one value a pixel, row by row.
    pub fn per_pixel(&self) -> Vec<f64> {
        self.map
            .chunks_exact(self.shape[2])
            .map(|pixel| pixel.iter().sum())
            .collect()
    }
}
