use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use super::comparison::{check_same_samples, check_same_weights};
use super::estimate::{Estimate, is_level, normal_cdf, normal_quantile};
use crate::probability::quantile;
use crate::{ConfusionMatrix, Error, Predictions, Result};

/// Stratified bootstrap: samples drawn anew with replacement, within each target class as many as there are,
/// and the number computed again, many times.
///
/// Every replicate has its own random stream, so that results depend on the seed and not on the number of
/// threads. Defaults: 2000 replicates, seed 0, level 0.95, percentile interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    replicates: usize,
    seed: u64,
    level: f64,
    method: IntervalMethod,
}

/// How an interval is read off the replicates.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IntervalMethod {
    /// Quantiles of the replicates.
    Percentile,
    /// Bias-corrected and accelerated (Efron 1987): better for skewed numbers, but computes the number once
    /// for each sample left out.
    Bca,
}

/// What a bootstrap gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Resampled {
    /// The number on the samples as they are, with its interval.
    pub estimate: Estimate,
    /// Standard deviation of the replicates.
    pub standard_error: f64,
    /// The number on each replicate, in the order they were drawn; those where it is undefined left out.
    pub replicates: Vec<f64>,
    /// How many replicates were left out.
    pub undefined: usize,
}

impl Resampled {
    /// Share of the replicates above zero, those at zero counting half: for a difference, how sure it is
    /// that the second is larger.
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
            method: IntervalMethod::Percentile,
        }
    }
}

impl Bootstrap {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many times to draw; default 2000, at most 1,000,000.
    pub fn with_replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self
    }

    /// Where the random streams start; default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Share of such intervals that hold the truth; default 0.95.
    pub fn with_level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// How the interval is read off; default percentile.
    pub fn with_method(mut self, method: IntervalMethod) -> Self {
        self.method = method;
        self
    }

    /// Resamples any number that predictions have; `None` where it is undefined (`None` or NaN) on them or on
    /// every replicate.
    ///
    /// With weights a replicate may draw samples of weight 0 alone; the numbers of [`Predictions`] are undefined
    /// there.
    ///
    /// # Errors
    /// Where there are no or more than 1,000,000 replicates, or the level is not between 0 and 1.
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
        number: impl Fn(&Predictions) -> Option<f64> + Sync,
    ) -> Result<Option<Resampled>> {
        let resampled = self.run_many(predictions, 1, |resampled| vec![number(resampled)])?;
        Ok(resampled.into_iter().next().flatten())
    }

    /// Resamples several numbers at once, all on the same replicates: `numbers` of them, in the same order
    /// every time.
    ///
    /// # Errors
    /// As [`Bootstrap::run`].
    pub fn run_many(
        &self,
        predictions: &Predictions,
        numbers: usize,
        compute: impl Fn(&Predictions) -> Vec<Option<f64>> + Sync,
    ) -> Result<Vec<Option<Resampled>>> {
        self.resample(predictions, numbers, &|rows| {
            compute(&predictions.select(rows))
        })
    }

    /// Resamples the difference of a number between two classifiers, second less first, drawing the same
    /// samples for both.
    ///
    /// # Errors
    /// As [`Bootstrap::run`], and where the two are not of the same samples with the same weights.
    pub fn run_paired(
        &self,
        first: &Predictions,
        second: &Predictions,
        number: impl Fn(&Predictions) -> Option<f64> + Sync,
    ) -> Result<Option<Resampled>> {
        let number = |resampled: &Predictions| vec![number(resampled)];
        let resampled = self.run_paired_many(first, second, 1, number)?;
        Ok(resampled.into_iter().next().flatten())
    }

    /// Resamples the differences of several numbers at once, all on the same replicates; see
    /// [`Bootstrap::run_many`] and [`Bootstrap::run_paired`].
    ///
    /// # Errors
    /// As [`Bootstrap::run_paired`].
    pub fn run_paired_many(
        &self,
        first: &Predictions,
        second: &Predictions,
        numbers: usize,
        compute: impl Fn(&Predictions) -> Vec<Option<f64>> + Sync,
    ) -> Result<Vec<Option<Resampled>>> {
        check_same_samples(first, second)?;
        check_same_weights(first, second)?;
        self.resample(first, numbers, &|rows| {
            let (first, second) = (compute(&first.select(rows)), compute(&second.select(rows)));
            let both = first.into_iter().zip(second);
            both.map(|(first, second)| Some(second? - first?)).collect()
        })
    }

    /// Resamples a number that needs the confusion matrix only; much faster than [`Bootstrap::run`].
    ///
    /// A row of the matrix of a stratified resample follows a multinomial distribution, which is drawn as
    /// such, without drawing the samples; only with weights are they drawn one by one.
    ///
    /// # Errors
    /// As [`Bootstrap::run`].
    pub fn run_confusion(
        &self,
        predictions: &Predictions,
        number: impl Fn(&ConfusionMatrix) -> Option<f64> + Sync,
    ) -> Result<Option<Resampled>> {
        if predictions.weights.is_some() {
            return self.run(predictions, |resampled| number(&resampled.confusion()));
        }
        self.check()?;
        let whole = predictions.confusion();
        let k = whole.classes();
        let Some(value) = number(&whole) else {
            return Ok(None);
        };
        let drawn = self.replicate(|random| {
            let mut matrix = ConfusionMatrix::zeros(k);
            for (target, row) in whole.rows().enumerate() {
                multinomial(row, random, matrix.row_mut(target));
            }
            number(&matrix)
        });
        let jackknife = || {
            let mut strata = Vec::with_capacity(k);
            for (target, row) in whole.rows().enumerate() {
                let mut left_out = Vec::new();
                for (predicted, &count) in row.iter().enumerate().filter(|&(_, &count)| count > 0.0)
                {
                    let mut matrix = whole.clone();
                    matrix.row_mut(target)[predicted] -= 1.0;
                    left_out.push((number(&matrix)?, count));
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

    fn check(&self) -> Result<()> {
        if self.replicates == 0 || self.replicates > 1_000_000 {
            return Err(Error::Option {
                option: "number of replicates",
                value: self.replicates.to_string(),
                expected: "1 to 1,000,000",
            });
        }
        if !is_level(self.level) {
            return Err(Error::Option {
                option: "level",
                value: self.level.to_string(),
                expected: "a number between 0 and 1, such as 0.95",
            });
        }
        Ok(())
    }

    /// What is computed on each replicate, in order, whatever thread computes it.
    fn replicate<T: Send>(&self, draw: impl Fn(&mut ChaCha8Rng) -> T + Sync) -> Vec<T> {
        (0..self.replicates)
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
        numbers: usize,
        compute: &(impl Fn(&[usize]) -> Vec<Option<f64>> + Sync),
    ) -> Result<Vec<Option<Resampled>>> {
        self.check()?;
        let all: Vec<usize> = (0..predictions.len()).collect();
        let values = compute(&all);
        let mut strata = vec![Vec::new(); predictions.classes.len()];
        for (i, &target) in predictions.targets.iter().enumerate() {
            strata[target].push(i);
        }
        let drawn = self.replicate(|random| {
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
        // For each stratum, the numbers with each of its samples left out.
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
        let one = |column: usize| {
            let value = values.get(column).copied().flatten()?;
            let drawn = drawn
                .iter()
                .map(|row| row.get(column).copied().flatten())
                .collect();
            let jackknife = || {
                let number =
                    |row: &Vec<Option<f64>>| Some((row.get(column).copied().flatten()?, 1.0));
                left_out
                    .iter()
                    .map(|stratum| stratum.iter().map(number).collect())
                    .collect()
            };
            self.finish(value, drawn, jackknife)
        };
        Ok((0..numbers).map(one).collect())
    }

    fn finish(
        &self,
        value: f64,
        drawn: Vec<Option<f64>>,
        jackknife: impl Fn() -> Option<Vec<Vec<(f64, f64)>>>,
    ) -> Option<Resampled> {
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
                // Where a sample cannot be left out there is no acceleration to speak of.
                let strata = jackknife().unwrap_or_default();
                bca_interval(&replicates, value, &strata, self.level)
            }
        };
        let (low, high) = interval?;
        let n = replicates.len() as f64;
        let mean = replicates.iter().sum::<f64>() / n;
        let squares: f64 = replicates.iter().map(|v| (v - mean).powi(2)).sum();
        Some(Resampled {
            estimate: Estimate { value, low, high },
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

/// Interval between two quantiles of the replicates, interpolated linearly; `None` without replicates or for
/// a level that is not between 0 and 1.
pub fn percentile_interval(replicates: &[f64], level: f64) -> Option<(f64, f64)> {
    if replicates.is_empty() || !is_level(level) {
        return None;
    }
    let mut sorted = replicates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let tail = 0.5 - 0.5 * level;
    Some((quantile(&sorted, tail), quantile(&sorted, 1.0 - tail)))
}

/// Bias-corrected and accelerated interval (Efron 1987), as `scipy.stats.bootstrap` computes it.
///
/// `left_out` holds, for each stratum, the number with one sample left out and how many samples give that
/// number. `None` as for [`percentile_interval`]; where all replicates are on one side of the value the bias
/// is infinite, and the interval falls back to percentiles.
pub fn bca_interval(
    replicates: &[f64],
    value: f64,
    left_out: &[Vec<(f64, f64)>],
    level: f64,
) -> Option<(f64, f64)> {
    if replicates.is_empty() || !is_level(level) {
        return None;
    }
    let count =
        |holds: &dyn Fn(f64) -> bool| replicates.iter().filter(|&&v| holds(v)).count() as f64;
    let below = count(&|v| v < value) + count(&|v| v <= value);
    let bias = normal_quantile(below / (2.0 * replicates.len() as f64));
    if !bias.is_finite() {
        return percentile_interval(replicates, level);
    }
    let (mut cubes, mut squares) = (0.0, 0.0);
    for stratum in left_out {
        let n: f64 = stratum.iter().map(|&(_, count)| count).sum();
        if n == 0.0 {
            continue;
        }
        let mean = stratum
            .iter()
            .map(|&(value, count)| value * count)
            .sum::<f64>()
            / n;
        for &(value, count) in stratum {
            let influence = (n - 1.0) * (mean - value);
            cubes += count * influence.powi(3) / n.powi(3);
            squares += count * influence.powi(2) / n.powi(2);
        }
    }
    let acceleration = if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    };
    let share = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let z = normal_quantile(0.5 - 0.5 * level);
    let mut sorted = replicates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some((quantile(&sorted, share(z)), quantile(&sorted, share(-z))))
}

/// Draws as many as `counts` sum to, with probabilities proportional to them: one binomial after another.
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
