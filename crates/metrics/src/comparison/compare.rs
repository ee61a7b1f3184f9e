use std::fmt;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::{Map, Value, json};

use crate::comparison::outcomes::PairedOutcomes;
use crate::error::Result;
use crate::evaluation::{Measured, SCORES, ScoreKind, Sorted, Whole};
use crate::pairing::check_same_weights;
use crate::predictions::Predictions;
use crate::uncertainty::{Bootstrap, DelongTest, Estimate, delong_test};

/// Two classifiers compared on the same samples.
///
/// `Display` prints it as a table. Serialized to JSON, it is an object with the keys `both_right`, `both_wrong`,
/// `fixed`, `broken`, `mcnemar`, `delong` and `scores`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Which classifier is right on which samples, with McNemar's test.
    pub outcomes: PairedOutcomes,
    /// The scores of both classifiers in a fixed order. Scores that are undefined for one of them are left out.
    pub scores: Vec<ScoreDifference>,
    /// DeLong's test of the areas under the two ROC curves of the second class. `None` unless there are exactly two
    /// classes, both classifiers have probabilities, and the samples have no weights.
    pub delong: Option<DelongTest>,
}

/// One score of two classifiers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScoreDifference {
    /// Name in scikit-learn, such as `f1_macro`.
    pub name: &'static str,
    /// Name for people, such as `F1, mean over classes`.
    pub title: &'static str,
    /// Score of the first classifier.
    pub first: f64,
    /// Score of the second classifier.
    pub second: f64,
    /// Second score minus first, with the interval of the paired bootstrap.
    pub difference: Estimate,
    /// Fraction of the bootstrap replicates in which the second score is larger (0 to 1); equal scores count half.
    pub share_larger: f64,
}

impl Predictions {
    /// Compares these predictions with those of a `second` classifier on the same samples: with McNemar's test,
    /// DeLong's test, and the paired bootstrap of every score that has an interval.
    ///
    /// ```
    /// # use metrics::{Bootstrap, Predictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// let first = Predictions::from_classes(vec![0, 0, 1, 1], vec![0, 1, 1, 1], 2)?;
    /// let second = Predictions::from_classes(vec![0, 0, 1, 1], vec![0, 0, 1, 1], 2)?;
    /// let comparison = first.compare(&second, &Bootstrap::new())?;
    /// assert_eq!(comparison.outcomes.fixed, [1]);
    /// assert_eq!(comparison.scores[0].difference.value, 0.25); // the accuracy
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If classes, number of samples, targets, file names or weights differ, or a setting of the bootstrap is out of
    /// range.
    pub fn compare(&self, second: &Self, bootstrap: &Bootstrap) -> Result<Comparison> {
        self.compare_with_progress(second, bootstrap, |_, _| {})
    }

    /// Does the same as [`Predictions::compare`] and reports progress: `on_progress` receives the number of bootstrap
    /// replicates that are done and their total number. It is called a few dozen times.
    ///
    /// # Errors
    /// The errors of [`Predictions::compare`].
    pub fn compare_with_progress(
        &self,
        second: &Self,
        bootstrap: &Bootstrap,
        on_progress: impl FnMut(usize, usize),
    ) -> Result<Comparison> {
        let outcomes = PairedOutcomes::new(self, second)?;
        check_same_weights(self, second)?;
        let kinds: Vec<&ScoreKind> = SCORES.iter().filter(|kind| kind.resampled).collect();
        let scores = |measured: &Measured| -> Vec<Option<f64>> {
            kinds.iter().map(|kind| (kind.compute)(measured)).collect()
        };
        let differences = |first: &[Option<f64>], second: &[Option<f64>]| -> Vec<Option<f64>> {
            let both = first.iter().zip(second);
            both.map(|(first, second)| Some((*second)? - (*first)?))
                .collect()
        };
        let of_first = scores(&Whole::new(self, None)?.measured);
        let of_second = scores(&Whole::new(second, None)?.measured);
        let resampled = bootstrap.run_drawn(
            &self.strata(),
            &differences(&of_first, &of_second),
            |rows| [self, second].map(|p| Sorted::new(p, rows)),
            |both, draws| {
                let [first, second] = both
                    .each_ref()
                    .map(|sorted| scores(&sorted.measured(draws, None)));
                differences(&first, &second)
            },
            on_progress,
        )?;
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
        let unweighted = self.weights.is_none() && second.weights.is_none();
        let delong = if self.classes.len() == 2 && unweighted {
            let columns = self.column(1).zip(second.column(1));
            columns.and_then(|(a, b)| delong_test(&self.positives(1), &a, &b, bootstrap.level()))
        } else {
            None
        };
        Ok(Comparison {
            outcomes,
            scores,
            delong,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PairedOutcomes {
            both_right,
            both_wrong,
            fixed,
            broken,
            mcnemar,
        } = &self.outcomes;
        writeln!(
            f,
            "Both right {both_right}, both wrong {}, only the first right {}, only the second right {}.",
            both_wrong.len(),
            broken.len(),
            fixed.len()
        )?;
        match mcnemar {
            Some(test) => writeln!(f, "{test}")?,
            None => writeln!(f, "McNemar's test: both are right on the same samples")?,
        }
        if let Some(test) = &self.delong {
            writeln!(f, "{test}")?;
        }
        let titles = self.scores.iter().map(|score| score.title.len());
        let width = titles.max().unwrap_or_default();
        writeln!(f, "\n{:width$}   first  second  second minus first", "")?;
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

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PairedOutcomes {
            both_right,
            both_wrong,
            fixed,
            broken,
            mcnemar,
        } = &self.outcomes;
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
            "mcnemar": mcnemar,
            "delong": self.delong.map(|test| json!({
                "difference": test.difference.value,
                "interval": [test.difference.low, test.difference.high],
                "z": test.z,
                "p_value": test.p_value,
            })),
            "scores": scores,
        })
        .serialize(serializer)
    }
}
