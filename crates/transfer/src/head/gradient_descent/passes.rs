//! Forward and backward through a head's layers, for batches.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::head::network::Dense;
use crate::head::products::{dots, outer};

/// Logits of some rows; the hidden layer's outputs (after ReLU and dropout) stay for the way back.
pub(super) fn forward(
    layers: &[Dense],
    x: &[f32],
    rows: &[usize],
    hidden: &mut Vec<f32>,
    logits: &mut Vec<f32>,
    dropout: Option<(f32, &mut ChaCha8Rng)>,
) {
    let apply = |layer: &Dense, x: &[f32], rows: &[usize], out: &mut Vec<f32>| {
        out.clear();
        out.resize(rows.len() * layer.outputs(), 0.0);
        dots(x, rows, layer.weights(), layer.inputs(), out);
        for out in out.chunks_exact_mut(layer.outputs()) {
            out.iter_mut()
                .zip(layer.bias())
                .for_each(|(out, b)| *out += b);
        }
    };
    match layers {
        [first, last] => {
            apply(first, x, rows, hidden);
            for h in hidden.iter_mut() {
                *h = h.max(0.0);
            }
            if let Some((share, rng)) = dropout
                && share > 0.0
            {
                let keep = 1.0 / (1.0 - share);
                for h in hidden.iter_mut() {
                    let dropped = rng.random::<f32>() < share;
                    *h *= if dropped { 0.0 } else { keep };
                }
            }
            apply(last, hidden, &(0..rows.len()).collect::<Vec<_>>(), logits);
        }
        layers => layers
            .iter()
            .for_each(|layer| apply(layer, x, rows, logits)),
    }
}

/// Cross-entropy of a row; its logits become probabilities.
pub(super) fn cross_entropy(logits: &mut [f32], target: usize) -> f64 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let own = logits[target] - top;
    let mut sum = 0.0;
    for z in logits.iter_mut() {
        *z = (*z - top).exp();
        sum += *z;
    }
    for z in logits.iter_mut() {
        *z /= sum;
    }
    f64::from(sum.ln() - own)
}

/// Logits `[batch, classes]` become the gradient of the batch's mean weighted cross-entropy with respect to them.
pub(super) fn logit_gradient(
    smoothing: f64,
    class_weights: &[f64],
    targets: impl ExactSizeIterator<Item = usize>,
    logits: &mut [f32],
) {
    let classes = class_weights.len();
    let batch = targets.len();
    let even = (smoothing / classes as f64) as f32;
    let own = (1.0 - smoothing) as f32;
    for (logits, target) in logits.chunks_exact_mut(classes).zip(targets) {
        let scale = class_weights[target] as f32 / batch as f32;
        cross_entropy(logits, target);
        for (class, z) in logits.iter_mut().enumerate() {
            let share = even + if class == target { own } else { 0.0 };
            *z = (*z - share) * scale;
        }
    }
}

/// The flow `[batch, units]` into the hidden layer, from the flow `[batch, outputs]` into the `last` one. `keep` is the
/// factor by which dropout has scaled the units that it kept.
pub(super) fn hidden_gradient(
    last: &Dense,
    hidden: &[f32],
    keep: f32,
    flow: &[f32],
    below: &mut Vec<f32>,
) {
    let units = last.inputs();
    below.clear();
    below.resize(hidden.len(), 0.0);
    for ((below, hidden), flow) in below
        .chunks_exact_mut(units)
        .zip(hidden.chunks_exact(units))
        .zip(flow.chunks_exact(last.outputs()))
    {
        for (w, &flow) in last.weights().chunks_exact(units).zip(flow) {
            below
                .iter_mut()
                .zip(w)
                .for_each(|(below, &w)| *below += flow * w);
        }
        // A unit that gave nothing, by ReLU or by dropout, passes nothing back.
        below
            .iter_mut()
            .zip(hidden)
            .for_each(|(below, &h)| *below = if h > 0.0 { *below * keep } else { 0.0 });
    }
}

/// Gradient of a layer's weights and bias from the flow `[batch, outputs]` into it.
pub(super) fn dense_gradient(
    x: &[f32],
    rows: &[usize],
    flow: &[f32],
    inputs: usize,
    gradients: &mut [Vec<f32>],
) {
    let outputs = flow.len() / rows.len().max(1);
    if let [weights, bias, ..] = gradients {
        weights.clear();
        weights.resize(outputs * inputs, 0.0);
        outer(x, rows, flow, inputs, weights);
        bias.clear();
        bias.resize(outputs, 0.0);
        for flow in flow.chunks_exact(outputs) {
            bias.iter_mut().zip(flow).for_each(|(b, f)| *b += f);
        }
    }
}
