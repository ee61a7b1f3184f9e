//! Integrated gradients.

use crate::ability::Ability;
use crate::attribution::{Attribution, norm};
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::adaptive::{self, Goals};
use crate::methods::equal_steps;
use crate::methods::method::{Method, MethodInfo, MethodSettings};
use crate::methods::path::baseline_warning;
use crate::methods::quadrature::Rule;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "integrated-gradients",
    description: "gradient averaged along the straight path from a baseline, times the distance",
    asks: "50 times, or as often as a tolerance needs",
    needs: Ability::Gradient,
    complete: true,
    build: |settings| Box::new(IntegratedGradients::with_settings(settings)),
};

/// Integrated gradients: the gradient, averaged along the straight path from a baseline, times the difference between
/// image and baseline (Sundararajan et al. 2017, <https://arxiv.org/abs/1703.01365>).
///
/// Promises completeness: the map sums to score minus baseline score, up to the error of the integral. The result
/// always gives this error.
///
/// Cost for each baseline: `steps` evaluations with gradient and two scores (image and baseline). With
/// [`with_tolerance`](Self::with_tolerance), as many evaluations with gradient as needed and no other scores, because
/// both ends of the path are among the evaluations. If the model can give its confidence, each baseline costs one more
/// evaluation. Memory does not grow with the number of steps.
///
/// ```
/// use attribution::{Baseline, BoxError, IntegratedGradients, Method, Pixels};
///
/// // score = a * b
/// let product = |pixels: &[f32], [n, ..]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     let scores = pixels.chunks(2).map(|p| f64::from(p[0] * p[1])).collect();
///     Ok((scores, pixels.chunks(2).flat_map(|p| [p[1], p[0]]).collect()))
/// };
/// let pixels = Pixels::new(vec![3.0, 4.0], [1, 2, 1])?;
/// let why = IntegratedGradients::new().with_baseline(Baseline::Black).attribute(&product, &pixels)?;
/// assert!((why.map()[0] - 6.0).abs() < 1e-5 && (why.map()[1] - 6.0).abs() < 1e-5);
/// assert!(why.completeness_error().unwrap() < 1e-6);
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IntegratedGradients {
    baseline: Baseline,
    rule: Rule,
    steps: usize,
    batch: usize,
    tolerance: Option<f64>,
    map_tolerance: Option<f64>,
    max_steps: usize,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self::new()
    }
}

impl IntegratedGradients {
    /// Defaults: black baseline, midpoint rule, 50 steps, batches of 8 images, no tolerance.
    pub fn new() -> Self {
        Self {
            baseline: Baseline::Black,
            rule: Rule::Midpoint,
            steps: 50,
            batch: 8,
            tolerance: None,
            map_tolerance: None,
            max_steps: 4096,
        }
    }

    /// The image at which the path begins; defaults to black. With several baselines the attributions are averaged.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// The quadrature rule, which says where on the path gradients are computed; defaults to the midpoint rule.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Number of gradients along each path, 1 to 2^20 (at least 2 for [`Rule::Trapezoid`]); defaults to 50.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Refines the path until the completeness error is below this fraction (above 0) of |score - baseline score|; off
    /// by default.
    ///
    /// With a tolerance, [`with_rule`](Self::with_rule) and [`with_steps`](Self::with_steps) are ignored: the rule is
    /// the trapezoid rule on intervals of different lengths. The error of an interval is its share of the sum minus the
    /// difference of the scores at its ends. The intervals with the largest errors are halved, a few at a time, until
    /// two numbers are small enough: the sum of the errors, and the square root of the sum of their squares. The second
    /// number is needed because errors can cancel by chance. The result has a warning if
    /// [`with_max_steps`](Self::with_max_steps) is reached first, and if the two scores are equal, so that no error is
    /// a fraction of their difference.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Refines the path until the estimated error of the map, [`Attribution::map_error`], is below this number (above
    /// 0); off by default.
    ///
    /// Works like [`with_tolerance`](Self::with_tolerance), but halves the intervals along which the gradient changes
    /// most. The sum is accurate long before the map is: an error of 1 % of the map needs about three times as many
    /// steps as an error of 1 % of the sum. If both tolerances are set, both are met.
    #[must_use]
    pub fn with_map_tolerance(mut self, tolerance: f64) -> Self {
        self.map_tolerance = Some(tolerance);
        self
    }

    /// Largest number of gradients along a path with a tolerance, at least 17; defaults to 4096.
    #[must_use]
    pub fn with_max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    pub(crate) fn with_settings(settings: &MethodSettings) -> Self {
        Self {
            baseline: settings.seeded_baseline(),
            rule: settings.rule,
            steps: settings.steps,
            tolerance: settings.tolerance,
            map_tolerance: settings.map_tolerance,
            ..Self::new()
        }
    }
}

impl Method for IntegratedGradients {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        let goals = Goals {
            tolerance: self.tolerance,
            map_tolerance: self.map_tolerance,
            max_steps: self.max_steps,
        };
        let equal = match (self.tolerance, self.map_tolerance) {
            (None, None) => Some(self.rule.points(self.steps)?),
            _ => None,
        };
        let model = Checked::new(model, pixels)?;
        let baselines = self.baseline.images(pixels)?;
        if let Some(points) = &equal {
            model.expect_steps(baselines.len() * points.len());
        }
        let share = 1.0 / baselines.len() as f64;
        let mut warnings = Vec::new();
        let mut map = vec![0.0; pixels.len()];
        let (mut score, mut baseline_score, mut steps, mut variance) = (0.0, 0.0, 0, 0.0);
        for baseline in &baselines {
            let path = match &equal {
                Some(points) => {
                    let rule = (self.rule, points.as_slice());
                    equal_steps::integrate(&model, pixels, baseline, rule, self.batch)?
                }
                None => adaptive::integrate(&model, pixels, baseline, &goals, self.batch)?,
            };
            let distances = pixels.minus(baseline);
            for ((value, &g), distance) in map.iter_mut().zip(&path.gradient).zip(distances) {
                *value += share * g * distance;
            }
            score = path.score;
            baseline_score += share * path.baseline_score;
            steps += path.steps;
            variance += share * share * path.variance;
            warnings.extend(path.warning);
        }
        let warning = baseline_warning(&model, pixels, &baselines, score, baseline_score)?;
        let norm = norm(map.iter().copied());
        let stepped = steps > baselines.len() && norm > 0.0;
        Ok(Attribution::new(self.name(), map, pixels.shape(), score)?
            .with_baseline_score(baseline_score)
            .with_map_error(stepped.then(|| variance.sqrt() / norm))
            .with_steps(steps)
            .with_evaluations(model.evaluations())
            .with_seed(self.baseline.seed())
            .with_warnings(warnings.into_iter().chain(warning)))
    }
}
