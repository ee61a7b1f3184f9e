use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::scores::{Measured, SCORES, ScoreKind};
use crate::{
    AreaDifference, Bootstrap, Comparison, Estimate, Predictions, Result, delong_difference,
};

/// Two classifiers on the same samples, number by number.
///
/// Printed as a table; as JSON, an object with `both_right`, `both_wrong`, `fixed`, `broken`, `mcnemar`,
/// `delong` and `scores`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Who is right where.
    pub comparison: Comparison,
    /// The numbers of both, in a fixed order; only those that both have.
    pub scores: Vec<ScoreDifference>,
    /// The difference of the areas under the two ROC curves of the second class by DeLong's test; `None` with
    /// other than two classes, without probabilities, or with weights.
    pub area: Option<AreaDifference>,
}

/// One number of two classifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreDifference {
    /// As scikit-learn calls it, such as `f1_macro`.
    pub name: &'static str,
    /// As a person would, such as `F1, mean over classes`.
    pub title: &'static str,
    /// The number of the first classifier.
    pub first: f64,
    /// The number of the second.
    pub second: f64,
    /// Second less first, with the interval of the paired bootstrap.
    pub difference: Estimate,
    /// Share of the replicates in which the second's number is larger, equal ones counting half.
    pub share_larger: f64,
}

impl Predictions {
    /// Compares with a `second` classifier's predictions of the same samples: McNemar's test, DeLong's test, and
    /// the paired bootstrap of every number that has an interval.
    ///
    /// ```
    /// # use metrics::{Bootstrap, Predictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// let first = Predictions::from_classes(vec![0, 0, 1, 1], vec![0, 1, 1, 1], 2)?;
    /// let second = Predictions::from_classes(vec![0, 0, 1, 1], vec![0, 0, 1, 1], 2)?;
    /// let compared = first.compare(&second, &Bootstrap::new())?;
    /// assert_eq!(compared.comparison.fixed, [1]);
    /// assert_eq!(compared.scores[0].difference.value, 0.25); // of the accuracy
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where classes, targets, file names or weights differ, or the options of the bootstrap are out of range.
    pub fn compare(&self, second: &Self, bootstrap: &Bootstrap) -> Result<Compared> {
        let comparison = Comparison::new(self, second)?;
        let kinds: Vec<&ScoreKind> = SCORES.iter().filter(|kind| kind.resampled).collect();
        let numbers = |p: &Predictions| {
            let measured = Measured::lean(p, p.confusion());
            let value = |kind: &&ScoreKind| (kind.compute)(measured.as_ref().ok()?);
            kinds.iter().map(value).collect::<Vec<_>>()
        };
        let (of_first, of_second) = (numbers(self), numbers(second));
        let resampled = bootstrap.run_paired_many(self, second, kinds.len(), numbers)?;
        let scores = kinds
            .iter()
            .zip(of_first.into_iter().zip(of_second).zip(resampled))
            .filter_map(|(kind, ((first, second), resampled))| {
                let resampled = resampled?;
                Some(ScoreDifference {
                    name: kind.name,
                    title: kind.title,
                    first: first?,
                    second: second?,
                    difference: resampled.estimate,
                    share_larger: resampled.share_above_zero(),
                })
            })
            .collect();
        let plain = self.weights.is_none() && second.weights.is_none();
        let area = if self.classes.len() == 2 && plain {
            let positive: Vec<bool> = self.targets.iter().map(|&target| target == 1).collect();
            let areas = self.column(1).zip(second.column(1));
            areas.and_then(|(a, b)| delong_difference(&positive, &a, &b, bootstrap.level()))
        } else {
            None
        };
        Ok(Compared {
            comparison,
            scores,
            area,
        })
    }
}

/// A probability as text; below 0.0001 not as zero.
pub(crate) fn p_value(p: f64) -> String {
    if p < 1e-4 {
        format!("{p:.1e}")
    } else {
        format!("{p:.4}")
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison {
            both_right,
            both_wrong,
            fixed,
            broken,
            mcnemar,
        } = &self.comparison;
        writeln!(
            f,
            "Both right {both_right}, both wrong {}, only the first right {}, only the second right {}.",
            both_wrong.len(),
            broken.len(),
            fixed.len()
        )?;
        match mcnemar {
            Some(test) => writeln!(
                f,
                "McNemar's test ({}): p = {}",
                if test.exact { "exact" } else { "chi-squared" },
                p_value(test.p_value)
            )?,
            None => writeln!(f, "McNemar's test: they are right on the same samples")?,
        }
        if let Some(area) = &self.area {
            let p = area.p_value.map_or_else(|| "-".to_string(), p_value);
            writeln!(
                f,
                "DeLong's test of the areas under ROC: {:+.4} [{:+.4}, {:+.4}], p = {p}",
                area.difference.value, area.difference.low, area.difference.high
            )?;
        }
        let titles = self.scores.iter().map(|score| score.title.len());
        let width = titles.max().unwrap_or_default();
        writeln!(f, "\n{:width$}   first  second  second less first", "")?;
        for score in &self.scores {
            let Estimate { value, low, high } = score.difference;
            let (title, first, second) = (score.title, score.first, score.second);
            writeln!(
                f,
                "{title:width$}  {first:.4}  {second:.4}  {value:+.4}  [{low:+.4}, {high:+.4}]"
            )?;
        }
        Ok(())
    }
}

impl Serialize for Compared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::{Map, Value, json};
        let Comparison {
            both_right,
            both_wrong,
            fixed,
            broken,
            mcnemar,
        } = &self.comparison;
        let scores: Map<String, Value> = self
            .scores
            .iter()
            .map(|score| {
                let numbers = json!({
                    "first": score.first,
                    "second": score.second,
                    "difference": score.difference.value,
                    "interval": [score.difference.low, score.difference.high],
                    "share_larger": score.share_larger,
                });
                (score.name.to_string(), numbers)
            })
            .collect();
        json!({
            "both_right": both_right,
            "both_wrong": both_wrong,
            "fixed": fixed,
            "broken": broken,
            "mcnemar": mcnemar.map(|test| json!({
                "statistic": test.statistic,
                "p_value": test.p_value,
                "exact": test.exact,
            })),
            "delong": self.area.map(|area| json!({
                "difference": area.difference.value,
                "interval": [area.difference.low, area.difference.high],
                "z": area.z,
                "p_value": area.p_value,
            })),
            "scores": scores,
        })
        .serialize(serializer)
    }
}
