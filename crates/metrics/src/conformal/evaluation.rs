use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checks::{check_class, check_length};
use crate::conformal::sets::PredictionSets;
use crate::error::{Error, Place, Result};
use crate::uncertainty::{Estimate, Interval, is_level, normal_quantile, wilson_interval};
use crate::visible::visible;

/// What prediction sets are worth on samples whose classes are known. All intervals of coverages are Wilson's.
///
/// `Display` prints a few lines for people.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SetEvaluation {
    /// Number of samples.
    pub samples: usize,
    /// Share of the samples whose class is in their set.
    pub coverage: Estimate,
    /// Mean number of classes in a set.
    pub mean_size: f64,
    /// Interval of the mean size by the normal distribution; `None` for a single sample.
    pub mean_size_interval: Option<Interval>,
    /// The coverage of the sets of each size that occurs, by ascending size.
    pub by_size: Vec<SizeCoverage>,
    /// The coverage of the samples of each class, in the order of the classes.
    pub by_class: Vec<ClassCoverage>,
}

/// The coverage of the sets of one size.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SizeCoverage {
    /// Number of classes in the set.
    pub size: usize,
    /// Number of samples with such a set.
    pub samples: usize,
    /// Share of these samples whose class is in the set.
    pub coverage: Estimate,
}

/// The coverage of the samples of one class.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassCoverage {
    /// Name of the class.
    pub name: String,
    /// Number of samples of the class.
    pub samples: usize,
    /// Share of these samples whose class is in the set; `None` without samples.
    pub coverage: Option<Estimate>,
}

impl PredictionSets {
    /// Measures coverage and size on samples whose classes are `targets`. `level` is the confidence level of the intervals,
    /// usually 0.95.
    ///
    /// # Errors
    /// If there are no samples, there is not one target for each set, a target is no class, or the level is not between 0
    /// and 1.
    pub fn evaluate(&self, targets: &[usize], level: f64) -> Result<SetEvaluation> {
        self.check_targets(targets)?;
        if !is_level(level) {
            let expected = "a number between 0 and 1, such as 0.95";
            return Err(Error::setting("level", level, expected));
        }
        let k = self.classes().len();
        let (mut sizes, mut classes) = (vec![[0_u64; 2]; k + 1], vec![[0_u64; 2]; k]);
        let of_samples = self.sizes();
        for (sample, (&target, &size)) in targets.iter().zip(&of_samples).enumerate() {
            let held = u64::from(self.holds(sample, target));
            for counts in [&mut sizes[size], &mut classes[target]] {
                counts[0] += held;
                counts[1] += 1;
            }
        }
        let held: u64 = sizes.iter().map(|[held, _]| held).sum();
        let n = targets.len() as u64;
        let wilson = |[held, all]: [u64; 2]| wilson_interval(held, all, level);
        let by_size = sizes.iter().enumerate().filter_map(|(size, &counts)| {
            Some(SizeCoverage {
                size,
                samples: counts[1] as usize,
                coverage: wilson(counts)?,
            })
        });
        let by_class = self.classes().iter().zip(&classes);
        let (mean_size, mean_size_interval) = mean(&of_samples, k as f64, level);
        Ok(SetEvaluation {
            samples: targets.len(),
            coverage: wilson([held, n]).ok_or(Error::Empty)?,
            mean_size,
            mean_size_interval,
            by_size: by_size.collect(),
            by_class: by_class
                .map(|(name, &counts)| ClassCoverage {
                    name: name.clone(),
                    samples: counts[1] as usize,
                    coverage: wilson(counts),
                })
                .collect(),
        })
    }

    pub(super) fn check_targets(&self, targets: &[usize]) -> Result<()> {
        if self.is_empty() {
            return Err(Error::Empty);
        }
        check_length("prediction sets", targets.len(), self.len())?;
        for (row, &target) in targets.iter().enumerate() {
            check_class(Place::Row(row), "the target", target, self.classes().len())?;
        }
        Ok(())
    }
}

/// Mean of the sizes, and its interval by the normal distribution, from 0 to `most`.
fn mean(sizes: &[usize], most: f64, level: f64) -> (f64, Option<Interval>) {
    let n = sizes.len() as f64;
    let mean = sizes.iter().sum::<usize>() as f64 / n;
    if sizes.len() < 2 {
        return (mean, None);
    }
    let squares = sizes.iter().map(|&size| (size as f64 - mean).powi(2));
    let error = (squares.sum::<f64>() / (n - 1.0) / n).sqrt();
    let half = normal_quantile(0.5 + 0.5 * level) * error;
    let interval = Interval {
        low: (mean - half).max(0.0),
        high: (mean + half).min(most),
    };
    (mean, Some(interval))
}

impl SetEvaluation {
    /// The lowest coverage of the sets of any size (size-stratified coverage, SSC; Angelopoulos and Bates 2021). If it is far
    /// below the promise, the sets of that size are too small. A size with few samples has a wide interval.
    pub fn size_stratified_coverage(&self) -> Option<&SizeCoverage> {
        let share = |size: &SizeCoverage| size.coverage.value;
        let sizes = self.by_size.iter();
        sizes.min_by(|a, b| share(a).total_cmp(&share(b)))
    }
}

/// Coverage and mean size, then a line for each size and for each class.
impl fmt::Display for SetEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "coverage   {}  of {} samples",
            self.coverage, self.samples
        )?;
        write!(f, "mean size  {:.4}", self.mean_size)?;
        match self.mean_size_interval {
            Some(interval) => writeln!(f, " {interval}")?,
            None => writeln!(f)?,
        }
        for SizeCoverage {
            size,
            samples,
            coverage,
        } in &self.by_size
        {
            writeln!(f, "sets of {size}  {coverage}  of {samples} samples")?;
        }
        for class in &self.by_class {
            let name = visible(&class.name);
            match class.coverage {
                Some(coverage) => writeln!(f, "{name}  {coverage}  of {} samples", class.samples)?,
                None => writeln!(f, "{name}  -  no samples")?,
            }
        }
        Ok(())
    }
}
