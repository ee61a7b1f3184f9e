use std::time::{Duration, Instant};

use super::choice::FOLD_TOLERANCE;
use super::config::LogisticRegression;
use crate::head::report::{FitEvent, Search};
use crate::head::training::Watch;

/// Passes that the final fit makes at least, so that a cancelled training still gives a usable head.
const FEWEST_PASSES: usize = 20;

/// Passes whose time is measured, to estimate how long all take.
const MEASURED: usize = 4;
/// A search that takes less time needs no word.
const WORTH_SAYING: Duration = Duration::from_secs(10);

/// The caller's function, and whether it has ended the training.
pub(super) struct Watcher<'a> {
    watch: Watch<'a>,
    pub(super) cancelled: bool,
    start: Instant,
    passes: usize,
    expected: usize,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(watch: Watch<'a>) -> Self {
        Self {
            watch,
            cancelled: false,
            start: Instant::now(),
            passes: 0,
            expected: 0,
        }
    }

    /// From now on, about so many passes like the first ones are made. A few passes later the caller is told how long
    /// they take, where it is long.
    pub(super) fn expect(&mut self, passes: usize) {
        self.start = Instant::now();
        self.passes = 0;
        self.expected = passes;
    }

    /// Passes an event on; says whether the training goes on.
    pub(super) fn tell(&mut self, event: FitEvent<'_>) -> bool {
        self.cancelled |= (self.watch)(event).is_break();
        if let FitEvent::Pass { .. } = event {
            self.passes += 1;
            let estimate = self.start.elapsed() / MEASURED as u32 * self.expected as u32;
            if self.passes == MEASURED && estimate >= WORTH_SAYING {
                self.cancelled |= (self.watch)(FitEvent::Estimate(estimate)).is_break();
            }
        }
        !self.cancelled
    }

    /// Tells of a pass of the final fit; says whether it goes on.
    pub(super) fn tell_final(&mut self, pass: usize, gradient: f64) -> bool {
        let event = FitEvent::Pass {
            search: Search::Final,
            pass,
            gradient,
        };
        self.tell(event) || pass < FEWEST_PASSES
    }

    /// How exact the final fit is. A cancelled choice still gives a head: the best setting so far, to the folds'
    /// tolerance.
    pub(super) fn final_tolerance(&self, recipe: &LogisticRegression) -> f64 {
        if self.cancelled {
            FOLD_TOLERANCE.max(recipe.tolerance)
        } else {
            recipe.tolerance
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::thread::sleep;
    use std::time::Duration;

    use super::Watcher;
    use crate::head::report::FitEvent;

    #[test]
    fn a_long_search_is_announced_once() {
        for (expected, said) in [(10, 0), (10_000_000, 1)] {
            let mut estimates = Vec::new();
            let mut watcher = Watcher::new(Box::new(|event| {
                if let FitEvent::Estimate(duration) = event {
                    estimates.push(duration);
                }
                ControlFlow::Continue(())
            }));
            watcher.expect(expected);
            for pass in 0..10 {
                sleep(Duration::from_millis(1));
                watcher.tell_final(pass, 1.0);
            }
            drop(watcher);
            assert_eq!(estimates.len(), said);
            assert!(estimates.iter().all(|&e| e >= Duration::from_secs(10_000)));
        }
    }
}
