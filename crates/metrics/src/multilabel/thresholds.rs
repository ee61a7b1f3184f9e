use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::multilabel::predictions::MultilabelPredictions;
use crate::thresholds::OperatingPoint;

/// What the threshold of each label is chosen for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ThresholdGoal {
    /// The highest F-score, where recall counts `beta` times as much as precision; 1 is F1.
    FScore(f64),
    /// The highest recall among the thresholds with at least this precision, above 0 and at most 1.
    Precision(f64),
    /// The highest threshold with at least this recall, above 0 and at most 1.
    Recall(f64),
}

impl ThresholdGoal {
    /// The highest F1.
    pub const F1: Self = Self::FScore(1.0);
}

impl MultilabelPredictions {
    /// Chooses for each label the threshold that serves the goal best on these samples, and says which precision and recall
    /// it has there. `None` for a label without samples, or whose precision does not reach the goal at any threshold.
    ///
    /// Choose on validation data, never on test data: on the samples on which a threshold was chosen, its scores are too good.
    ///
    /// # Errors
    /// If the goal is out of its range.
    ///
    /// ```
    /// # use metrics::multilabel::{MultilabelPredictions, ThresholdGoal};
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let validation = MultilabelPredictions::new(
    /// #     vec![vec![true, false], vec![true, true], vec![false, false]],
    /// #     vec![vec![0.4, 0.2], vec![0.8, 0.4], vec![0.3, 0.1]],
    /// # )?;
    /// # let test = validation.clone();
    /// let chosen = validation.choose_thresholds(ThresholdGoal::F1)?;
    /// let thresholds = chosen.iter().map(|point| point.map_or(0.5, |point| point.threshold));
    /// let test = test.with_thresholds(thresholds.collect())?;
    /// assert_eq!(test.thresholds(), [0.4, 0.4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn choose_thresholds(&self, goal: ThresholdGoal) -> Result<Vec<Option<OperatingPoint>>> {
        match goal {
            ThresholdGoal::FScore(beta) if !(beta.is_finite() && beta >= 0.0) => {
                let expected = "a finite number of at least 0, such as 1 for F1";
                return Err(Error::setting("beta of the F-score", beta, expected));
            }
            ThresholdGoal::Precision(share) | ThresholdGoal::Recall(share)
                if !(share > 0.0 && share <= 1.0) =>
            {
                let expected = "a number above 0 and at most 1";
                return Err(Error::setting(
                    "precision or recall to reach",
                    share,
                    expected,
                ));
            }
            _ => {}
        }
        let labels = (0..self.labels().len()).into_par_iter();
        let choose = |label| {
            let ranking = self.ranking(label)?;
            match goal {
                ThresholdGoal::FScore(beta) => ranking.threshold_for_f_score(beta),
                ThresholdGoal::Precision(share) => ranking.threshold_for_precision(share),
                ThresholdGoal::Recall(share) => ranking.threshold_for_recall(share),
            }
        };
        Ok(labels.map(choose).collect())
    }
}
