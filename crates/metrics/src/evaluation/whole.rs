use rayon::prelude::*;

use crate::confusion::{Average, ConfusionMatrix, KappaWeights};
use crate::curves::{Present, Ranking, one_vs_one};
use crate::error::Result;
use crate::evaluation::measured::{Measured, NotResampled};
use crate::predictions::Predictions;
use crate::probability::{Binning, CalibrationError};
use crate::thresholds::RiskCoverageCurve;

/// Bins of the calibration errors whose names end in `_15`.
const BINS: Binning = Binning::Uniform(15);

/// What is computed once, from all samples.
pub(crate) struct Whole {
    pub measured: Measured,
    pub confusion: ConfusionMatrix,
    pub rankings: Vec<Ranking>,
    pub calibration: Option<CalibrationError>,
    pub risk_coverage: Option<RiskCoverageCurve>,
}

impl Whole {
    pub fn new(predictions: &Predictions, zero_division: Option<f64>) -> Result<Self> {
        let soft = predictions.probabilities.is_some();
        let ((rankings, one_vs_one), micro) =
            rayon::join(|| ranked(predictions), || predictions.micro_areas());
        let (calibration, risk_coverage) = rayon::join(
            || {
                soft.then(|| predictions.calibration_error(BINS))
                    .transpose()
            },
            || soft.then(|| predictions.risk_coverage()).transpose(),
        );
        let (calibration, risk_coverage) = (calibration?, risk_coverage?);
        let mut confusion = predictions.confusion();
        if let Some(value) = zero_division {
            confusion = confusion.with_zero_division(value);
        }
        let errors = calibration.as_ref();
        let measured = Measured {
            counts: confusion.margins(),
            cohen_kappa: confusion.cohen_kappa(KappaWeights::Unweighted),
            classes: rankings.iter().map(Ranking::areas).collect(),
            one_vs_one,
            log_loss: predictions.log_loss(),
            brier: predictions.brier_score(),
            aurc: risk_coverage.as_ref().map(RiskCoverageCurve::area),
            whole: Some(NotResampled {
                top_2: predictions.top_k_accuracy(2),
                top_5: predictions.top_k_accuracy(5),
                micro,
                calibration: errors.map(|e| [e.expected, e.maximum, e.class_wise]),
            }),
        };
        Ok(Self {
            measured,
            confusion,
            rankings,
            calibration,
            risk_coverage,
        })
    }
}

/// The rankings of all classes and, without weights, the mean area of all pairs of classes, with one sort for each class.
fn ranked(predictions: &Predictions) -> (Vec<Ranking>, Option<f64>) {
    if predictions.probabilities.is_none() {
        return (Vec::new(), None);
    }
    let classes = predictions.classes.len();
    let present = Present::new(&predictions.targets, classes);
    let (rankings, pairs): (Vec<Ranking>, Vec<Vec<f64>>) = (0..classes)
        .into_par_iter()
        .map(|class| {
            let order = predictions.order(class).unwrap_or_default();
            let place = present.classes.binary_search(&class).ok();
            let place = place.filter(|_| predictions.weights.is_none());
            let pairs = place.map(|place| present.pairs_of(place, &order));
            (
                predictions.ranking_of(&order, class),
                pairs.unwrap_or_default(),
            )
        })
        .unzip();
    let weighted = predictions.weights.is_some();
    let pairs = (!weighted)
        .then(|| one_vs_one(&pairs.concat(), &present.counts(), Average::Macro))
        .flatten();
    (rankings, pairs)
}
