use std::fmt::Write;
use std::ops::ControlFlow;

use burn::tensor::Device;
use dataset::ImageItem;

use super::run::Course;
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
    /// times the best.
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
        if !(from > 0.0 && from < to && to.is_finite()) || steps < 2 {
            return Err(Error::mismatch(
                "learning rates to try",
                "two, both above 0, the smaller one first, and at least 2 steps",
                format!("{from} to {to} in {steps} steps"),
            ));
        }
        let config = self.clone().with_epochs_a_block(0);
        let mut course = Course::new(&config, classifier, training, &[], device, &mut watch)?;
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
        let batches: Vec<_> = batches.take(steps).collect();
        for (step, (epoch, images)) in batches.iter().enumerate() {
            let rate = from * (to / from).powf(step as f64 / (steps - 1) as f64);
            let loss = course.step(images, *epoch, rate)?;
            average = 0.98 * average + 0.02 * loss;
            let smooth = average / (1.0 - 0.98f64.powi(step as i32 + 1));
            found.rates.push(rate);
            found.losses.push(loss);
            found.smoothed.push(smooth);
            best = smooth.min(best);
            if !smooth.is_finite() || smooth > 4.0 * best {
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
        let (width, height, margin) = (640.0, 400.0, 50.0);
        let finite = || {
            self.losses
                .iter()
                .chain(&self.smoothed)
                .copied()
                .filter(|l| l.is_finite())
        };
        let top = finite().fold(0.0, f64::max).max(1e-9);
        let (low, high) = match (self.rates.first(), self.rates.last()) {
            (Some(low), Some(high)) if low < high => (low.log10(), high.log10()),
            _ => (-1.0, 0.0),
        };
        let x = |rate: f64| margin + (rate.log10() - low) / (high - low) * (width - 2.0 * margin);
        let y = |loss: f64| height - margin - loss / top * (height - 2.0 * margin);
        let mut svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='12'>\n\
             <rect width='100%' height='100%' fill='white'/>\n\
             <path d='M{margin} {margin}V{0}H{1}' fill='none' stroke='black'/>\n\
             <text x='{2}' y='{3}' text-anchor='middle'>learning rate</text>\n\
             <text x='8' y='{4}'>loss</text>\n",
            height - margin,
            width - margin,
            width / 2.0,
            height - 8.0,
            margin - 8.0,
        );
        for decade in low.ceil() as i32..=high.floor() as i32 {
            let at = x(10f64.powi(decade));
            let _ = writeln!(
                svg,
                "<path d='M{at:.1} {0:.1}v5' stroke='black'/><text x='{at:.1}' y='{1:.1}' text-anchor='middle'>1e{decade}</text>",
                height - margin,
                height - margin + 18.0,
            );
        }
        for tick in 0..=4 {
            let loss = top * f64::from(tick) / 4.0;
            let _ = writeln!(
                svg,
                "<text x='{:.1}' y='{:.1}' text-anchor='end'>{loss:.3}</text>",
                margin - 6.0,
                y(loss) + 4.0,
            );
        }
        let points = |losses: &[f64]| -> Vec<(f64, f64)> {
            let pairs = self
                .rates
                .iter()
                .zip(losses)
                .filter(|(_, loss)| loss.is_finite());
            pairs.map(|(&rate, &loss)| (x(rate), y(loss))).collect()
        };
        for (x, y) in points(&self.losses) {
            let _ = writeln!(
                svg,
                "<circle cx='{x:.1}' cy='{y:.1}' r='2' fill='#56b4e9'/>"
            );
        }
        let line: String = points(&self.smoothed)
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1} "))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points='{line}' fill='none' stroke='#0072b2' stroke-width='2'/>"
        );
        if let Some(rate) = self
            .suggestion
            .filter(|r| (low..=high).contains(&r.log10()))
        {
            let _ = writeln!(
                svg,
                "<path d='M{0:.1} {margin}V{1:.1}' stroke='#d55e00' stroke-dasharray='4'/><text x='{0:.1}' y='{2:.1}' fill='#d55e00'>{rate:.1e}</text>",
                x(rate),
                height - margin,
                margin - 4.0,
            );
        }
        svg + "</svg>\n"
    }
}
