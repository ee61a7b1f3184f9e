use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use serde::{Deserialize, Serialize};

use crate::confusion::ConfusionMatrix;
use crate::error::{Error, Result};
use crate::pairing::{check_same_samples, check_same_weights};
use crate::predictions::Predictions;
use crate::uncertainty::bags::{BAGS, Bag};
use crate::uncertainty::estimate::Estimate;
use crate::uncertainty::intervals::{LeaveOneOut, bca_interval, percentile_interval};
use crate::uncertainty::normal::is_level;

/// Stratified bootstrap: draws with replacement, from each target class, as many samples as the class has, computes the
/// metric of these samples, and repeats this.
///
/// Each replicate has its own random stream, so that the results depend on the seed and not on the number of threads.
/// Defaults: 2000 replicates, seed 0, level 0.95, percentile interval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Bootstrap {
    replicates: usize,
    seed: u64,
    level: f64,
    method: IntervalMethod,
}

/// How the interval is computed from the replicates: the `method` parameter of `scipy.stats.bootstrap`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum IntervalMethod {
    /// Quantiles of the replicates.
    #[default]
    Percentile,
    /// Bias-corrected and accelerated (Efron 1987). It is better for metrics with a skewed distribution, but takes
    /// longer: it also computes the metric once for each sample, with that sample left out.
    Bca,
}

/// Result of a bootstrap.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct BootstrapResult {
    /// The metric on the given samples, with its interval.
    pub estimate: Estimate,
    /// Standard deviation of the replicates.
    pub standard_error: f64,
    /// The metric on each replicate, in the order in which they were drawn. Replicates on which it is undefined are
    /// left out.
    pub replicates: Vec<f64>,
    /// Number of replicates where the metric is undefined.
    pub undefined: usize,
}

impl BootstrapResult {
    /// Fraction of the replicates above zero, where those at zero count half. For the difference of two classifiers it
    /// says how certain it is that the second has the larger value.
    pub fn share_above_zero(&self) -> f64 {
        let count =
            |holds: fn(&f64) -> bool| self.replicates.iter().filter(|v| holds(v)).count() as f64;
        (count(|&v| v > 0.0) + 0.5 * count(|&v| v == 0.0)) / self.replicates.len() as f64
    }
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            replicates: 2000,
            seed: 0,
            level: 0.95,
            method: IntervalMethod::default(),
        }
    }
}

impl Bootstrap {
    /// A bootstrap with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of replicates, from 1 to 1,000,000; default 2000.
    pub fn with_replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self
    }

    /// Sets the seed of the random streams; default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the confidence level, between 0 and 1; default 0.95.
    pub fn with_level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets how the interval is computed; default [`IntervalMethod::Percentile`].
    pub fn with_method(mut self, method: IntervalMethod) -> Self {
        self.method = method;
        self
    }

    /// Bootstraps any metric of predictions. The result is `None` if the metric is undefined (`None` or NaN) on the
    /// predictions or on every replicate.
    ///
    /// If samples have weight 0, a replicate may hold no other samples; the metrics of [`Predictions`] are undefined on
    /// it.
    ///
    /// # Errors
    /// If the number of replicates is not from 1 to 1,000,000, or the level is not between 0 and 1.
    ///
    /// ```
    /// # use metrics::{Bootstrap, Predictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let predictions = Predictions::new(vec![0, 1], vec![vec![0.9, 0.1], vec![0.2, 0.8]])?;
    /// let log_loss = Bootstrap::new().with_seed(7).run(&predictions, Predictions::log_loss)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(
        &self,
        predictions: &Predictions,
        metric: impl Fn(&Predictions) -> Option<f64> + Sync,
    ) -> Result<Option<BootstrapResult>> {
        let results = self.run_many(predictions, 1, |resampled| vec![metric(resampled)])?;
        Ok(results.into_iter().next().flatten())
    }

    /// Bootstraps several metrics at once, all on the same replicates. `compute` must return `metrics` values, always
    /// in the same order.
    ///
    /// # Errors
    /// The errors of [`Bootstrap::run`].
    pub fn run_many(
        &self,
        predictions: &Predictions,
        metrics: usize,
        compute: impl Fn(&Predictions) -> Vec<Option<f64>> + Sync,
    ) -> Result<Vec<Option<BootstrapResult>>> {
        self.resample(predictions, metrics, &|rows| {
            compute(&predictions.select(rows))
        })
    }

    /// Bootstraps the difference of a metric between two classifiers (second minus first). Each replicate has the same
    /// samples for both.
    ///
    /// # Errors
    /// The errors of [`Bootstrap::run`], and if the two are not predictions of the same samples with the same weights.
    pub fn run_paired(
        &self,
        first: &Predictions,
        second: &Predictions,
        metric: impl Fn(&Predictions) -> Option<f64> + Sync,
    ) -> Result<Option<BootstrapResult>> {
        let metric = |resampled: &Predictions| vec![metric(resampled)];
        let results = self.run_paired_many(first, second, 1, metric)?;
        Ok(results.into_iter().next().flatten())
    }

    /// Bootstraps the differences of several metrics at once, all on the same replicates; see
    /// [`Bootstrap::run_many`] and [`Bootstrap::run_paired`].
    ///
    /// # Errors
    /// The errors of [`Bootstrap::run_paired`].
    pub fn run_paired_many(
        &self,
        first: &Predictions,
        second: &Predictions,
        metrics: usize,
        compute: impl Fn(&Predictions) -> Vec<Option<f64>> + Sync,
    ) -> Result<Vec<Option<BootstrapResult>>> {
        check_same_samples(first, second)?;
        check_same_weights(first, second)?;
        self.resample(first, metrics, &|rows| {
            let (first, second) = (compute(&first.select(rows)), compute(&second.select(rows)));
            let both = first.into_iter().zip(second);
            both.map(|(first, second)| Some(second? - first?)).collect()
        })
    }

    /// Bootstraps a metric that needs only the confusion matrix. This is much faster than [`Bootstrap::run`].
    ///
    /// In a stratified resample each row of the matrix follows a multinomial distribution, so the rows are drawn
    /// directly, without drawing samples. If the predictions have weights, the samples are drawn one by one.
    ///
    /// # Errors
    /// The errors of [`Bootstrap::run`].
    pub fn run_confusion(
        &self,
        predictions: &Predictions,
        metric: impl Fn(&ConfusionMatrix) -> Option<f64> + Sync,
    ) -> Result<Option<BootstrapResult>> {
        if predictions.weights.is_some() {
            return self.run(predictions, |resampled| metric(&resampled.confusion()));
        }
        self.check()?;
        let whole = predictions.confusion();
        let k = whole.classes();
        let Some(value) = metric(&whole) else {
            return Ok(None);
        };
        let drawn = self.replicate(0..self.replicates, |random| {
            let mut matrix = ConfusionMatrix::zeros(k);
            for (target, row) in whole.rows().enumerate() {
                multinomial(row, random, matrix.row_mut(target));
            }
            metric(&matrix)
        });
        let jackknife = || {
            let mut strata = Vec::with_capacity(k);
            for (target, row) in whole.rows().enumerate() {
                let mut left_out = Vec::new();
                for (predicted, &count) in row.iter().enumerate().filter(|&(_, &count)| count > 0.0)
                {
                    let mut matrix = whole.clone();
                    matrix.row_mut(target)[predicted] -= 1.0;
                    left_out.push(LeaveOneOut {
                        value: metric(&matrix)?,
                        count,
                    });
                }
                strata.push(left_out);
            }
            Some(strata)
        };
        Ok(self.finish(value, drawn, jackknife))
    }

    pub(crate) fn level(&self) -> f64 {
        self.level
    }

    /// Resamples metrics that are computed from how often each sample is drawn, so that no sample is copied and nothing
    /// is sorted again: in time that is linear in the number of samples.
    ///
    /// The replicates are those of [`Bootstrap::run_many`]. Only of more than 100,000 samples, where a class has 20,000
    /// or more, are they drawn from bags that `prepare` gets one after the other, and only for percentile intervals.
    /// The replicates of each bag are then moved by the difference of `values`, which are those of all samples, to the
    /// metrics of the bag.
    ///
    /// `prepare` gets the indices of samples, and `compute` how often each of them is drawn. `on_progress` gets the
    /// number of replicates that are done, and of all.
    pub(crate) fn run_drawn<P: Sync>(
        &self,
        strata: &[Vec<usize>],
        values: &[Option<f64>],
        prepare: impl Fn(&[usize]) -> P,
        compute: impl Fn(&P, &[f64]) -> Vec<Option<f64>> + Sync,
        mut on_progress: impl FnMut(usize, usize),
    ) -> Result<Vec<Option<BootstrapResult>>> {
        self.check()?;
        let bags = match self.method {
            IntervalMethod::Percentile => Bag::deal(strata, self.seed),
            IntervalMethod::Bca => vec![Bag::whole(strata)],
        };
        let mut drawn = Vec::with_capacity(self.replicates);
        let (mut left_out, mut center) = (Vec::new(), Vec::new());
        for (bag, replicates) in self.turns(&bags) {
            let prepared = prepare(&bag.rows);
            if self.method == IntervalMethod::Bca && bag.rows.len() > 1 {
                left_out = jackknife(bag, |counts| compute(&prepared, counts));
            }
            center = compute(&prepared, &bag.expected());
            let draw = |random: &mut ChaCha8Rng| {
                let mut row = compute(&prepared, &bag.draw(random));
                if bags.len() > 1 {
                    for ((value, center), whole) in row.iter_mut().zip(&center).zip(values) {
                        *value = moved(*value, *center, *whole);
                    }
                }
                row
            };
            for part in parts(replicates) {
                drawn.extend(self.replicate(part, draw));
                on_progress(drawn.len(), self.replicates);
            }
        }
        // Computed as the replicates are, to the last bit, because BCa counts the replicates that equal the value.
        let own = if bags.len() > 1 { values } else { &center[..] };
        let mut results = self.results(own, &drawn, &left_out);
        for (result, value) in results.iter_mut().zip(values) {
            *result = result.take().zip(*value).map(|(mut result, value)| {
                result.estimate.value = value;
                result
            });
        }
        Ok(results)
    }

    /// Each bag with the replicates that are drawn from it; bags without replicates are left out.
    fn turns<'a>(&self, bags: &'a [Bag]) -> impl Iterator<Item = (&'a Bag, Range<usize>)> {
        let (count, all) = (bags.len(), self.replicates);
        let turns = bags.iter().enumerate();
        turns
            .map(move |(i, bag)| (bag, i * all / count..(i + 1) * all / count))
            .filter(|(_, replicates)| !replicates.is_empty())
    }

    /// What `draw` returns for each replicate, in their order, whichever thread computes it.
    pub(crate) fn replicate_all<T: Send>(
        &self,
        draw: impl Fn(&mut ChaCha8Rng) -> T + Sync,
    ) -> Vec<T> {
        self.replicate(0..self.replicates, draw)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.replicates == 0 || self.replicates > 1_000_000 {
            let expected = "1 to 1,000,000";
            return Err(Error::setting(
                "number of replicates",
                self.replicates,
                expected,
            ));
        }
        if !is_level(self.level) {
            let expected = "a number between 0 and 1, such as 0.95";
            return Err(Error::setting("level", self.level, expected));
        }
        Ok(())
    }

    /// What `draw` returns for each of these replicates, in their order, whichever thread computes it.
    fn replicate<T: Send>(
        &self,
        replicates: Range<usize>,
        draw: impl Fn(&mut ChaCha8Rng) -> T + Sync,
    ) -> Vec<T> {
        replicates
            .into_par_iter()
            .map(|replicate| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream(replicate as u64);
                draw(&mut random)
            })
            .collect()
    }

    fn resample(
        &self,
        predictions: &Predictions,
        metrics: usize,
        compute: &(impl Fn(&[usize]) -> Vec<Option<f64>> + Sync),
    ) -> Result<Vec<Option<BootstrapResult>>> {
        self.check()?;
        let all: Vec<usize> = (0..predictions.len()).collect();
        let values = compute(&all);
        let strata = predictions.strata();
        let drawn = self.replicate(0..self.replicates, |random| {
            let mut rows = Vec::with_capacity(all.len());
            for stratum in &strata {
                rows.extend(
                    stratum
                        .iter()
                        .map(|_| stratum[random.random_range(0..stratum.len())]),
                );
            }
            compute(&rows)
        });
        // For each stratum, the metrics with each of its samples left out.
        let left_out: Vec<Vec<Vec<Option<f64>>>> = match self.method {
            IntervalMethod::Percentile => Vec::new(),
            IntervalMethod::Bca => strata
                .iter()
                .map(|stratum| {
                    let without = |&i: &usize| compute(&[&all[..i], &all[i + 1..]].concat());
                    if all.len() > 1 {
                        stratum.par_iter().map(without).collect()
                    } else {
                        Vec::new()
                    }
                })
                .collect(),
        };
        let mut results = self.results(&values, &drawn, &left_out);
        results.resize(metrics, None);
        Ok(results)
    }

    /// The result of each metric: its value, its replicates in columns, and for each stratum its values with samples
    /// left out.
    fn results(
        &self,
        values: &[Option<f64>],
        drawn: &[Vec<Option<f64>>],
        left_out: &[Vec<Vec<Option<f64>>>],
    ) -> Vec<Option<BootstrapResult>> {
        let one = |(column, value): (usize, &Option<f64>)| {
            let drawn = drawn.iter();
            let drawn = drawn.map(|row| row.get(column).copied().flatten());
            let jackknife = || {
                let one = |row: &Vec<Option<f64>>| {
                    let value = row.get(column).copied().flatten()?;
                    Some(LeaveOneOut { value, count: 1.0 })
                };
                let strata = left_out.iter();
                strata
                    .map(|stratum| stratum.iter().map(one).collect())
                    .collect()
            };
            self.finish((*value)?, drawn.collect(), jackknife)
        };
        values.iter().enumerate().map(one).collect()
    }

    fn finish(
        &self,
        value: f64,
        drawn: Vec<Option<f64>>,
        jackknife: impl Fn() -> Option<Vec<Vec<LeaveOneOut>>>,
    ) -> Option<BootstrapResult> {
        if value.is_nan() {
            return None;
        }
        let asked = drawn.len();
        let replicates: Vec<f64> = drawn
            .into_iter()
            .flatten()
            .filter(|value| !value.is_nan())
            .collect();
        let interval = match self.method {
            IntervalMethod::Percentile => percentile_interval(&replicates, self.level),
            IntervalMethod::Bca => {
                // If a metric is undefined without some sample, the acceleration is taken as 0.
                let strata = jackknife().unwrap_or_default();
                bca_interval(&replicates, value, &strata, self.level)
            }
        };
        let interval = interval?;
        let n = replicates.len() as f64;
        let mean = replicates.iter().sum::<f64>() / n;
        let squares: f64 = replicates.iter().map(|v| (v - mean).powi(2)).sum();
        Some(BootstrapResult {
            estimate: Estimate {
                value,
                low: interval.low,
                high: interval.high,
            },
            standard_error: if n > 1.0 {
                (squares / (n - 1.0)).sqrt()
            } else {
                0.0
            },
            undefined: asked - replicates.len(),
            replicates,
        })
    }
}

/// A replicate of a bag, moved by the difference of the metric of all samples to that of the bag.
fn moved(replicate: Option<f64>, bag: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(whole? + (replicate? - bag?))
}

/// The metrics with each group of samples left out, for each stratum.
fn jackknife(
    bag: &Bag,
    compute: impl Fn(&[f64]) -> Vec<Option<f64>> + Sync,
) -> Vec<Vec<Vec<Option<f64>>>> {
    let strata = bag.groups().enumerate();
    let without = |(stratum, groups): (usize, usize)| {
        let each = (0..groups).into_par_iter();
        each.map(|group| compute(&bag.without(stratum, group, groups)))
            .collect()
    };
    strata.map(without).collect()
}

/// The replicates in about as many parts as there are bags, between which progress is reported.
fn parts(replicates: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let length = replicates.len().div_ceil(BAGS).max(64);
    let end = replicates.end;
    replicates
        .step_by(length)
        .map(move |start| start..end.min(start + length))
}

/// Draws from the multinomial distribution whose number of trials is the sum of `counts` and whose probabilities are
/// proportional to them: one binomial after another.
fn multinomial(counts: &[f64], random: &mut ChaCha8Rng, drawn: &mut [f64]) {
    let mut whole: f64 = counts.iter().sum();
    let mut left = whole as u64;
    for (count, drawn) in counts.iter().zip(drawn) {
        if left == 0 {
            break;
        }
        if *count >= whole {
            *drawn = left as f64;
            break;
        }
        if let Ok(binomial) = Binomial::new(left, count / whole) {
            let hits = binomial.sample(random);
            *drawn = hits as f64;
            left -= hits;
        }
        whole -= count;
    }
}
