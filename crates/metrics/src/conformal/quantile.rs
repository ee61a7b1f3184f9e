use crate::error::{Error, Result};

/// By so much a score may be above the threshold: rounding of sums must not put a class out of its set.
pub(super) const TOLERANCE: f64 = 1e-9;

/// Refuses a coverage that is not between 0 and 1.
pub(super) fn check_coverage(coverage: f64) -> Result<()> {
    if coverage > 0.0 && coverage < 1.0 {
        return Ok(());
    }
    let expected = "a number between 0 and 1, such as 0.95";
    Err(Error::setting("coverage", coverage, expected))
}

/// Which of `n` scores in ascending order, counted from 1, is the threshold: the smallest whole number of at least
/// `(n + 1) coverage`.
pub(super) fn rank(n: usize, coverage: f64) -> usize {
    // 0.55 times 100 is a little more than 55.
    ((n + 1) as f64 * coverage - 1e-9).ceil().max(1.0) as usize
}

/// The smallest number of calibration samples with which a coverage can be promised.
fn needed(coverage: f64) -> usize {
    (coverage / (1.0 - coverage) - 1e-9).ceil().max(1.0) as usize
}

/// Refuses too few calibration samples for the promise; `of` says whose they are.
pub(super) fn check_enough(n: usize, coverage: f64, of: impl FnOnce() -> String) -> Result<()> {
    if rank(n, coverage) <= n {
        return Ok(());
    }
    Err(Error::TooFew {
        what: of(),
        found: n,
        needed: needed(coverage),
        aim: format!("a coverage of {coverage}"),
    })
}

/// The threshold of these scores, which are sorted.
pub(super) fn threshold(
    scores: &mut [f64],
    coverage: f64,
    of: impl FnOnce() -> String,
) -> Result<f64> {
    check_enough(scores.len(), coverage, of)?;
    scores.sort_unstable_by(f64::total_cmp);
    Ok(scores[rank(scores.len(), coverage) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needed_number_is_the_smallest_that_is_enough() {
        for coverage in [0.01, 0.5, 0.55, 0.8, 0.9, 0.95, 0.99, 0.999] {
            let n = needed(coverage);
            assert!(rank(n, coverage) <= n, "{coverage}: {n}");
            assert!(n == 1 || rank(n - 1, coverage) > n - 1, "{coverage}: {n}");
        }
        assert_eq!((needed(0.95), needed(0.9), needed(0.99)), (19, 9, 99));
        assert_eq!(rank(99, 0.55), 55);
    }
}
