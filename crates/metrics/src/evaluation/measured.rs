use crate::confusion::{Average, Margins};
use crate::curves::{Areas, average_of};

/// The numbers from which the scores are computed.
pub(crate) struct Measured {
    pub counts: Margins,
    pub cohen_kappa: Option<f64>,
    /// The areas of each class against all others; empty without probabilities.
    pub classes: Vec<Areas>,
    pub one_vs_one: Option<f64>,
    pub log_loss: Option<f64>,
    pub brier: Option<f64>,
    pub aurc: Option<f64>,
    /// What is not resampled; `None` for a resample.
    pub whole: Option<NotResampled>,
}

/// The numbers of the scores that have no interval.
pub(crate) struct NotResampled {
    pub top_2: Option<f64>,
    pub top_5: Option<f64>,
    /// The areas of all classes in one ranking.
    pub micro: Option<Areas>,
    /// Expected, maximum and class-wise calibration error.
    pub calibration: Option<[f64; 3]>,
}

impl Measured {
    /// A metric of the rankings of all classes, averaged.
    pub fn of_classes(&self, average: Average, metric: fn(&Areas) -> Option<f64>) -> Option<f64> {
        average_of(average, &self.classes, metric)
    }
}
