use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::conformal::quantile::check_coverage;
use crate::conformal::score::SetScore;
use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// What is promised, and how: the settings of [`Predictions::conformal`] and [`Predictions::cross_conformal`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Conformal {
    pub(super) coverage: f64,
    #[serde(default)]
    pub(super) score: SetScore,
    #[serde(default)]
    pub(super) per_class: bool,
    #[serde(default)]
    pub(super) seed: Option<u64>,
}

impl Conformal {
    /// Promises that the true class is in the set with this probability, between 0 and 1, such as 0.95. By default the score
    /// is [`SetScore::Lac`], there is one promise for all classes together, and nothing is random.
    pub fn new(coverage: f64) -> Self {
        Self {
            coverage,
            score: SetScore::default(),
            per_class: false,
            seed: None,
        }
    }

    /// Sets the score; default [`SetScore::Lac`].
    pub fn with_score(mut self, score: SetScore) -> Self {
        self.score = score;
        self
    }

    /// Makes the promise for each class alone (class-conditional or Mondrian sets): of the samples of each class, the share
    /// that has its class in its set is at least the coverage. Each class needs enough calibration samples, and the sets are
    /// larger.
    pub fn per_class(mut self) -> Self {
        self.per_class = true;
        self
    }

    /// Randomizes the scores APS and RAPS by this seed: at the border of a set, a class is in it by chance. The coverage is
    /// then not more than promised, and sets can be empty. By default nothing is random, and such sets are a little too
    /// large. [`SetScore::Lac`] is never random.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The coverage that is promised.
    pub fn coverage(&self) -> f64 {
        self.coverage
    }

    /// The score.
    pub fn score(&self) -> SetScore {
        self.score
    }

    /// Whether the promise is made for each class.
    pub fn is_per_class(&self) -> bool {
        self.per_class
    }

    pub(super) fn check(&self, predictions: &Predictions) -> Result<()> {
        check_coverage(self.coverage)?;
        self.score.check()?;
        let what = "conformal prediction";
        if predictions.weights.is_some() {
            return Err(Error::Weighted { what });
        }
        predictions.probabilities_for(what).map(|_| ())
    }

    /// The random part of the score of a calibration sample; 0 without randomization.
    pub(super) fn calibration_u(&self, sample: usize) -> f64 {
        self.uniform(0, sample as u64)
    }

    /// The random part of the scores of a new sample.
    pub(super) fn u(&self, sample: u64) -> f64 {
        self.uniform(1, sample)
    }

    fn uniform(&self, use_: u64, sample: u64) -> f64 {
        let Some(seed) = self.seed else { return 0.0 };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(2 * sample + use_);
        random.random()
    }

    /// The score of the target of a calibration sample.
    pub(super) fn of_target(&self, predictions: &Predictions, sample: usize) -> f64 {
        let row = predictions.row(sample).unwrap_or_default();
        let scores = self.score.scores(row, self.calibration_u(sample));
        scores[predictions.targets[sample]]
    }
}
