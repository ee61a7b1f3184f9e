use std::fmt;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::uncertainty::is_level;

/// Settings of [`mmd_test`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct MmdOptions {
    permutations: usize,
    seed: u64,
    level: f64,
    max_rows: usize,
}

impl Default for MmdOptions {
    fn default() -> Self {
        Self {
            permutations: 999,
            seed: 0,
            level: 0.05,
            max_rows: 1000,
        }
    }
}

impl MmdOptions {
    /// 999 permutations, seed 0, level 0.05, and at most 1000 rows of each set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of permutations, from 1 to 1,000,000; default 999.
    pub fn with_permutations(mut self, permutations: usize) -> Self {
        self.permutations = permutations;
        self
    }

    /// Sets the seed of the permutations, and of the rows that are drawn; default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the significance level, between 0 and 1: how often the test may say that equal distributions differ; default
    /// 0.05.
    pub fn with_level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets how many rows of each set are compared, from 2 to 5000; default 1000. Of more, so many are drawn. The test takes
    /// about `48 max_rows²` bytes, and for each permutation about half `max_rows²` additions.
    pub fn with_max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    fn check(&self) -> Result<()> {
        if !(1..=1_000_000).contains(&self.permutations) {
            let expected = "1 to 1,000,000";
            return Err(Error::setting(
                "number of permutations",
                self.permutations,
                expected,
            ));
        }
        if !is_level(self.level) {
            let expected = "a number between 0 and 1, such as 0.05";
            return Err(Error::setting("level", self.level, expected));
        }
        if !(2..=5000).contains(&self.max_rows) {
            let expected = "2 to 5000";
            return Err(Error::setting(
                "largest number of rows",
                self.max_rows,
                expected,
            ));
        }
        if self.level * ((self.permutations + 1) as f64) < 1.0 {
            let expected = format!(
                "at least {}, so that a p-value can be as small as the level {}",
                (1.0 / self.level - 1e-9).ceil() as usize - 1,
                self.level
            );
            return Err(Error::setting(
                "number of permutations",
                self.permutations,
                expected,
            ));
        }
        Ok(())
    }
}

/// What a test says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ShiftVerdict {
    /// The two sets come from different distributions: the p-value is at most the level.
    Shifted,
    /// There is no evidence that the two sets differ. It does not mean that they are equal: a small difference needs many
    /// rows.
    NoEvidence,
    /// There are so few rows that no result could be significant at the level.
    CannotTell,
}

/// Result of [`mmd_test`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MmdTest {
    /// Unbiased estimate of the squared maximum mean discrepancy; around 0 (also below) where the distributions are equal.
    /// `None` with fewer than two rows in a set.
    pub statistic: Option<f64>,
    /// `(b + 1) / (m + 1)`, where `b` of `m` permutations have a statistic at least as large. `None` without a statistic.
    pub p_value: Option<f64>,
    /// The width of the kernel: the median distance of two rows of both sets together.
    pub bandwidth: f64,
    /// Number of rows of each set that were compared.
    pub rows: [usize; 2],
    /// The verdict at the level of the options.
    pub verdict: ShiftVerdict,
}

/// Tests whether two sets of embeddings come from the same distribution, by the maximum mean discrepancy with a Gaussian
/// kernel (Gretton et al. 2012). `first` and `second` hold rows of `width` values, one after the other.
///
/// The kernel is `exp(-d²/(2 s²))` of the distance `d` of two rows, where `s` is the median distance of all pairs of rows; if
/// more than half of them are 0, of those that are not. The p-value comes from permutations, and is right for any number of
/// rows. Results depend on the seed and not on the number of threads.
///
/// # Errors
/// If `width` is 0 or does not divide both lengths, a value is not finite, a setting is out of its range, or there are too few
/// permutations for the level.
///
/// ```
/// use metrics::shift::{MmdOptions, ShiftVerdict, mmd_test};
///
/// # fn main() -> Result<(), metrics::Error> {
/// let trained: Vec<f32> = (0..40).map(|i| (i % 8) as f32).collect();
/// let new: Vec<f32> = (0..40).map(|i| (i % 8) as f32 + 4.0).collect();
/// let test = mmd_test(&trained, &new, 2, &MmdOptions::new())?;
/// assert_eq!(test.verdict, ShiftVerdict::Shifted);
/// assert_eq!(test.p_value, Some(0.001)); // no permutation has as large a statistic
/// # Ok(())
/// # }
/// ```
pub fn mmd_test(
    first: &[f32],
    second: &[f32],
    width: usize,
    options: &MmdOptions,
) -> Result<MmdTest> {
    options.check()?;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    // The permutations have the streams from 0.
    random.set_stream(u64::MAX);
    let first = chosen(first, width, options.max_rows, &mut random)?;
    let second = chosen(second, width, options.max_rows, &mut random)?;
    let (a, b) = (first.len() / width, second.len() / width);
    let rows = [first, second].concat();
    let mut kernel = distances(&rows, width);
    let bandwidth = median(&kernel, a + b);
    let mut test = MmdTest {
        statistic: None,
        p_value: None,
        bandwidth,
        rows: [a, b],
        verdict: ShiftVerdict::CannotTell,
    };
    if a < 2 || b < 2 {
        return Ok(test);
    }
    let scale = if bandwidth > 0.0 {
        -0.5 / (bandwidth * bandwidth)
    } else {
        0.0
    };
    kernel
        .par_iter_mut()
        .for_each(|value| *value = (*value * scale).exp());
    let problem = Problem::new(&kernel, a, b);
    let own: Vec<usize> = (0..a).collect();
    let statistic = problem.statistic(&own);
    let as_large = |permutation: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        random.set_stream(permutation as u64);
        let mut all: Vec<usize> = (0..a + b).collect();
        let (some, _) = all.partial_shuffle(&mut random, a);
        // Sums of the same rows in another order differ by rounding.
        usize::from(problem.statistic(some) >= statistic - 1e-12)
    };
    let count: usize = (0..options.permutations)
        .into_par_iter()
        .map(as_large)
        .sum();
    let p_value = (count + 1) as f64 / (options.permutations + 1) as f64;
    test.statistic = Some(statistic);
    test.p_value = Some(p_value);
    test.verdict = if least_p_value(a, b) > options.level {
        ShiftVerdict::CannotTell
    } else if p_value <= options.level {
        ShiftVerdict::Shifted
    } else {
        ShiftVerdict::NoEvidence
    };
    Ok(test)
}

/// The share of the ways to divide the rows that have the largest statistic: one, or two if the sets are of equal size.
fn least_p_value(a: usize, b: usize) -> f64 {
    let mut share = if a == b { 2.0 } else { 1.0 };
    for i in 0..a.min(b) {
        share *= (i + 1) as f64 / (a + b - i) as f64;
    }
    share
}

/// Refuses what is not rows of finite values.
pub(super) fn check_rows(rows: &[f32], width: usize) -> Result<()> {
    if width == 0 || !rows.len().is_multiple_of(width) {
        let expected = format!("a number that divides the {} values", rows.len());
        return Err(Error::setting("width of a row", width, expected));
    }
    let Some(at) = rows.iter().position(|value| !value.is_finite()) else {
        return Ok(());
    };
    let value = format!("{} in row {}", rows[at], at / width);
    Err(Error::setting(
        "value of an embedding",
        value,
        "a finite number",
    ))
}

/// The rows in `f64`, and of more than `most` so many, drawn without replacement.
fn chosen(rows: &[f32], width: usize, most: usize, random: &mut impl Rng) -> Result<Vec<f64>> {
    check_rows(rows, width)?;
    let n = rows.len() / width;
    let mut indices: Vec<usize> = (0..n).collect();
    if n > most {
        indices.partial_shuffle(random, most);
        indices.drain(..n - most);
    }
    let values = indices
        .iter()
        .flat_map(|&row| &rows[row * width..(row + 1) * width]);
    Ok(values.map(|&value| f64::from(value)).collect())
}

/// Squared distances of all pairs of rows, `[n, n]`.
fn distances(rows: &[f64], width: usize) -> Vec<f64> {
    let n = rows.len() / width;
    let mut all = vec![0.0; n * n];
    let row = |i: usize| &rows[i * width..(i + 1) * width];
    all.par_chunks_exact_mut(n.max(1))
        .enumerate()
        .for_each(|(i, out)| {
            for (j, out) in out.iter_mut().enumerate() {
                // In the same order for both of a pair, so that the matrix is symmetric.
                let both = row(i.min(j)).iter().zip(row(i.max(j)));
                *out = both.map(|(a, b)| (a - b) * (a - b)).sum();
            }
        });
    all
}

/// Median distance of the pairs, or of those that differ if most do not; 0 if none do.
fn median(squared: &[f64], n: usize) -> f64 {
    let pairs = (0..n).flat_map(|i| &squared[i * n + i + 1..(i + 1) * n]);
    let mut values: Vec<f64> = pairs.copied().collect();
    let median = |values: &mut [f64]| -> f64 {
        if values.is_empty() {
            return 0.0;
        }
        let middle = values.len() / 2;
        let odd = values.len() % 2 == 1;
        let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
        if odd {
            return upper.sqrt();
        }
        let lower = below.iter().copied().fold(0.0, f64::max);
        f64::midpoint(lower.sqrt(), upper.sqrt())
    };
    let found = median(&mut values);
    if found > 0.0 {
        return found;
    }
    values.retain(|&value| value > 0.0);
    median(&mut values)
}

/// The kernel of all pairs of rows, from which the statistic of any division of the rows is computed.
struct Problem<'a> {
    kernel: &'a [f64],
    a: usize,
    b: usize,
    /// Sum of each row of the kernel, without the row itself.
    sums: Vec<f64>,
    total: f64,
}

impl<'a> Problem<'a> {
    fn new(kernel: &'a [f64], a: usize, b: usize) -> Self {
        let rows = kernel.par_chunks_exact(a + b).enumerate();
        let sums: Vec<f64> = rows
            .map(|(i, row)| row.iter().sum::<f64>() - row[i])
            .collect();
        Self {
            kernel,
            a,
            b,
            total: sums.iter().sum(),
            sums,
        }
    }

    /// The unbiased estimate, where these rows are the first set, and all others the second.
    fn statistic(&self, first: &[usize]) -> f64 {
        let n = self.a + self.b;
        let mut within = 0.0;
        for (at, &i) in first.iter().enumerate() {
            let row = &self.kernel[i * n..(i + 1) * n];
            within += first[..at].iter().map(|&j| row[j]).sum::<f64>();
        }
        let within = 2.0 * within;
        let between = first.iter().map(|&i| self.sums[i]).sum::<f64>() - within;
        let others = self.total - 2.0 * between - within;
        let (a, b) = (self.a as f64, self.b as f64);
        within / (a * (a - 1.0)) + others / (b * (b - 1.0)) - 2.0 * between / (a * b)
    }
}

/// The verdict with its p-value.
impl fmt::Display for MmdTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.rows;
        let verdict = match self.verdict {
            ShiftVerdict::Shifted => "the two sets differ",
            ShiftVerdict::NoEvidence => "no evidence that the two sets differ",
            ShiftVerdict::CannotTell => "cannot tell: there are too few rows",
        };
        write!(f, "{verdict} ({a} and {b} rows")?;
        match (self.statistic, self.p_value) {
            (Some(statistic), Some(p)) => {
                write!(f, ", squared discrepancy {statistic:.6}, p {p:.4})")
            }
            _ => write!(f, ")"),
        }
    }
}
