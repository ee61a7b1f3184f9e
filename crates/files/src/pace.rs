use std::time::{Duration, Instant};

/// Limits how long a file may take to arrive, and how slowly it may arrive. A timeout for silence is not enough: it
/// never ends a transfer from a server that sends a byte now and then.
///
/// ```
/// use std::time::Duration;
/// let pace = files::Pace::new()
///     .with_deadline(Duration::from_secs(600))
///     .with_lowest_rate(1000, Duration::from_secs(30));
/// let mut watch = pace.start();
/// assert_eq!(watch.arrived(1), Ok(())); // 30 seconds are not over
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    deadline: Duration,
    rate: u64,
    window: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(10),
            rate: 1000,
            window: Duration::from_secs(30),
        }
    }
}

impl Pace {
    /// The default limits: 10 minutes for the whole file, and at least 1,000 bytes per second in every 30 seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest time from the start to the last byte; defaults to 10 minutes.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The lowest rate in bytes per second, as the mean over each `window`; defaults to 1,000 over 30 seconds. With a
    /// rate of 0 there is no such limit.
    pub fn with_lowest_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        (self.rate, self.window) = (bytes_per_second, window);
        self
    }

    /// Starts the clock for one file.
    pub fn start(self) -> Watch {
        let now = Instant::now();
        Watch {
            pace: self,
            started: now,
            since: now,
            bytes: 0,
        }
    }
}

/// Measures how one file arrives; [`Pace::start`] makes it.
#[derive(Debug, Clone)]
pub struct Watch {
    pace: Pace,
    started: Instant,
    /// When the present window began, and the bytes that have arrived in it.
    since: Instant,
    bytes: u64,
}

impl Watch {
    /// Counts bytes that have just arrived.
    ///
    /// # Errors
    /// A message for people, if the deadline is over, or if too few bytes arrived in a window that has ended.
    pub fn arrived(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.check_deadline()?;
        let passed = self.since.elapsed();
        if passed >= self.pace.window {
            let rate = self.bytes as f64 / passed.as_secs_f64();
            if rate < self.pace.rate as f64 {
                return Err(format!(
                    "only {rate:.0} bytes per second arrive; at least {} are required",
                    self.pace.rate
                ));
            }
            self.rest();
        }
        Ok(())
    }

    /// Starts a new window, so that a pause that the sender did not cause does not count against the sender.
    pub fn rest(&mut self) {
        (self.since, self.bytes) = (Instant::now(), 0);
    }

    /// Whether there is time left.
    ///
    /// # Errors
    /// A message for people, if the deadline is over.
    pub fn check_deadline(&self) -> Result<(), String> {
        if self.started.elapsed() < self.pace.deadline {
            return Ok(());
        }
        let seconds = self.pace.deadline.as_secs_f64();
        Err(format!("the time limit of {seconds} seconds is over"))
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::Pace;

    const WINDOW: Duration = Duration::from_millis(20);

    #[test]
    fn a_slow_file_is_seen_when_a_window_is_over() {
        let pace = Pace::new().with_lowest_rate(1000, WINDOW);
        let mut watch = pace.start();
        watch.arrived(0).unwrap();
        sleep(WINDOW);
        let error = watch.arrived(1).unwrap_err();
        assert!(error.contains("at least 1000 are required"), "{error}");
        // What came in a window before does not help.
        let mut watch = pace.start();
        sleep(WINDOW);
        watch.arrived(1 << 30).unwrap();
        sleep(WINDOW);
        watch.arrived(1).unwrap_err();
        // A pause is not the sender's.
        let mut watch = pace.start();
        sleep(WINDOW);
        watch.rest();
        watch.arrived(1).unwrap();
        let mut watch = Pace::new().with_lowest_rate(0, WINDOW).start();
        sleep(WINDOW);
        watch.arrived(0).unwrap();
    }

    #[test]
    fn a_file_that_takes_too_long_is_seen_however_fast_it_is() {
        let mut watch = Pace::new().with_deadline(WINDOW).start();
        watch.arrived(1).unwrap();
        sleep(WINDOW);
        let error = watch.arrived(1 << 40).unwrap_err();
        assert_eq!(error, "the time limit of 0.02 seconds is over");
    }
}
