use crate::curves::{Ranking, descending};
use crate::predictions::argmax;
use crate::{Error, Predictions, Result};

/// Coverage against risk: how often the classifier errs if it answers only when it is at least so sure.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverageRisk {
    /// From the surest answers to all of them; samples of equal confidence come together.
    pub points: Vec<CoveragePoint>,
}

/// Answering only with at least this confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoveragePoint {
    /// The least probability of the class said that is still answered.
    pub threshold: f64,
    /// Share of the samples that are answered; the rest goes to a person.
    pub coverage: f64,
    /// Share of the answers that are wrong.
    pub risk: f64,
}

impl CoverageRisk {
    /// Area under the curve of risk against coverage: the mean risk over the coverages of all samples
    /// (Geifman and El-Yaniv 2017). Smaller is better; steps between the points, ties together.
    pub fn area(&self) -> f64 {
        let (mut area, mut before) = (0.0, 0.0);
        for point in &self.points {
            area += (point.coverage - before) * point.risk;
            before = point.coverage;
        }
        area
    }

    /// The largest coverage whose answers are right with at least this share; `None` where there is none.
    ///
    /// "Send 8 % to a person and the rest is 99.5 % right." Choose on validation data.
    pub fn for_accuracy(&self, wanted: f64) -> Option<CoveragePoint> {
        self.points
            .iter()
            .rev()
            // 93 right of 100 are 0.93, though 1 - 0.07 is a little less.
            .find(|point| 1.0 - point.risk >= wanted - 1e-12)
            .copied()
    }

    /// The least coverage of at least this share; `None` for more than 1.
    pub fn for_coverage(&self, wanted: f64) -> Option<CoveragePoint> {
        self.points
            .iter()
            .find(|point| point.coverage >= wanted)
            .copied()
    }
}

impl Predictions {
    /// Coverage against risk, by the probability of the class said.
    ///
    /// # Errors
    /// Where there are no probabilities, or no sample of a resample has weight.
    pub fn coverage_risk(&self) -> Result<CoverageRisk> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref().ok_or(Error::NoProbabilities {
            what: "coverage against risk",
        })?;
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
            .map(|(&threshold, (&right, &wrong))| CoveragePoint {
                threshold,
                coverage: (right + wrong) / total,
                risk: wrong / (right + wrong),
            })
            .collect();
        Ok(CoverageRisk { points })
    }
}
