//! A search for the learning rate: the loss while the learning rate grows.

#[cfg(feature = "report")]
use metrics::report::LearningCurve;

use super::event::{FineTuneEvent, OnEvent, Speed};
use super::schedule::MAX_EPOCHS;
use super::state::State;
use super::trainer::Trainer;
use crate::error::{Error, Result};

/// Which learning rates are tried ([`FineTuning::find_learning_rate`](super::FineTuning::find_learning_rate)). The
/// default is 1e-6 to 1 in 100 steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRateRange {
    /// The first and lowest rate, above 0.
    pub from: f64,
    /// The last and highest rate, above `from`.
    pub to: f64,
    /// Number of rates to try, 2 to 1,048,576. The ratio of each rate to the one before it is constant.
    pub steps: usize,
}

/// The loss for growing learning rates. A good learning rate is where the loss falls fastest (learning rate range test,
/// [Smith 2017](https://arxiv.org/abs/1506.01186)).
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRateCurve {
    /// The learning rates tried.
    pub rates: Vec<f64>,
    /// The loss of each step's batch, before the step.
    pub losses: Vec<f64>,
    /// The losses as an exponential moving average with decay 0.98, corrected for its start at 0.
    pub smoothed: Vec<f64>,
    /// A tenth of the rate at which the smoothed loss was lowest; `None` if it was never lower than at the start.
    pub suggestion: Option<f64>,
}

impl Default for LearningRateRange {
    fn default() -> Self {
        Self {
            from: 1e-6,
            to: 1.0,
            steps: 100,
        }
    }
}

impl LearningRateRange {
    pub(super) fn check(&self) -> Result<()> {
        let Self { from, to, steps } = *self;
        if from > 0.0 && from < to && to.is_finite() && (2..=MAX_EPOCHS).contains(&steps) {
            return Ok(());
        }
        Err(Error::mismatch(
            "learning rates to try",
            "two numbers above 0, the smaller one first, and 2 to 1,048,576 steps",
            format!("{from} to {to} in {steps} steps"),
        ))
    }

    fn rate(&self, step: usize) -> f64 {
        self.from * (self.to / self.from).powf(step as f64 / (self.steps - 1) as f64)
    }
}

impl LearningRateCurve {
    /// Makes a step with each rate, until the loss explodes or the caller breaks it off.
    pub(super) fn measure(
        range: &LearningRateRange,
        trainer: &mut Trainer<'_>,
        state: &mut State,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Self> {
        let mut curve = Self {
            rates: Vec::new(),
            losses: Vec::new(),
            smoothed: Vec::new(),
            suggestion: None,
        };
        let batches: Vec<(usize, Vec<usize>)> = if trainer.cancelled() {
            Vec::new()
        } else {
            let epochs = (0..).map(|epoch| (epoch, trainer.batches(epoch)));
            let batches = epochs.flat_map(|(epoch, all)| all.into_iter().map(move |b| (epoch, b)));
            batches.take(range.steps).collect()
        };
        let mut speed = Speed::new(batches.iter().map(|(_, images)| images.len()).sum());
        let (mut average, mut lowest) = (0.0, f64::INFINITY);
        for (step, (epoch, images)) in batches.iter().enumerate() {
            let rate = range.rate(step);
            let loss = trainer.step(state, images, *epoch, rate)?;
            average = 0.98 * average + 0.02 * loss;
            let smooth = average / (1.0 - 0.98f64.powi(step as i32 + 1));
            curve.rates.push(rate);
            curve.losses.push(loss);
            curve.smoothed.push(smooth);
            lowest = smooth.min(lowest);
            let (images_per_second, seconds_left) = speed.after(images.len());
            let go_on = on_event(FineTuneEvent::Step {
                epoch: *epoch,
                step,
                steps: range.steps,
                loss,
                learning_rate: rate,
                images_per_second,
                seconds_left,
            });
            if !smooth.is_finite() || smooth > 4.0 * lowest || go_on.is_break() {
                break;
            }
        }
        curve.suggestion = curve.suggest();
        Ok(curve)
    }

    fn suggest(&self) -> Option<f64> {
        let first = *self.smoothed.first()?;
        let lowest = self
            .smoothed
            .iter()
            .zip(&self.rates)
            .filter(|(loss, _)| loss.is_finite())
            .min_by(|a, b| a.0.total_cmp(b.0))?;
        (*lowest.0 < first).then_some(lowest.1 / 10.0)
    }

    /// The losses over the base-10 logarithm of the learning rate, with a point at the suggested rate.
    /// [`metrics::report::learning_curves_svg`] draws them.
    #[cfg(feature = "report")]
    pub fn learning_curve(&self) -> LearningCurve {
        let of = |losses: &[f64]| -> Vec<(f64, f64)> {
            let rates = self.rates.iter().map(|rate| rate.log10());
            rates.zip(losses.iter().copied()).collect()
        };
        let smoothed = of(&self.smoothed);
        let curve = LearningCurve::new(
            "Loss while the learning rate grows",
            "log10 of the learning rate",
        )
        .with_series("each batch", of(&self.losses));
        let suggested = self.suggestion.and_then(|rate| {
            // The suggestion can be below the rates that were tried.
            let below = smoothed.iter().rfind(|(x, _)| *x <= rate.log10())?;
            Some((rate.log10(), below.1))
        });
        let curve = curve.with_series("moving average", smoothed);
        match suggested {
            Some(point) => curve.with_series("suggested", [point]),
            None => curve,
        }
    }
}
