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
