use std::fmt;

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF};

use crate::uncertainty::estimate::p_value;

/// Result of McNemar's test.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct McNemarTest {
    /// The smaller of the two counts (exact test), or the chi-squared statistic.
    pub statistic: f64,
    /// Two-sided p-value: the probability of counts at least as unequal if both classifiers are wrong equally often.
    pub p_value: f64,
    /// Whether the test is the exact one.
    pub exact: bool,
}

/// The kind of test and the p-value: `McNemar's test (exact): p = 0.0312`.
impl fmt::Display for McNemarTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.exact { "exact" } else { "chi-squared" };
        write!(f, "McNemar's test ({kind}): p = {}", p_value(self.p_value))
    }
}

/// McNemar's exact test. `fixed` is the number of samples that only the second classifier has right, and `broken` the
/// number that only the first has right. The null hypothesis is that a sample is equally likely to be in either number,
/// like the tosses of a fair coin.
///
/// `None` if both counts are 0. Equals statsmodels' `mcnemar(exact=True)`.
pub fn mcnemar_exact(fixed: u64, broken: u64) -> Option<McNemarTest> {
    let n = fixed.checked_add(broken).filter(|&n| n > 0)?;
    let smaller = fixed.min(broken);
    let p_value = (2.0 * Binomial::new(0.5, n).ok()?.cdf(smaller)).min(1.0);
    Some(McNemarTest {
        statistic: smaller as f64,
        p_value,
        exact: true,
    })
}

/// McNemar's chi-squared test with one degree of freedom, with or without Edwards' continuity correction.
/// The counts are those of [`mcnemar_exact`].
///
/// `None` if both counts are 0. Equals statsmodels' `mcnemar(exact=False, correction=...)`.
pub fn mcnemar_chi_squared(fixed: u64, broken: u64, correction: bool) -> Option<McNemarTest> {
    let n = fixed.checked_add(broken).filter(|&n| n > 0)?;
    let difference = fixed.abs_diff(broken) as f64 - f64::from(u8::from(correction));
    let statistic = difference * difference / n as f64;
    let p_value = ChiSquared::new(1.0).ok()?.sf(statistic);
    Some(McNemarTest {
        statistic,
        p_value,
        exact: false,
    })
}
