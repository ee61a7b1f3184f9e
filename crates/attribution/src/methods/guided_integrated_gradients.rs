//! Guided integrated gradients.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::methods::path::baseline_warning;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "guided-integrated-gradients",
    description: "integrated gradients along a path on which pixels with small gradients move first",
    asks: "200 times, one image at a time",
    needs: Ability::Gradient,
    complete: true,
    build: |settings| {
        let method = GuidedIntegratedGradients::new().with_steps(settings.steps);
        Box::new(method.with_baseline(settings.seeded_baseline()))
    },
};

/// Integrated gradients along a path that depends on the model: the values with small gradients move first, so that
/// noise on the path counts less (Kapishnikov et al. 2021, <https://arxiv.org/abs/2106.09788>; computed as by the
/// authors' library `saliency` 0.2).
///
/// Promises completeness, up to the error of the left-hand rule. No other rule is possible, because each gradient
/// decides where the path goes next. Cost: `steps` evaluations with gradient, one image at a time, two scores, and the
/// confidence for the baseline if the model can give it.
#[derive(Debug, Clone, PartialEq)]
pub struct GuidedIntegratedGradients {
    baseline: Baseline,
    steps: usize,
    fraction: f64,
    max_distance: f64,
}

impl Default for GuidedIntegratedGradients {
    fn default() -> Self {
        Self::new()
    }
}

impl GuidedIntegratedGradients {
    /// Defaults: black baseline and 200 steps. A quarter of the values moves at a time, and no value is further than
    /// 0.02 of its way from the straight path.
    pub fn new() -> Self {
        Self {
            baseline: Baseline::Black,
            steps: 200,
            fraction: 0.25,
            max_distance: 0.02,
        }
    }

    /// The image at which the path begins; defaults to black. It must be a single image.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Number of gradients along the path, 1 to 2^20; defaults to 200.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Fraction of the values (more than 0, at most 1) that moves at a time; defaults to 0.25.
    #[must_use]
    pub fn with_fraction(mut self, fraction: f64) -> Self {
        self.fraction = fraction;
        self
    }

    /// How far a value may be ahead of or behind the straight path, as a fraction of its way (0 to 1); defaults to
    /// 0.02. With 0 the method is integrated gradients with the left-hand rule; with 1 the path is free.
    #[must_use]
    pub fn with_max_distance(mut self, distance: f64) -> Self {
        self.max_distance = distance;
        self
    }

    fn check(&self) -> Result<()> {
        check::within("steps", self.steps, 1..=check::MOST_STEPS)?;
        let is_fraction = self.fraction > 0.0 && self.fraction <= 1.0;
        let expected = "more than 0 and at most 1";
        check::require(is_fraction, "fraction", self.fraction, expected)?;
        check::within("max_distance", self.max_distance, 0.0..=1.0)
    }
}

impl Method for GuidedIntegratedGradients {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        self.check()?;
        let model = Checked::new(model, pixels)?;
        let baseline = self.baseline.image(pixels)?;
        let wide = |p: &Pixels| p.values().iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let mut path = Path {
            from: wide(&baseline),
            to: wide(pixels),
            at: wide(&baseline),
            map: vec![0.0; pixels.len()],
            fraction: self.fraction,
        };
        let total = path.distance();
        if total > 0.0 {
            model.expect_steps(self.steps);
            for step in 1..=self.steps {
                let here: Vec<f32> = path.at.iter().map(|&v| v as f32).collect();
                let (_, gradient) = model.gradients(&here, 1)?;
                let done = step as f64 / self.steps as f64;
                let least = (done - self.max_distance).max(0.0);
                let most = (done + self.max_distance).min(1.0);
                path.advance(&gradient, total, done, [least, most]);
            }
        }
        let (score, baseline_score) = (model.score(pixels)?, model.score(&baseline)?);
        let warning = baseline_warning(&model, pixels, &[baseline], score, baseline_score)?;
        Ok(
            Attribution::new(self.name(), path.map, pixels.shape(), score)?
                .with_baseline_score(baseline_score)
                .with_steps(self.steps)
                .with_evaluations(model.evaluations())
                .with_warnings(warning),
        )
    }
}

/// A path that begins at the baseline, and the map so far.
struct Path {
    from: Vec<f64>,
    to: Vec<f64>,
    at: Vec<f64>,
    map: Vec<f64>,
    fraction: f64,
}

impl Path {
    /// L1 distance from here to the image.
    fn distance(&self) -> f64 {
        self.at
            .iter()
            .zip(&self.to)
            .map(|(a, b)| (a - b).abs())
            .sum()
    }

    /// The value of index `i` at `t` of the straight path.
    fn straight(&self, i: usize, t: f64) -> f64 {
        self.from[i] + (self.to[i] - self.from[i]) * t
    }

    fn go(&mut self, i: usize, gradient: f32, value: f64) {
        self.map[i] += (value - self.at[i]) * f64::from(gradient);
        self.at[i] = value;
    }

    /// Moves values until `done` (0 to 1) of the `total` distance is covered, those with the smallest gradients first. All
    /// stay between the positions `least` and `most` of the straight path.
    fn advance(&mut self, gradient: &[f32], total: f64, done: f64, [least, most]: [f64; 2]) {
        let target = total * (1.0 - done);
        let mut magnitudes: Vec<f64> = gradient.iter().map(|&g| f64::from(g).abs()).collect();
        let rank = (self.fraction * (magnitudes.len() - 1) as f64) as usize;
        // Each round brings at least one more value to `most`, or is the last one.
        for _ in 0..=magnitudes.len() {
            for (i, &g) in gradient.iter().enumerate() {
                let whole = self.to[i] - self.from[i];
                if whole != 0.0 && (self.at[i] - self.from[i]) / whole < least {
                    self.go(i, g, self.straight(i, least));
                }
            }
            let ahead = self.distance() - target;
            if ahead <= 1e-9 * target.max(1.0) {
                return;
            }
            for (i, magnitude) in magnitudes.iter_mut().enumerate() {
                if self.at[i] == self.straight(i, most) {
                    *magnitude = f64::INFINITY;
                }
            }
            let mut sorted = magnitudes.clone();
            let threshold = *sorted.select_nth_unstable_by(rank, f64::total_cmp).1;
            let chosen: Vec<usize> = (0..magnitudes.len())
                .filter(|&i| magnitudes[i] <= threshold && magnitudes[i].is_finite())
                .collect();
            let room: f64 = chosen
                .iter()
                .map(|&i| (self.at[i] - self.straight(i, most)).abs())
                .sum();
            if room == 0.0 {
                return;
            }
            let part = ahead / room;
            for &i in &chosen {
                let end = self.straight(i, most);
                let value = if part >= 1.0 {
                    end
                } else {
                    self.at[i] + part * (end - self.at[i])
                };
                self.go(i, gradient[i], value);
            }
            if part <= 1.0 {
                return;
            }
        }
    }
}
