use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF};

use crate::{Error, Predictions, Result};

/// Two classifiers on the same samples: where they differ, and whether that can be chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Samples that both have right.
    pub both_right: usize,
    /// Samples that both have wrong, in the same way or in different ways.
    pub both_wrong: Vec<usize>,
    /// Samples the first has wrong and the second right.
    pub fixed: Vec<usize>,
    /// Samples the first has right and the second wrong.
    pub broken: Vec<usize>,
    /// McNemar's test of the two counts above: exact below 25 of them together, else chi-squared with
    /// continuity correction. `None` where they agree on every sample.
    pub mcnemar: Option<McNemar>,
}

/// Result of McNemar's test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// The smaller of the two counts (exact) or the chi-squared statistic.
    pub statistic: f64,
    /// Two-sided probability of counts as unequal if both classifiers err equally often.
    pub p_value: f64,
    /// Whether it is the exact test.
    pub exact: bool,
}

impl Comparison {
    /// Compares two sets of predictions of the same samples in the same order; weights are not looked at.
    ///
    /// # Errors
    /// Where classes, targets or file names differ.
    pub fn new(first: &Predictions, second: &Predictions) -> Result<Self> {
        check_same_samples(first, second)?;
        let mut comparison = Self {
            both_right: 0,
            both_wrong: Vec::new(),
            fixed: Vec::new(),
            broken: Vec::new(),
            mcnemar: None,
        };
        for (i, &target) in first.targets.iter().enumerate() {
            match (first.predicted[i] == target, second.predicted[i] == target) {
                (true, true) => comparison.both_right += 1,
                (false, false) => comparison.both_wrong.push(i),
                (false, true) => comparison.fixed.push(i),
                (true, false) => comparison.broken.push(i),
            }
        }
        let (fixed, broken) = (
            comparison.fixed.len() as u64,
            comparison.broken.len() as u64,
        );
        comparison.mcnemar = if fixed + broken < 25 {
            mcnemar_exact(fixed, broken)
        } else {
            mcnemar_chi_squared(fixed, broken, true)
        };
        Ok(comparison)
    }
}

/// McNemar's exact test: the discordant pairs are throws of a fair coin. `None` where there are none.
///
/// As statsmodels' `mcnemar(exact=True)`.
pub fn mcnemar_exact(fixed: u64, broken: u64) -> Option<McNemar> {
    let n = fixed.checked_add(broken).filter(|&n| n > 0)?;
    let smaller = fixed.min(broken);
    let p_value = (2.0 * Binomial::new(0.5, n).ok()?.cdf(smaller)).min(1.0);
    Some(McNemar {
        statistic: smaller as f64,
        p_value,
        exact: true,
    })
}

/// McNemar's chi-squared test with one degree of freedom, with or without Edwards' continuity correction.
/// `None` where there are no discordant pairs.
///
/// As statsmodels' `mcnemar(exact=False, correction=...)`.
pub fn mcnemar_chi_squared(fixed: u64, broken: u64, correction: bool) -> Option<McNemar> {
    let n = fixed.checked_add(broken).filter(|&n| n > 0)?;
    let difference = fixed.abs_diff(broken) as f64 - f64::from(u8::from(correction));
    let statistic = difference * difference / n as f64;
    let p_value = ChiSquared::new(1.0).ok()?.sf(statistic);
    Some(McNemar {
        statistic,
        p_value,
        exact: false,
    })
}

/// A sample that counts otherwise in the second is another sample; without weights each counts 1.
pub(crate) fn check_same_weights(first: &Predictions, second: &Predictions) -> Result<()> {
    match (0..first.len()).find(|&i| first.weight(i) != second.weight(i)) {
        None => Ok(()),
        Some(i) => Err(Error::Mismatch {
            what: "weights",
            first: format!("{} at row {i}", first.weight(i)),
            second: format!("{} at row {i}", second.weight(i)),
        }),
    }
}

pub(crate) fn check_same_samples(first: &Predictions, second: &Predictions) -> Result<()> {
    let mismatch = |what, first: String, second: String| {
        Err(Error::Mismatch {
            what,
            first,
            second,
        })
    };
    if first.classes != second.classes {
        return mismatch(
            "classes",
            first.classes.join(", "),
            second.classes.join(", "),
        );
    }
    if first.len() != second.len() {
        return mismatch(
            "number of samples",
            first.len().to_string(),
            second.len().to_string(),
        );
    }
    for i in 0..first.len() {
        if let (Some(a), Some(b)) = (&first.files, &second.files)
            && a[i] != b[i]
        {
            return mismatch("samples", a[i].clone(), b[i].clone());
        }
        if first.targets[i] != second.targets[i] {
            let target = |p: &Predictions| format!("`{}` at row {i}", p.classes[p.targets[i]]);
            return mismatch("targets", target(first), target(second));
        }
    }
    Ok(())
}
