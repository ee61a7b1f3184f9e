use std::fmt;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::checks::{check_flat, check_probabilities};
use crate::error::{Error, Place, Result};
use crate::numeric::argmax;
use crate::predictions::Predictions;
use crate::shift::bbse;
use crate::shift::mlls::{MOST_STEPS, maximize, reweigh};
use crate::shift::options::{LabelShiftMethod, LabelShiftOptions};
use crate::uncertainty::{Bootstrap, Interval, percentile_interval};
use crate::visible::visible;

/// How the frequencies of the classes changed; [`label_shift`] makes it.
///
/// `Display` prints one line for each class, and the expected accuracy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelShift {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Share of each class among the source samples.
    pub source: Vec<f64>,
    /// Estimated share of each class among the new samples.
    pub target: Vec<f64>,
    /// Intervals of `target`; empty if none were asked for.
    pub target_intervals: Vec<Interval>,
    /// The accuracy of the classifier on the new samples, if only the frequencies of the classes changed: the recalls of the
    /// source, weighted by `target`.
    pub expected_accuracy: f64,
    /// Interval of `expected_accuracy`; `None` if none was asked for.
    pub accuracy_interval: Option<Interval>,
    /// Condition number (1-norm) of the matrix, if it was estimated from the confusion matrix: from 1, where the classifier is
    /// never wrong.
    pub condition: Option<f64>,
    /// Number of steps, if the likelihood was maximized.
    pub steps: Option<usize>,
    /// Number of replicates without an estimate, which are not in the intervals.
    pub undefined: usize,
}

/// Estimates how frequent each class is among new samples. `source` are labeled samples that the classifier was not trained
/// on; `target` are its probabilities `[n, k]` for the new samples, row after row.
///
/// It is assumed that samples of a class look the same in both (label shift). [`mmd_test`](crate::shift::mmd_test) of the
/// embeddings of a class can show that they do not.
///
/// # Errors
/// If there are no new samples, a row is not one of probabilities, a class has no source samples (or none with a weight), a
/// setting is out of its range, the confusion matrix is singular or so ill-conditioned (from 100) that the result would be
/// chance, or the steps of the likelihood do not end.
///
/// ```
/// # use metrics::Predictions;
/// # use metrics::shift::{LabelShiftMethod, LabelShiftOptions, label_shift};
/// # fn main() -> Result<(), metrics::Error> {
/// let source = Predictions::new(
///     vec![0, 0, 1, 1],
///     vec![vec![0.9, 0.1], vec![0.8, 0.2], vec![0.3, 0.7], vec![0.1, 0.9]],
/// )?;
/// let new = [0.9, 0.1, 0.7, 0.3, 0.8, 0.2, 0.2, 0.8]; // three of four are class 0
/// let options = LabelShiftOptions::new().with_method(LabelShiftMethod::ConfusionMatrix);
/// let shift = label_shift(&source, &new, &options)?;
/// assert_eq!(shift.target, [0.75, 0.25]);
/// # Ok(())
/// # }
/// ```
pub fn label_shift(
    source: &Predictions,
    target: &[f64],
    options: &LabelShiftOptions,
) -> Result<LabelShift> {
    options.check()?;
    let k = source.classes().len();
    if target.is_empty() {
        return Err(Error::Empty);
    }
    check_flat(target.len() / k, target.len(), k)?;
    for (row, values) in target.chunks_exact(k).enumerate() {
        check_probabilities(Place::Row(row), values)?;
    }
    let problem = Problem {
        source,
        target,
        predicted: target.chunks_exact(k).map(argmax).collect(),
        method: options.method,
    };
    let n = target.len() / k;
    let of_source: Vec<f64> = (0..source.len()).map(|i| source.weight(i)).collect();
    let found = problem.solve(&of_source, &vec![1.0; n])?;
    if found
        .condition
        .is_some_and(|condition| condition > bbse::MOST)
    {
        return Err(ill_conditioned(found.condition));
    }
    let mut shift = LabelShift {
        classes: source.classes().to_vec(),
        source: found.source,
        target: found.target,
        target_intervals: Vec::new(),
        expected_accuracy: found.accuracy,
        accuracy_interval: None,
        condition: found.condition,
        steps: found.steps,
        undefined: 0,
    };
    if let Some(bootstrap) = &options.bootstrap {
        problem.add_intervals(&mut shift, bootstrap, &of_source);
    }
    Ok(shift)
}

fn ill_conditioned(condition: Option<f64>) -> Error {
    let value = condition.map_or_else(
        || "infinite (the matrix is singular)".to_string(),
        |condition| format!("{condition:.0}"),
    );
    let expected = "at most 100: the classifier confuses some classes so much that their frequencies cannot be told from its \
                    predictions; merge these classes, or maximize the likelihood";
    Error::setting("condition number of the confusion matrix", value, expected)
}

struct Problem<'a> {
    source: &'a Predictions,
    target: &'a [f64],
    /// The most probable class of each new sample.
    predicted: Vec<usize>,
    method: LabelShiftMethod,
}

struct Found {
    source: Vec<f64>,
    target: Vec<f64>,
    accuracy: f64,
    condition: Option<f64>,
    steps: Option<usize>,
}

impl Problem<'_> {
    /// The estimate, where each sample counts with its weight.
    fn solve(&self, of_source: &[f64], of_target: &[f64]) -> Result<Found> {
        let k = self.source.classes().len();
        let mut rates = vec![0.0; k * k];
        let mut support = vec![0.0; k];
        let pairs = self.source.targets().iter().zip(self.source.predicted());
        for ((&target, &predicted), weight) in pairs.zip(of_source) {
            rates[predicted * k + target] += weight;
            support[target] += weight;
        }
        if let Some(class) = support.iter().position(|&weight| weight <= 0.0) {
            return Err(Error::TooFew {
                what: format!(
                    "source samples of the class `{}`",
                    self.source.classes()[class]
                ),
                found: 0,
                needed: 1,
                aim: "an estimate of label shift".to_string(),
            });
        }
        for row in rates.chunks_exact_mut(k) {
            row.iter_mut()
                .zip(&support)
                .for_each(|(cell, all)| *cell /= all);
        }
        let all: f64 = support.iter().sum();
        let source: Vec<f64> = support.iter().map(|weight| weight / all).collect();
        let (target, condition, steps) = match self.method {
            LabelShiftMethod::ConfusionMatrix => {
                let mut shares = vec![0.0; k];
                for (&class, weight) in self.predicted.iter().zip(of_target) {
                    shares[class] += weight;
                }
                let n: f64 = of_target.iter().sum();
                shares.iter_mut().for_each(|share| *share /= n);
                let solution = bbse::solve(&rates, &shares).ok_or_else(|| ill_conditioned(None))?;
                (solution.priors, Some(solution.condition), None)
            }
            LabelShiftMethod::Likelihood { tolerance } => {
                let (priors, steps) = maximize(self.target, of_target, &source, tolerance)
                    .ok_or_else(|| {
                        let expected = format!("one that is reached in {MOST_STEPS} steps");
                        Error::setting("tolerance", tolerance, expected)
                    })?;
                (priors, None, Some(steps))
            }
        };
        let recalls = (0..k).map(|class| rates[class * k + class]);
        Ok(Found {
            accuracy: recalls
                .zip(&target)
                .map(|(recall, share)| recall * share)
                .sum(),
            source,
            target,
            condition,
            steps,
        })
    }

    fn add_intervals(&self, shift: &mut LabelShift, bootstrap: &Bootstrap, of_source: &[f64]) {
        let strata = self.source.strata();
        let n = self.predicted.len();
        let drawn = bootstrap.replicate_all(|random| {
            let mut weights = vec![0.0; of_source.len()];
            for stratum in &strata {
                for _ in 0..stratum.len() {
                    let sample = stratum[random.random_range(0..stratum.len())];
                    weights[sample] += of_source[sample];
                }
            }
            let mut counts = vec![0.0; n];
            for _ in 0..n {
                counts[random.random_range(0..n)] += 1.0;
            }
            let found = self.solve(&weights, &counts).ok()?;
            Some((found.target, found.accuracy))
        });
        let defined: Vec<&(Vec<f64>, f64)> = drawn.iter().flatten().collect();
        shift.undefined = drawn.len() - defined.len();
        let column = |class: usize| -> Option<Interval> {
            let values: Vec<f64> = defined.iter().map(|(target, _)| target[class]).collect();
            percentile_interval(&values, bootstrap.level())
        };
        shift.target_intervals = (0..shift.classes.len()).filter_map(column).collect();
        let accuracies: Vec<f64> = defined.iter().map(|(_, accuracy)| *accuracy).collect();
        shift.accuracy_interval = percentile_interval(&accuracies, bootstrap.level());
    }
}

impl LabelShift {
    /// How many times as frequent each class became: the weights with which source samples stand for new ones.
    pub fn weights(&self) -> Vec<f64> {
        let both = self.target.iter().zip(&self.source);
        both.map(|(target, source)| target / source).collect()
    }

    /// Probabilities `[n, k]` of new samples for the new frequencies of the classes. They must be calibrated on the source.
    ///
    /// # Errors
    /// If the length is not a multiple of the number of classes, or a row is not one of probabilities.
    pub fn corrected(&self, probabilities: &[f64]) -> Result<Vec<f64>> {
        let k = self.classes.len();
        check_flat(probabilities.len() / k, probabilities.len(), k)?;
        let weights = self.weights();
        let mut corrected = vec![0.0; probabilities.len()];
        let rows = probabilities
            .chunks_exact(k)
            .zip(corrected.chunks_exact_mut(k));
        for (row, (values, out)) in rows.enumerate() {
            check_probabilities(Place::Row(row), values)?;
            reweigh(values, &weights, out);
        }
        Ok(corrected)
    }
}

/// One line for each class, and the expected accuracy.
impl fmt::Display for LabelShift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (class, name) in self.classes.iter().enumerate() {
            let (source, target) = (self.source[class], self.target[class]);
            write!(f, "{}  {source:.4} -> {target:.4}", visible(name))?;
            match self.target_intervals.get(class) {
                Some(interval) => writeln!(f, " {interval}")?,
                None => writeln!(f)?,
            }
        }
        write!(f, "expected accuracy  {:.4}", self.expected_accuracy)?;
        match self.accuracy_interval {
            Some(interval) => writeln!(f, " {interval}"),
            None => writeln!(f),
        }
    }
}
