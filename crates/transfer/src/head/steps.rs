//! Training by gradient steps on batches.
//!
//! The state between two steps is the weights, the optimiser's moments and the number of the step: batches,
//! dropout and validation draws come from generators seeded by that number, so a run that stops anywhere can go
//! on from its state and end in the same bytes.

use std::ops::ControlFlow;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::counts;
use super::products::{dots, outer};
use super::{
    Dense, FitEvent, FitReport, Head, HeadConfig, Optimiser, Sampling, StepRecord, StepsConfig,
    Stopped, Validation,
};
use crate::{Embeddings, Error, Result};

/// Deviation of the last layer's first weights, as in `retrain.py`.
const LAST_DEVIATION: f64 = 0.001;
/// Adam: decay of the first and second moment, and what is added to the root.
const ADAM: (f32, f32, f32) = (0.9, 0.999, 1e-8);
/// Generators of one seed: what each stream is for; the rest of the stream's number is the step or the round.
const START: u64 = 0;
const BATCH: u64 = 1;
const DROPOUT: u64 = 2;
const LOOK: u64 = 3;

pub(super) fn fit(
    config: &HeadConfig,
    recipe: &StepsConfig,
    training: &Embeddings,
    validation: &Embeddings,
    watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
) -> Result<(Head, FitReport)> {
    let start = State::new(config, recipe, training)?;
    let (state, stopped) = run(config, recipe, training, validation, start, watch)?;
    state.finish(config, training.len(), stopped)
}

/// Where a training stands after a number of steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// Steps done.
    pub(crate) steps: usize,
    pub(crate) layers: Vec<Dense>,
    /// Adam's moments, laid out as weights then bias of each layer; empty for plain descent.
    pub(crate) moments: Vec<(Vec<f32>, Vec<f32>)>,
    /// The weights with the lowest validation cross-entropy, that value, and the steps they took.
    pub(crate) best: Option<(Vec<Dense>, f64, usize)>,
    /// Looks since then.
    pub(crate) stale: usize,
    pub(crate) history: Vec<StepRecord>,
}

impl State {
    pub(crate) fn new(
        config: &HeadConfig,
        recipe: &StepsConfig,
        training: &Embeddings,
    ) -> Result<Self> {
        let mut rng = generator(config.seed, START, 0);
        let (dim, classes) = (training.dim(), training.classes());
        if let Some(class) = counts(training.targets(), classes)
            .iter()
            .position(|&n| n == 0)
        {
            return Err(Error::TooFewImages {
                class,
                found: 0,
                needed: 1,
            });
        }
        let mut layer = |inputs: usize, outputs: usize, deviation: f64| {
            let weights = (0..inputs * outputs)
                .map(|_| (deviation * truncated_normal(&mut rng)) as f32)
                .collect();
            Dense::new(inputs, weights, vec![0.0; outputs])
        };
        let layers = match recipe.hidden {
            None => vec![layer(dim, classes, LAST_DEVIATION)?],
            Some(units) => {
                vec![
                    layer(dim, units, (2.0 / dim as f64).sqrt())?,
                    layer(units, classes, LAST_DEVIATION)?,
                ]
            }
        };
        let moments = match recipe.optimiser {
            Optimiser::Sgd => Vec::new(),
            Optimiser::Adam => layers
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

    fn finish(
        self,
        config: &HeadConfig,
        images: usize,
        stopped: Stopped,
    ) -> Result<(Head, FitReport)> {
        let (layers, steps) = match self.best {
            Some((layers, _, steps)) => (layers, steps),
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
        Ok((Head::new(layers)?, report))
    }
}

/// Takes steps from `state` to the last one, or until something ends the training.
pub(crate) fn run(
    config: &HeadConfig,
    recipe: &StepsConfig,
    training: &Embeddings,
    validation: &Embeddings,
    mut state: State,
    mut watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
) -> Result<(State, Stopped)> {
    let mut trainer = Trainer::new(config, recipe, training);
    while state.steps < recipe.steps {
        let step = state.steps;
        trainer.step(&mut state);
        state.steps += 1;
        let last = state.steps == recipe.steps;
        if !step.is_multiple_of(recipe.eval_interval) && !last {
            continue;
        }
        if state
            .layers
            .iter()
            .any(|l| l.weights().iter().any(|w| !w.is_finite()))
        {
            return Err(Error::Setting {
                setting: "learning_rate",
                value: recipe.learning_rate.to_string(),
                hint: "the weights grew without bounds; choose a smaller one",
            });
        }
        let record = trainer.look(&state, step, validation);
        let ended = watch(FitEvent::Step {
            record: &record,
            layers: &state.layers,
            steps: recipe.steps,
        })
        .is_break();
        let loss = record.validation.map_or(f64::INFINITY, |v| v.cross_entropy);
        state.history.push(record);
        if let Some(patience) = recipe.patience {
            if state.best.as_ref().is_none_or(|(_, best, _)| loss < *best) {
                state.best = Some((state.layers.clone(), loss, state.steps));
                state.stale = 0;
            } else {
                state.stale += 1;
            }
            if state.stale >= patience && !last {
                return Ok((state, Stopped::Early));
            }
        }
        if ended && !last {
            return Ok((state, Stopped::Cancelled));
        }
    }
    Ok((state, Stopped::Steps))
}

/// Room for a batch, used again in every step.
struct Trainer<'a> {
    config: &'a HeadConfig,
    recipe: &'a StepsConfig,
    training: &'a Embeddings,
    by_class: Vec<Vec<usize>>,
    class_weights: Vec<f64>,
    rows: Vec<usize>,
    order: (u64, Vec<usize>),
    hidden: Vec<f32>,
    logits: Vec<f32>,
    hidden_flow: Vec<f32>,
    gradients: Vec<Vec<f32>>,
}

impl<'a> Trainer<'a> {
    fn new(config: &'a HeadConfig, recipe: &'a StepsConfig, training: &'a Embeddings) -> Self {
        let classes = training.classes();
        let mut by_class = vec![Vec::new(); classes];
        for (row, &target) in training.targets().iter().enumerate() {
            by_class[target].push(row);
        }
        Self {
            config,
            recipe,
            training,
            by_class,
            class_weights: HeadConfig::weights(&config.class_weights, training.targets(), classes),
            rows: Vec::new(),
            order: (u64::MAX, Vec::new()),
            hidden: Vec::new(),
            logits: Vec::new(),
            hidden_flow: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// One step: draw, forward, backward, update.
    fn step(&mut self, state: &mut State) {
        self.draw(state.steps);
        let (x, dim) = (self.training.values(), self.training.dim());
        let classes = self.training.classes();
        let batch = self.rows.len();
        let mut noise = generator(self.config.seed, DROPOUT, state.steps as u64);
        forward(
            &state.layers,
            x,
            &self.rows,
            &mut self.hidden,
            &mut self.logits,
            Some((self.recipe.dropout, &mut noise)),
        );
        let even = (self.config.label_smoothing / classes as f64) as f32;
        let own = (1.0 - self.config.label_smoothing) as f32;
        for (logits, &row) in self.logits.chunks_exact_mut(classes).zip(&self.rows) {
            let target = self.training.targets()[row];
            let scale = self.class_weights[target] as f32 / batch as f32;
            cross_entropy(logits, target);
            for (class, z) in logits.iter_mut().enumerate() {
                let share = even + if class == target { own } else { 0.0 };
                *z = (*z - share) * scale;
            }
        }
        self.gradients.resize(2 * state.layers.len(), Vec::new());
        let (mut flow, mut inputs, mut rows, mut width) = (&self.logits, x, &self.rows[..], dim);
        let every: Vec<usize> = (0..batch).collect();
        if let [_, last] = state.layers.as_slice() {
            dense_gradient(
                &self.hidden,
                &every,
                flow,
                last.inputs(),
                &mut self.gradients[2..],
            );
            let units = last.inputs();
            self.hidden_flow.clear();
            self.hidden_flow.resize(batch * units, 0.0);
            let keep = 1.0 / (1.0 - self.recipe.dropout);
            for ((below, hidden), flow) in self
                .hidden_flow
                .chunks_exact_mut(units)
                .zip(self.hidden.chunks_exact(units))
                .zip(flow.chunks_exact(classes))
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
            (flow, inputs, rows, width) = (&self.hidden_flow, x, &self.rows, dim);
        }
        dense_gradient(inputs, rows, flow, width, &mut self.gradients[..2]);
        update(self.recipe, state, &self.gradients);
    }

    /// The rows of a step's batch.
    fn draw(&mut self, step: usize) {
        self.rows.clear();
        match self.recipe.sampling {
            Sampling::Balanced => {
                let mut rng = generator(self.config.seed, BATCH, step as u64);
                draw_balanced(&self.by_class, self.recipe.batch, &mut rng, &mut self.rows);
            }
            Sampling::Shuffled => {
                let n = self.training.len();
                let first = step * self.recipe.batch;
                for position in first..first + self.recipe.batch {
                    let round = (position / n) as u64;
                    if self.order.0 != round {
                        let mut order: Vec<usize> = (0..n).collect();
                        order.shuffle(&mut generator(self.config.seed, BATCH, round));
                        self.order = (round, order);
                    }
                    self.rows.push(self.order.1[position % n]);
                }
            }
        }
    }

    /// Accuracy and cross-entropy on the step's batch and on validation images.
    fn look(&mut self, state: &State, step: usize, validation: &Embeddings) -> StepRecord {
        let (train_accuracy, train_cross_entropy) =
            self.judge(&state.layers, self.training, &self.rows.clone());
        let rows = match (self.recipe.validation_batch, self.recipe.patience) {
            (Some(images), None) if !validation.is_empty() => {
                let mut by_class = vec![Vec::new(); validation.classes()];
                for (row, &target) in validation.targets().iter().enumerate() {
                    by_class[target].push(row);
                }
                by_class.retain(|rows| !rows.is_empty());
                let mut rows = Vec::new();
                let mut rng = generator(self.config.seed, LOOK, step as u64);
                draw_balanced(&by_class, images, &mut rng, &mut rows);
                rows
            }
            _ => (0..validation.len()).collect(),
        };
        let validation = (!rows.is_empty()).then(|| {
            let (accuracy, cross_entropy) = self.judge(&state.layers, validation, &rows);
            Validation {
                accuracy,
                cross_entropy,
                images: rows.len(),
            }
        });
        StepRecord {
            step,
            learning_rate: self.recipe.learning_rate,
            train_accuracy,
            train_cross_entropy,
            validation,
        }
    }

    fn judge(&mut self, layers: &[Dense], images: &Embeddings, rows: &[usize]) -> (f64, f64) {
        let classes = self.training.classes();
        forward(
            layers,
            images.values(),
            rows,
            &mut self.hidden,
            &mut self.logits,
            None::<(f32, &mut ChaCha8Rng)>,
        );
        let (mut right, mut loss) = (0, 0.0);
        for (logits, &row) in self.logits.chunks_exact_mut(classes).zip(rows) {
            let target = images.targets()[row];
            right += usize::from(
                logits
                    .iter()
                    .enumerate()
                    .all(|(k, z)| k == target || *z < logits[target]),
            );
            loss += cross_entropy(logits, target);
        }
        (right as f64 / rows.len() as f64, loss / rows.len() as f64)
    }
}

/// Logits of some rows; the hidden layer's outputs (after ReLU and dropout) stay for the way back.
fn forward(
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
fn cross_entropy(logits: &mut [f32], target: usize) -> f64 {
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
fn dense_gradient(
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

fn update(recipe: &StepsConfig, state: &mut State, gradients: &[Vec<f32>]) {
    let rate = recipe.learning_rate;
    let keep = 1.0 - rate * recipe.weight_decay;
    let (a, b, small) = ADAM;
    let time = i32::try_from(state.steps + 1).unwrap_or(i32::MAX);
    let (first_scale, second_scale) = (1.0 / (1.0 - a.powi(time)), 1.0 / (1.0 - b.powi(time)));
    for (index, layer) in state.layers.iter_mut().enumerate() {
        let (weights, bias) = layer.parts_mut();
        for (part, (values, keep)) in [(weights, keep), (bias, 1.0)].into_iter().enumerate() {
            let gradient = &gradients[2 * index + part];
            match state.moments.get_mut(2 * index + part) {
                None => values
                    .iter_mut()
                    .zip(gradient)
                    .for_each(|(v, g)| *v = *v * keep - rate * g),
                Some((first, second)) => {
                    for (((v, g), m), s) in values.iter_mut().zip(gradient).zip(first).zip(second) {
                        *m = a * *m + (1.0 - a) * g;
                        *s = b * *s + (1.0 - b) * g * g;
                        *v = *v * keep
                            - rate * (*m * first_scale) / ((*s * second_scale).sqrt() + small);
                    }
                }
            }
        }
    }
}

fn draw_balanced(
    by_class: &[Vec<usize>],
    count: usize,
    rng: &mut ChaCha8Rng,
    rows: &mut Vec<usize>,
) {
    for _ in 0..count {
        let class = &by_class[rng.random_range(0..by_class.len())];
        rows.push(class[rng.random_range(0..class.len())]);
    }
}

/// The generator for one purpose and one step.
fn generator(seed: u64, purpose: u64, step: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose << 60) | step);
    rng
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
