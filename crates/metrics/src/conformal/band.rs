use statrs::function::gamma::ln_gamma;

use crate::conformal::quantile::rank;
use crate::uncertainty::{Interval, is_level};

/// In which range the coverage on `test` samples lies with probability `level`, if the sets were calibrated on
/// `calibration` other samples for a promise of `coverage`, and all scores differ: the central range of the beta-binomial
/// distribution. A coverage outside of it says that the test samples are not drawn like the calibration samples.
///
/// Where scores are equal, coverage may be higher. `None` if a share is not between 0 and 1, there are no test samples, or
/// there are too few calibration samples for the promise.
///
/// ```
/// use metrics::conformal::coverage_band;
///
/// let band = coverage_band(500, 1000, 0.9, 0.95).expect("500 samples are enough");
/// assert_eq!((band.low, band.high), (0.866, 0.93));
/// ```
pub fn coverage_band(
    calibration: usize,
    test: usize,
    coverage: f64,
    level: f64,
) -> Option<Interval> {
    if !is_level(coverage) || !is_level(level) || test == 0 {
        return None;
    }
    let held = rank(calibration, coverage);
    if held > calibration {
        return None;
    }
    let (a, b, m) = (held as f64, (calibration + 1 - held) as f64, test as f64);
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let ln_all = ln_gamma(m + 1.0) - ln_beta(a, b);
    let mut mass = 0.0;
    let tail = 0.5 - 0.5 * level;
    let (mut below, mut low, mut high) = (0.0, None, None);
    for count in 0..=test {
        let k = count as f64;
        // Each from the one before, unless that is so small that it has lost its digits.
        mass = if mass > 1e-280 {
            mass * (m - k + 1.0) / k * (a + k - 1.0) / (m - k + b)
        } else {
            (ln_all - ln_gamma(k + 1.0) - ln_gamma(m - k + 1.0) + ln_beta(a + k, m - k + b)).exp()
        };
        below += mass;
        low = low.or((below >= tail).then_some(k / m));
        high = high.or((below >= 1.0 - tail).then_some(k / m));
    }
    Some(Interval {
        low: low?,
        high: high.unwrap_or(1.0),
    })
}
