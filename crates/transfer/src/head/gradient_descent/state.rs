use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::{GradientDescent, Optimizer};
use super::rng::{Purpose, generator};
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::config::HeadConfig;
use crate::head::network::{Dense, Head};
use crate::head::report::{FitReport, Fitted, StepRecord, Stopped};

/// Deviation of the last layer's first weights, as in `retrain.py`.
const LAST_DEVIATION: f64 = 0.001;

/// Where a training stands after a number of steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// Steps done.
    pub(super) steps: usize,
    pub(super) layers: Vec<Dense>,
    /// Adam's moments, laid out as weights then bias of each layer; empty for plain descent.
    pub(super) moments: Vec<(Vec<f32>, Vec<f32>)>,
    pub(super) best: Option<Best>,
    /// Looks since the best.
    pub(super) stale: usize,
    pub(super) history: Vec<StepRecord>,
}

/// The weights with the lowest validation cross-entropy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Best {
    pub(super) layers: Vec<Dense>,
    pub(super) loss: f64,
    /// Steps that they took.
    pub(super) steps: usize,
}

impl State {
    pub(super) fn new(
        config: &HeadConfig,
        recipe: &GradientDescent,
        training: &Embeddings,
        head: Option<&Head>,
    ) -> Result<Self> {
        let mut rng = generator(config.seed, Purpose::InitialWeights, 0);
        let (dim, classes) = (training.dim(), training.classes());
        training.check_no_class_is_empty()?;
        let mut layer = |inputs: usize, outputs: usize, deviation: f64| {
            let weights = (0..inputs * outputs)
                .map(|_| (deviation * truncated_normal(&mut rng)) as f32)
                .collect();
            Dense::new(inputs, weights, vec![0.0; outputs])
        };
        let mut layers = match recipe.hidden {
            None => vec![layer(dim, classes, LAST_DEVIATION)?],
            Some(units) => {
                vec![
                    layer(dim, units, (2.0 / dim as f64).sqrt())?,
                    layer(units, classes, LAST_DEVIATION)?,
                ]
            }
        };
        if let Some(head) = head {
            take_over(head, &mut layers)?;
        }
        let moments = match recipe.optimizer {
            Optimizer::Sgd => Vec::new(),
            Optimizer::Adam => layers
                .iter()
                .flat_map(|l| [l.weights().len(), l.bias().len()])
                .map(|n| (vec![0.0; n], vec![0.0; n]))
                .collect(),
        };
        Ok(Self {
            steps: 0,
            layers,
            moments,
            best: None,
            stale: 0,
            history: Vec::new(),
        })
    }

    pub(super) fn finish(
        self,
        config: &HeadConfig,
        images: usize,
        stopped: Stopped,
    ) -> Result<Fitted> {
        let (layers, steps) = match self.best {
            Some(best) => (best.layers, best.steps),
            None => (self.layers, self.steps),
        };
        let report = FitReport {
            config: config.clone(),
            images,
            candidates: Vec::new(),
            choice: None,
            out_of_fold: Vec::new(),
            history: self.history,
            stopped,
            steps,
            gradient: None,
        };
        Ok(Fitted {
            head: Head::new(layers)?,
            report,
        })
    }
}

/// Puts a head's weights into layers of the same shape, or of more classes: the new ones keep their small weights and
/// get the lowest of its biases.
fn take_over(head: &Head, layers: &mut [Dense]) -> Result<()> {
    let shape = |layers: &[Dense]| -> Vec<(usize, usize)> {
        let shape = layers.iter().map(|layer| (layer.inputs(), layer.outputs()));
        shape.collect()
    };
    let (found, expected) = (shape(head.layers()), shape(layers));
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .enumerate()
            .all(|(i, (a, b))| a.0 == b.0 && (a.1 == b.1 || i + 1 == found.len() && a.1 < b.1));
    if !fits {
        return Err(Error::mismatch(
            "layers of the head to start from (inputs, outputs)",
            format!("{expected:?}, or fewer classes"),
            format!("{found:?}"),
        ));
    }
    for (from, to) in head.layers().iter().zip(layers) {
        let (weights, bias) = to.parts_mut();
        let lowest = from.bias().iter().copied().fold(f32::INFINITY, f32::min);
        bias.fill(lowest);
        bias[..from.outputs()].copy_from_slice(from.bias());
        weights[..from.weights().len()].copy_from_slice(from.weights());
    }
    Ok(())
}

/// A standard normal number within two deviations (Box and Muller's cosine, drawn again outside).
fn truncated_normal(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
        let value = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        if value.abs() < 2.0 {
            return value;
        }
    }
}
