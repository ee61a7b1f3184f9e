use rayon::prelude::*;

use crate::confusion::{Average, ConfusionMatrix};
use crate::curves::{Ranking, average_of, one_vs_one_areas};
use crate::error::Result;
use crate::predictions::Predictions;
use crate::probability::{Binning, CalibrationError};
use crate::thresholds::RiskCoverageCurve;

/// Bins of the calibration errors whose names end in `_15`.
const BINS: Binning = Binning::Uniform(15);

/// What the scores are computed from, each part computed once.
pub(crate) struct Measured<'a> {
    pub predictions: &'a Predictions,
    pub confusion: ConfusionMatrix,
    pub rankings: Vec<Ranking>,
    pub pairs: Vec<Vec<Option<f64>>>,
    pub micro: Option<Ranking>,
    pub calibration: Option<CalibrationError>,
    pub risk_coverage: Option<RiskCoverageCurve>,
}

impl<'a> Measured<'a> {
    /// All parts.
    pub fn new(predictions: &'a Predictions, zero_division: Option<f64>) -> Result<Self> {
        let soft = predictions.probabilities.is_some();
        let ((rankings, pairs), micro) =
            rayon::join(|| ranked(predictions), || predictions.micro_ranking());
        let (calibration, risk_coverage) = rayon::join(
            || {
                soft.then(|| predictions.calibration_error(BINS))
                    .transpose()
            },
            || soft.then(|| predictions.risk_coverage()).transpose(),
        );
        let (calibration, risk_coverage) = (calibration?, risk_coverage?);
        Ok(Self {
            predictions,
            confusion: confusion(predictions, zero_division),
            rankings,
            pairs,
            micro,
            calibration,
            risk_coverage,
        })
    }

    /// Only the parts that the resampled scores need.
    pub fn lean(predictions: &'a Predictions, zero_division: Option<f64>) -> Result<Self> {
        let soft = predictions.probabilities.is_some();
        let (rankings, pairs) = ranked(predictions);
        let risk_coverage = soft.then(|| predictions.risk_coverage()).transpose()?;
        Ok(Self {
            predictions,
            confusion: confusion(predictions, zero_division),
            rankings,
            pairs,
            micro: None,
            calibration: None,
            risk_coverage,
        })
    }

    /// A metric of the rankings of all classes, averaged.
    pub fn of_rankings(
        &self,
        average: Average,
        metric: fn(&Ranking) -> Option<f64>,
    ) -> Option<f64> {
        average_of(average, &self.rankings, metric)
    }
}

fn confusion(predictions: &Predictions, zero_division: Option<f64>) -> ConfusionMatrix {
    let confusion = predictions.confusion();
    match zero_division {
        Some(value) => confusion.with_zero_division(value),
        None => confusion,
    }
}

/// The rankings of all classes and, without weights, the areas of all pairs of classes, with one sort for each class.
fn ranked(predictions: &Predictions) -> (Vec<Ranking>, Vec<Vec<Option<f64>>>) {
    let pairs = predictions.weights.is_none();
    let classes = if predictions.probabilities.is_some() {
        0..predictions.classes.len()
    } else {
        0..0
    };
    classes
        .into_par_iter()
        .map(|class| {
            let order = predictions.order(class).unwrap_or_default();
            let areas = if pairs {
                one_vs_one_areas(predictions, &order, class)
            } else {
                Vec::new()
            };
            (predictions.ranking_of(&order, class), areas)
        })
        .unzip()
}
