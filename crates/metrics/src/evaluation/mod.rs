//! Every number at once, by the names scikit-learn gives them.

mod compared;
mod scores;

use std::fmt;

use rayon::prelude::*;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::curves::{Ranking, one_vs_one_areas};
use crate::{
    Binning, Bootstrap, Calibration, ClassMetric, ConfusionMatrix, CoverageRisk, Estimate,
    Predictions, Result, delong, wilson,
};
#[cfg(feature = "report")]
pub(crate) use compared::p_value;
pub use compared::{Compared, ScoreDifference};
use scores::{Measured, SCORES};

/// What [`Predictions::evaluate`] does beyond plain numbers; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EvaluationOptions {
    bootstrap: Option<Bootstrap>,
    zero_division: Option<f64>,
}

impl EvaluationOptions {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds intervals: Wilson's for the accuracy, DeLong's for the area of two classes, and these
    /// bootstraps for the rest; default none.
    pub fn with_intervals(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = Some(bootstrap);
        self
    }

    /// What a precision or recall of 0/0 counts as, and what is made of the two (F, Jaccard, specificity):
    /// scikit-learn's `zero_division`; default, and for NaN, undefined. Other numbers stay undefined where they are.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }
}

/// Every number of a set of predictions; as JSON, an object with the names of scikit-learn.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of samples.
    pub samples: usize,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// How often each class was taken for which.
    pub confusion: ConfusionMatrix,
    /// The numbers of the whole, in a fixed order.
    pub scores: Vec<Score>,
    /// The numbers of each class.
    pub per_class: Vec<ClassScores>,
    /// Calibration in 15 uniform bins; `None` without probabilities.
    pub calibration: Option<Calibration>,
    /// Coverage against risk; `None` without probabilities.
    pub coverage_risk: Option<CoverageRisk>,
    /// Each class against the rest, ranked by its probability; empty without probabilities.
    pub rankings: Vec<Ranking>,
}

/// One number of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// As scikit-learn calls it, such as `f1_macro`.
    pub name: &'static str,
    /// As a person would, such as `F1, mean over classes`.
    pub title: &'static str,
    /// The number.
    pub value: Option<f64>,
    /// Why there is none; empty where there is one.
    pub reason: String,
    /// The interval; `None` where not asked for, or where it has none.
    pub interval: Option<Estimate>,
}

/// The numbers of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassScores {
    /// Name of the class.
    pub name: String,
    /// Weight of its samples.
    pub support: f64,
    /// Of those called the class, how many are.
    pub precision: Option<f64>,
    /// Of those of the class, how many were found.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
    /// Intersection over union.
    pub jaccard: Option<f64>,
    /// Of those not of the class, how many were not called it.
    pub specificity: Option<f64>,
    /// Area under its ROC curve against the rest.
    pub roc_auc: Option<f64>,
    /// Its average precision against the rest.
    pub average_precision: Option<f64>,
}

impl Evaluation {
    /// A number by its name; `None` where it is undefined or there is no such name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.score(name)?.value
    }

    /// A number with its title, reason and interval.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.name == name)
    }
}

impl Predictions {
    /// Every number at once; each class is sorted only once for all curves and areas.
    ///
    /// ```
    /// # use metrics::{EvaluationOptions, Predictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let predictions = Predictions::new(vec![0, 1], vec![vec![0.9, 0.1], vec![0.2, 0.8]])?;
    /// let evaluation = predictions.evaluate(&EvaluationOptions::new())?;
    /// assert_eq!(evaluation.get("f1_macro"), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where the options of the bootstrap are out of range.
    pub fn evaluate(&self, options: &EvaluationOptions) -> Result<Evaluation> {
        let measured = Measured::new(self, options.zero_division)?;
        let mut scores: Vec<Score> = SCORES
            .iter()
            .map(|kind| {
                let value = (kind.compute)(&measured);
                let reason = if value.is_some() {
                    String::new()
                } else {
                    measured.reason(kind)
                };
                Score {
                    name: kind.name,
                    title: kind.title,
                    value,
                    reason,
                    interval: None,
                }
            })
            .collect();
        if let Some(bootstrap) = &options.bootstrap {
            self.add_intervals(&mut scores, bootstrap, options.zero_division)?;
        }
        let of_rankings = |number: fn(&Ranking) -> Option<f64>| -> Vec<Option<f64>> {
            let mut numbers: Vec<_> = measured.rankings.iter().map(number).collect();
            numbers.resize(self.classes.len(), None);
            numbers
        };
        let confusion = &measured.confusion;
        let (precision, recall, f1) = (confusion.precision(), confusion.recall(), confusion.f1());
        let jaccard = confusion.per_class(ClassMetric::Jaccard);
        let specificity = confusion.per_class(ClassMetric::Specificity);
        let (roc_auc, average_precision) = (
            of_rankings(Ranking::roc_area),
            of_rankings(Ranking::average_precision),
        );
        let per_class = (0..self.classes.len())
            .map(|class| ClassScores {
                name: self.classes[class].clone(),
                support: confusion.support(class),
                precision: precision[class],
                recall: recall[class],
                f1: f1[class],
                jaccard: jaccard[class],
                specificity: specificity[class],
                roc_auc: roc_auc[class],
                average_precision: average_precision[class],
            })
            .collect();
        Ok(Evaluation {
            samples: self.len(),
            classes: self.classes.clone(),
            scores,
            per_class,
            confusion: measured.confusion,
            calibration: measured.calibration,
            coverage_risk: measured.coverage_risk,
            rankings: measured.rankings,
        })
    }

    fn add_intervals(
        &self,
        scores: &mut [Score],
        bootstrap: &Bootstrap,
        zero_division: Option<f64>,
    ) -> Result<()> {
        let confusion = |p: &Predictions| {
            let confusion = p.confusion();
            match zero_division {
                Some(value) => confusion.with_zero_division(value),
                None => confusion,
            }
        };
        // One pass over the replicates for all numbers.
        let resampled = bootstrap.run_many(self, SCORES.len(), |p| {
            let Ok(measured) = Measured::lean(p, confusion(p)) else {
                return vec![None; SCORES.len()];
            };
            let compute = |kind: &scores::ScoreKind| {
                if kind.resampled {
                    (kind.compute)(&measured)
                } else {
                    None
                }
            };
            SCORES.iter().map(compute).collect()
        })?;
        for (score, resampled) in scores.iter_mut().zip(resampled) {
            score.interval = match score.name {
                "accuracy" if self.weights.is_none() => {
                    let right = self.len() - self.mistakes().count();
                    wilson(right as u64, self.len() as u64, bootstrap.level())
                }
                "roc_auc_ovr_macro" if self.weights.is_none() && self.classes.len() == 2 => {
                    let positive: Vec<bool> =
                        self.targets.iter().map(|&target| target == 1).collect();
                    let second = self.column(1).unwrap_or_default();
                    delong(&positive, &second, bootstrap.level())
                }
                _ => resampled
                    .filter(|_| score.value.is_some())
                    .map(|resampled| resampled.estimate),
            };
        }
        Ok(())
    }

    /// Rankings of all classes and, unless weighted, the areas of all pairs, from one sort a class.
    fn ranked(&self, pairs: bool) -> (Vec<Ranking>, Vec<Vec<Option<f64>>>) {
        let classes = if self.probabilities.is_some() {
            0..self.classes.len()
        } else {
            0..0
        };
        classes
            .into_par_iter()
            .map(|class| {
                let order = self.order(class).unwrap_or_default();
                let areas = if pairs {
                    one_vs_one_areas(self, &order, class)
                } else {
                    Vec::new()
                };
                (self.ranking_of(&order, class), areas)
            })
            .unzip()
    }
}

/// Bins of the calibration errors whose names end in `_15`.
const BINS: Binning = Binning::Uniform(15);

impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::{Map, Value, json};
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &self.samples)?;
        map.serialize_entry("classes", &self.classes)?;
        map.serialize_entry("confusion", &self.confusion)?;
        let (mut intervals, mut undefined) = (Map::new(), Map::new());
        for score in &self.scores {
            map.serialize_entry(score.name, &score.value)?;
            if let Some(interval) = score.interval {
                intervals.insert(score.name.to_string(), json!([interval.low, interval.high]));
            }
            if score.value.is_none() {
                undefined.insert(score.name.to_string(), Value::String(score.reason.clone()));
            }
        }
        map.serialize_entry("intervals", &intervals)?;
        map.serialize_entry("undefined", &undefined)?;
        let per_class: Vec<Value> = self
            .per_class
            .iter()
            .map(|class| {
                json!({
                    "name": class.name,
                    "support": class.support,
                    "precision": class.precision,
                    "recall": class.recall,
                    "f1": class.f1,
                    "jaccard": class.jaccard,
                    "specificity": class.specificity,
                    "roc_auc": class.roc_auc,
                    "average_precision": class.average_precision,
                })
            })
            .collect();
        map.serialize_entry("per_class", &per_class)?;
        map.end()
    }
}

/// One line for each number: its title, the number, its interval.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .scores
            .iter()
            .map(|score| score.title.len())
            .max()
            .unwrap_or_default();
        for score in &self.scores {
            write!(f, "{:width$}  ", score.title)?;
            match (score.value, score.interval) {
                (Some(value), Some(Estimate { low, high, .. })) => {
                    writeln!(f, "{value:.4}  [{low:.4}, {high:.4}]")?;
                }
                (Some(value), None) => writeln!(f, "{value:.4}")?,
                (None, _) => writeln!(f, "-       {}", score.reason)?,
            }
        }
        Ok(())
    }
}
