//! Integrated gradients.

use crate::attribution::{Attribution, Completeness, norm};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::methods::adaptive;
use crate::methods::quadrature::Rule;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;

/// The gradient, averaged along the straight path from a baseline, times the distance (Sundararajan et al. 2017).
///
/// Promises completeness: the map sums to score minus baseline score, up to the error of the integral, which the
/// result always states. `steps` evaluations with gradient a baseline, and two scores (image, baseline) besides; with
/// [`with_tolerance`](Self::with_tolerance) as many evaluations as it takes, and no scores besides, since both ends of
/// the path are among them. A model that says its confidence is asked for that, too, once a baseline. Memory does not grow
/// with the steps.
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
    /// Black baseline, midpoint rule, 50 steps, 8 images at a time, no tolerance.
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

    /// Where the path begins; defaults to black. Several baselines are averaged.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Where the gradients are taken; defaults to the midpoint rule.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Gradients along each path; defaults to 50.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Refine until the completeness error is below this fraction of |score - baseline score|; off by default.
    ///
    /// The rule is then a trapezoid on stretches of the path that are not equal: rule and steps are not used. A
    /// stretch's own error is the difference of the scores at its ends minus its share of the sum; the stretches with
    /// the largest are halved, a few at a time, until the errors sum to less than the tolerance, as they are and as if they
    /// were independent (the root of the sum of their squares), or [`with_max_steps`](Self::with_max_steps) is reached,
    /// which the result's warnings then say, as they do where the two scores are equal and there is nothing to be a
    /// fraction of.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Refine until the estimated error of the map itself, [`Attribution::map_error`], is below this; off by default.
    ///
    /// As [`with_tolerance`](Self::with_tolerance), but the stretches that are halved are those between whose ends the
    /// gradient moves most. The sum is right long before the map is: 1 % of the map takes three times the steps of 1 % of
    /// the sum. Both together hold both.
    #[must_use]
    pub fn with_map_tolerance(mut self, tolerance: f64) -> Self {
        self.map_tolerance = Some(tolerance);
        self
    }

    /// The most gradients along a path with a tolerance; defaults to 4096.
    #[must_use]
    pub fn with_max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }
}

impl Method for IntegratedGradients {
    fn name(&self) -> &'static str {
        "integrated-gradients"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        let goals = [self.tolerance, self.map_tolerance];
        let equal = match goals {
            [None, None] => Some(self.rule.points(self.steps)?),
            _ => None,
        };
        let model = Checked::new(model, pixels)?;
        let baselines = self.baseline.images(pixels)?;
        let share = 1.0 / baselines.len() as f64;
        let mut warnings = Vec::new();
        let mut map = vec![0.0; pixels.len()];
        let (mut score, mut baseline_score, mut steps, mut variance) = (0.0, 0.0, 0, 0.0);
        for baseline in &baselines {
            let path = if let Some(points) = &equal {
                let (gradient, variance) = straight(&model, pixels, baseline, points, batch)?;
                // A walk is twice as far from its start as from its middle.
                let ends = matches!(self.rule, Rule::Left | Rule::Right);
                adaptive::Path {
                    gradient,
                    variance: if ends { 4.0 * variance } else { variance },
                    score: model.score(pixels)?,
                    baseline_score: model.score(baseline)?,
                    steps: points.len(),
                    warning: None,
                }
            } else {
                adaptive::integrate(&model, pixels, baseline, goals, self.max_steps, batch)?
            };
            for ((value, &g), (&x, &b)) in map
                .iter_mut()
                .zip(&path.gradient)
                .zip(pixels.values().iter().zip(baseline.values()))
            {
                *value += share * g * (f64::from(x) - f64::from(b));
            }
            score = path.score;
            baseline_score += share * path.baseline_score;
            steps += path.steps;
            variance += share * share * path.variance;
            warnings.extend(path.warning);
        }
        warnings.extend(confident_baseline(
            &model,
            &baselines,
            score,
            baseline_score,
        )?);
        let norm = norm(map.iter().copied());
        let stepped = steps > baselines.len() && norm > 0.0;
        Ok(Attribution {
            map_error: stepped.then(|| variance.sqrt() / norm),
            completeness: Completeness::of(map.iter().sum(), score, baseline_score),
            map,
            shape: pixels.shape(),
            score,
            baseline_score: Some(baseline_score),
            method: self.name().to_owned(),
            steps,
            evaluations: model.evaluations(),
            seed: match self.baseline {
                Baseline::Noise { seed, .. } => Some(seed),
                _ => None,
            },
            warnings,
        })
    }
}

/// The weighted mean gradient along the straight path, and the [`variance`] of the map that follows from it.
pub(crate) fn straight(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    points: &[(f64, f64)],
    batch: usize,
) -> Result<(Vec<f64>, f64)> {
    let mut sum = vec![0.0_f64; pixels.len()];
    let mut spread = 0.0;
    // The last step's; one buffer for all.
    let (mut weight_before, mut before) = (0.0, Vec::new());
    let mut images = Vec::with_capacity(batch.min(points.len()) * pixels.len());
    for points in points.chunks(batch) {
        images.clear();
        for &(t, _) in points {
            between(&mut images, baseline, pixels, t);
        }
        let (_, gradients) = model.gradient(&images, points.len())?;
        for (&(_, weight), gradient) in points.iter().zip(gradients.chunks_exact(pixels.len())) {
            for (s, &g) in sum.iter_mut().zip(gradient) {
                *s += weight * f64::from(g);
            }
            if !before.is_empty() {
                let weight = 0.5 * (weight + weight_before);
                spread += variance(pixels, baseline, &before, gradient, weight);
            }
            weight_before = weight;
            before.clear();
            before.extend_from_slice(gradient);
        }
    }
    Ok((sum, spread))
}

/// What a stretch adds to the squared error of the map, judged by the gradients at its ends: as if they were two places of
/// a random walk, which is what the many small jumps of a network's gradient amount to. That is the variance of its mean
/// between them, given the ends; of the mean given its middle, it is as large.
pub(crate) fn variance(
    pixels: &Pixels,
    baseline: &Pixels,
    gradient: &[f32],
    next: &[f32],
    weight: f64,
) -> f64 {
    let jumps = gradient.iter().zip(next);
    let squares = jumps
        .zip(pixels.values().iter().zip(baseline.values()))
        .map(|((&a, &b), (&x, &from))| (f64::from(b - a) * f64::from(x - from)).powi(2));
    weight * weight / 12.0 * squares.sum::<f64>()
}

/// Appends the image at `t` (0 to 1) of the way.
pub(crate) fn between(images: &mut Vec<f32>, from: &Pixels, to: &Pixels, t: f64) {
    images.extend(from.values().iter().zip(to.values()).map(|(&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        (a + t * (b - a)) as f32
    }));
}

/// A warning where the baseline is no "nothing": where it has a confident class of its own, or most of the score.
pub(crate) fn confident_baseline(
    model: &Checked<'_>,
    baselines: &[Pixels],
    score: f64,
    baseline_score: f64,
) -> Result<Option<String>> {
    if score > 0.0 && baseline_score > 0.5 * score {
        return Ok(Some(format!(
            "the baseline itself scores {baseline_score:.4}, the image {score:.4}: most of the score is not explained; try another baseline"
        )));
    }
    for baseline in baselines {
        match model.confidence(baseline)? {
            Some(confidence) if confidence > 0.5 => {
                return Ok(Some(format!(
                    "the model gives the baseline one class with probability {confidence:.3}: the attribution is relative to that class; try another baseline"
                )));
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}

/// Fails unless the tolerance is a positive number.
pub(crate) fn check_tolerance(setting: &'static str, tolerance: f64) -> Result<()> {
    if tolerance.is_finite() && tolerance > 0.0 {
        Ok(())
    } else {
        Err(Error::setting(setting, "a positive number", &tolerance))
    }
}
