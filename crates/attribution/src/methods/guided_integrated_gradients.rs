//! Guided integrated gradients.

use crate::attribution::{Attribution, Completeness};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::methods::integrated_gradients::confident_baseline;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;

/// Integrated gradients along a path that the model chooses: the values whose gradient is small move first, so that
/// noise on the way counts less (Kapishnikov et al. 2021; after the authors' `saliency` 0.2).
///
/// Promises completeness, up to the error of the left-hand rule that the path needs: a gradient says where to go next.
/// `steps` evaluations with gradient, one after the other, two scores, and the baseline's confidence where the model says it.
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
    /// Black baseline, 200 steps, a quarter of the values at a time, at most 0.02 away from the straight path.
    pub fn new() -> Self {
        Self {
            baseline: Baseline::Black,
            steps: 200,
            fraction: 0.25,
            max_distance: 0.02,
        }
    }

    /// Where the path begins; defaults to black. One image only.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Gradients along the path; defaults to 200.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Part of the values (more than 0, at most 1) that moves at a time; defaults to 0.25.
    #[must_use]
    pub fn with_fraction(mut self, fraction: f64) -> Self {
        self.fraction = fraction;
        self
    }

    /// How far (0 to 1) a value may be ahead of or behind the straight path; defaults to 0.02. 0 is integrated gradients with
    /// the left-hand rule, 1 lets the model choose freely.
    #[must_use]
    pub fn with_max_distance(mut self, distance: f64) -> Self {
        self.max_distance = distance;
        self
    }

    fn check(&self) -> Result<()> {
        if self.steps == 0 || self.steps > 1 << 20 {
            return Err(Error::setting("steps", "1 to 1048576", &self.steps));
        }
        if !(self.fraction > 0.0 && self.fraction <= 1.0) {
            let expected = "more than 0 and at most 1";
            return Err(Error::setting("fraction", expected, &self.fraction));
        }
        if !(0.0..=1.0).contains(&self.max_distance) {
            return Err(Error::setting("max_distance", "0 to 1", &self.max_distance));
        }
        Ok(())
    }
}

impl Method for GuidedIntegratedGradients {
    fn name(&self) -> &'static str {
        "guided-integrated-gradients"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        self.check()?;
        let model = Checked::new(model, pixels)?;
        let baseline = crate::methods::one_baseline(&self.baseline, pixels)?;
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
            for step in 1..=self.steps {
                let here: Vec<f32> = path.at.iter().map(|&v| v as f32).collect();
                let (_, gradient) = model.gradient(&here, 1)?;
                let done = step as f64 / self.steps as f64;
                let least = (done - self.max_distance).max(0.0);
                let most = (done + self.max_distance).min(1.0);
                path.advance(&gradient, total, done, [least, most]);
            }
        }
        let (score, baseline_score) = (model.score(pixels)?, model.score(&baseline)?);
        let warning = confident_baseline(&model, &[baseline], score, baseline_score)?;
        Ok(Attribution {
            completeness: Completeness::of(path.map.iter().sum(), score, baseline_score),
            map: path.map,
            shape: pixels.shape(),
            score,
            baseline_score: Some(baseline_score),
            method: self.name().to_owned(),
            steps: self.steps,
            evaluations: model.evaluations(),
            seed: None,
            map_error: None,
            warnings: warning.into_iter().collect(),
        })
    }
}

struct Path {
    from: Vec<f64>,
    to: Vec<f64>,
    at: Vec<f64>,
    map: Vec<f64>,
    fraction: f64,
}

impl Path {
    /// L1 distance still to go.
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

    /// Moves values until `done` of the `total` distance is covered, those with the smallest gradients first, all within
    /// the stretch `least` to `most` of the straight path.
    fn advance(&mut self, gradient: &[f32], total: f64, done: f64, [least, most]: [f64; 2]) {
        let target = total * (1.0 - done);
        let mut magnitudes: Vec<f64> = gradient.iter().map(|&g| f64::from(g).abs()).collect();
        let rank = (self.fraction * (magnitudes.len() - 1) as f64) as usize;
        // Each round brings at least one more value to its end, or is the last one.
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
