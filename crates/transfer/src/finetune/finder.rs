use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use dataset::ImageItem;

use super::config::MOST_EPOCHS;
use super::course::Course;
use super::plot::{Panel, Plot};
use super::state::State;
use super::tail::Tail;
use super::{FineTuneConfig, FineTuneEvent};
use crate::{Classifier, Error, Result};

/// Losses while the learning rate grows: where they fall fastest is a good one
/// ([Smith 2017](https://arxiv.org/abs/1506.01186)).
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRates {
    /// Learning rates tried, growing by the same factor each step.
    pub rates: Vec<f64>,
    /// Loss of each step's batch, before the step.
    pub losses: Vec<f64>,
    /// The losses as a moving average (0.98, freed of its start).
    pub smoothed: Vec<f64>,
    /// A tenth of the rate at which the smoothed loss was lowest; `None` where it never fell below where it began.
    pub suggestion: Option<f64>,
}

impl FineTuneConfig {
    /// Tries learning rates from `from` to `to` in `steps` steps, each with one batch, all blocks learning, on a copy
    /// of the net: nothing that happens here changes a later [`run`](Self::run). Ends early where the loss is four
    /// times the best, and at a [`ControlFlow::Break`] with the rates so far.
    ///
    /// # Errors
    /// As [`run`](Self::run); where `from` is not above 0 and below `to`, or there are fewer than 2 steps.
    pub fn find_learning_rate(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        device: &Device,
        (from, to): (f64, f64),
        steps: usize,
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<LearningRates> {
        let range = from > 0.0 && from < to && to.is_finite();
        if !(range && (2..=MOST_EPOCHS).contains(&steps)) {
            return Err(Error::mismatch(
                "learning rates to try",
                "two, both above 0, the smaller one first, and 2 to 1,048,576 steps",
                format!("{from} to {to} in {steps} steps"),
            ));
        }
        let config = self.clone().with_epochs_a_block(0);
        config.check(classifier, &[training, &[]])?;
        let tail = Tail::new(classifier, config.blocks, config.norms, device)?;
        let mut state = State::new(tail, config.weight_decay);
        let mut course = Course::new(&config, classifier, [training, &[]], device, &mut watch)?;
        let mut found = LearningRates {
            rates: Vec::new(),
            losses: Vec::new(),
            smoothed: Vec::new(),
            suggestion: None,
        };
        let (mut average, mut best) = (0.0, f64::INFINITY);
        let batches = (0..).flat_map(|epoch| {
            let batches = course.batches(epoch).into_iter();
            batches.map(move |batch| (epoch, batch)).collect::<Vec<_>>()
        });
        let batches: Vec<_> = if course.cancelled {
            Vec::new()
        } else {
            batches.take(steps).collect()
        };
        let images_of = |batches: &[(usize, Vec<usize>)]| -> usize {
            let images = batches.iter().map(|(_, images)| images.len());
            images.sum()
        };
        let start = Instant::now();
        for (step, (epoch, images)) in batches.iter().enumerate() {
            let rate = from * (to / from).powf(step as f64 / (steps - 1) as f64);
            let loss = course.step(&mut state, images, *epoch, rate)?;
            average = 0.98 * average + 0.02 * loss;
            let smooth = average / (1.0 - 0.98f64.powi(step as i32 + 1));
            found.rates.push(rate);
            found.losses.push(loss);
            found.smoothed.push(smooth);
            best = smooth.min(best);
            let images_done = images_of(&batches[..=step]);
            let speed = images_done as f64 / start.elapsed().as_secs_f64().max(1e-9);
            let go_on = watch(FineTuneEvent::Step {
                epoch: *epoch,
                step,
                steps,
                loss,
                learning_rate: rate,
                images_per_second: speed,
                seconds_left: images_of(&batches[step + 1..]) as f64 / speed,
            });
            if !smooth.is_finite() || smooth > 4.0 * best || go_on.is_break() {
                break;
            }
        }
        found.suggestion = found.suggest();
        Ok(found)
    }
}

impl LearningRates {
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

    /// The plot, loss over learning rate on a logarithmic axis, as SVG: dots for the batches, a line for the average.
    pub fn svg(&self) -> String {
        let finite = || {
            let all = self.losses.iter().chain(&self.smoothed).copied();
            all.filter(|loss| loss.is_finite())
        };
        let (low, high) = match (self.rates.first(), self.rates.last()) {
            (Some(low), Some(high)) if low < high => (low.log10(), high.log10()),
            _ => (-1.0, 0.0),
        };
        let panel = Panel {
            top: 0.0,
            height: 400.0,
            x: (low, high),
            y: finite().fold(0.0, f64::max).max(1e-9),
        };
        let mut plot = Plot::new(panel.height);
        plot.axes(&panel, "learning rate", "loss");
        for decade in low.ceil() as i32..=high.floor() as i32 {
            plot.tick(&panel, f64::from(decade), &format!("1e{decade}"));
        }
        let points = |losses: &[f64]| -> Vec<(f64, f64)> {
            let rates = self.rates.iter().map(|rate| rate.log10());
            rates.zip(losses.iter().copied()).collect()
        };
        plot.dots(&panel, &points(&self.losses), "#56b4e9");
        plot.line(&panel, &points(&self.smoothed), "#0072b2");
        if let Some(rate) = self
            .suggestion
            .filter(|r| (low..=high).contains(&r.log10()))
        {
            plot.mark(&panel, rate.log10(), &format!("{rate:.1e}"));
        }
        plot.finish()
    }
}
