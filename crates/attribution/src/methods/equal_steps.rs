//! The mean gradient along a path by a quadrature rule with a fixed number of steps.

use crate::error::Result;
use crate::methods::path::{Path, variance};
use crate::methods::quadrature::{Point, Rule};
use crate::model::checked::Checked;
use crate::pixels::{Pixels, push_between};

/// The mean gradient by a rule, and the scores of both ends.
pub(crate) fn integrate(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    (rule, points): (Rule, &[Point]),
    batch: usize,
) -> Result<Path> {
    let (gradient, variance) = mean_gradient(model, pixels, baseline, points, batch)?;
    // A random walk is twice as far from its start as from its middle.
    let at_ends = matches!(rule, Rule::Left | Rule::Right);
    Ok(Path {
        gradient,
        variance: if at_ends { 4.0 * variance } else { variance },
        score: model.score(pixels)?,
        baseline_score: model.score(baseline)?,
        steps: points.len(),
        warning: None,
    })
}

/// The weighted mean gradient, and the [`variance`] of the map that follows from it.
fn mean_gradient(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    points: &[Point],
    batch: usize,
) -> Result<(Vec<f64>, f64)> {
    let mut sum = vec![0.0_f64; pixels.len()];
    let mut spread = 0.0;
    // Weight and gradient of the step before; one buffer for all.
    let (mut weight_before, mut before) = (0.0, Vec::new());
    let mut images = Vec::with_capacity(batch.min(points.len()) * pixels.len());
    for points in points.chunks(batch) {
        images.clear();
        for point in points {
            push_between(&mut images, baseline, pixels, |_| point.position);
        }
        let (_, gradients) = model.gradients(&images, points.len())?;
        for (point, gradient) in points.iter().zip(gradients.chunks_exact(pixels.len())) {
            for (s, &g) in sum.iter_mut().zip(gradient) {
                *s += point.weight * f64::from(g);
            }
            if !before.is_empty() {
                let weight = 0.5 * (point.weight + weight_before);
                spread += variance(pixels, baseline, &before, gradient, weight);
            }
            weight_before = point.weight;
            before.clear();
            before.extend_from_slice(gradient);
        }
    }
    Ok((sum, spread))
}
