use serde::{Deserialize, Serialize};

use crate::curves::{Ranking, descending};
use crate::error::{Error, Result};
use crate::numeric::argmax;
use crate::predictions::Predictions;

/// Risk-coverage curve of selective prediction: how often the classifier is wrong if it answers only when its
/// confidence reaches a threshold.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RiskCoverageCurve {
    /// The points in the order of ascending coverage, from the most confident predictions to all of them. Samples of
    /// equal confidence share one point.
    pub points: Vec<RiskCoveragePoint>,
}

/// Coverage and risk if only samples with at least this confidence are answered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct RiskCoveragePoint {
    /// The lowest confidence (probability of the predicted class) that is answered.
    pub threshold: f64,
    /// Share of the samples that are answered. A person decides the others.
    pub coverage: f64,
    /// Share of the answers that are wrong.
    pub risk: f64,
}

impl RiskCoverageCurve {
    /// Area under the curve (AURC): the mean risk over the coverages of all samples (Geifman and El-Yaniv 2017).
    /// Smaller is better. The curve is a step function between the points.
    #[doc(alias = "AURC")]
    pub fn area(&self) -> f64 {
        let (mut area, mut before) = (0.0, 0.0);
        for point in &self.points {
            area += (point.coverage - before) * point.risk;
            before = point.coverage;
        }
        area
    }

    /// The point with the largest coverage at which at least this share of the answers is right; `None` if there is
    /// none.
    ///
    /// It answers questions such as "how many samples must a person check, so that 99.5 % of the others are right?".
    /// Choose on validation data.
    pub fn for_accuracy(&self, wanted: f64) -> Option<RiskCoveragePoint> {
        self.points
            .iter()
            .rev()
            // 93 right answers of 100 are 0.93, though 1 - 0.07 is a little less in f64.
            .find(|point| 1.0 - point.risk >= wanted - 1e-12)
            .copied()
    }

    /// The point with the smallest coverage that is at least this share; `None` for a share above 1.
    pub fn for_coverage(&self, wanted: f64) -> Option<RiskCoveragePoint> {
        self.points
            .iter()
            .find(|point| point.coverage >= wanted)
            .copied()
    }
}

/// Area under the risk-coverage curve of samples in descending order of confidence: for each confidence, the weight of
/// the samples at or above it that are right and of those that are wrong.
pub(crate) fn area_under_risk(steps: impl Iterator<Item = (f64, f64)>, total: f64) -> f64 {
    let (mut area, mut before) = (0.0, 0.0);
    for (right, wrong) in steps.filter(|(right, wrong)| right + wrong > 0.0) {
        let coverage = (right + wrong) / total;
        area += (coverage - before) * (wrong / (right + wrong));
        before = coverage;
    }
    area
}

impl Predictions {
    /// Risk-coverage curve by confidence, which is the probability of the predicted class.
    ///
    /// # Errors
    /// If there are no probabilities, or all weights are 0 (in a bootstrap replicate).
    pub fn risk_coverage(&self) -> Result<RiskCoverageCurve> {
        let k = self.classes.len();
        let probabilities = self.probabilities_for("risk against coverage")?;
        let order = descending(probabilities.chunks_exact(k).map(|row| row[argmax(row)]));
        let ranking = Ranking::of(
            &order,
            |i| self.predicted[i] == self.targets[i],
            |i| self.weight(i),
        );
        let total = ranking.positives() + ranking.negatives();
        if total == 0.0 {
            return Err(Error::NoWeight);
        }
        let points = ranking
            .thresholds
            .iter()
            .zip(ranking.true_positives.iter().zip(&ranking.false_positives))
            .map(|(&threshold, (&right, &wrong))| RiskCoveragePoint {
                threshold,
                coverage: (right + wrong) / total,
                risk: wrong / (right + wrong),
            })
            .collect();
        Ok(RiskCoverageCurve { points })
    }
}
