//! What the methods along a path from a baseline share.

use crate::baseline::Baseline;
use crate::error::Result;
use crate::model::checked::Checked;
use crate::pixels::Pixels;

/// The mean gradient along the straight path from a baseline to the image.
pub(crate) struct Path {
    pub gradient: Vec<f64>,
    /// Estimated squared error (L2) of the map that follows from it.
    pub variance: f64,
    pub score: f64,
    pub baseline_score: f64,
    pub steps: usize,
    pub warning: Option<String>,
}

/// What one interval of the path adds to the squared error of the map, from the gradients at its ends.
///
/// The two gradients are taken as two places of a random walk, which is what the many small jumps of the gradient of a
/// network amount to. The result is the variance of the mean of the walk between them, given both ends; the variance
/// given its middle is as large.
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

/// A warning where a baseline does not stand for "nothing there": where the model is confident of some class, or where
/// it has most of the score already. It names a baseline that does, or says that none of the plain ones does.
pub(crate) fn baseline_warning(
    model: &Checked<'_>,
    pixels: &Pixels,
    baselines: &[Pixels],
    score: f64,
    baseline_score: f64,
) -> Result<Option<String>> {
    if score > 0.0 && baseline_score > 0.5 * score {
        return Ok(Some(format!(
            "the score of the baseline is {baseline_score:.4}, that of the image {score:.4}: most of the score is not explained; {}",
            remedy(model, pixels)?
        )));
    }
    for baseline in baselines {
        match model.confidence(baseline)? {
            Some(confidence) if confidence > 0.5 => {
                return Ok(Some(format!(
                    "the model gives the baseline one class with probability {confidence:.3}: the attribution is relative to that class; {}",
                    remedy(model, pixels)?
                )));
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}

/// What can be done about a baseline that does not stand for "nothing there". If the model has a confidence, the plain
/// baselines are tried.
fn remedy(model: &Checked<'_>, pixels: &Pixels) -> Result<String> {
    let plain = [
        Baseline::Black,
        Baseline::White,
        Baseline::Gray,
        Baseline::Mean,
        Baseline::Blur { sigma: 20.0 },
    ];
    for baseline in &plain {
        let image = baseline.image(pixels)?;
        match model.confidence(&image)? {
            Some(confidence) if confidence > 0.5 => {}
            Some(_) => {
                return Ok(format!(
                    "the baseline `{baseline}` is of no class to the model"
                ));
            }
            None => return Ok("try another baseline".into()),
        }
    }
    let names: Vec<String> = plain.iter().map(ToString::to_string).collect();
    Ok(format!(
        "each of {} is of a class to the model; `grad-cam` and `layer-cam` need no baseline",
        names.join(", ")
    ))
}
