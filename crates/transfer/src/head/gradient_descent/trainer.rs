use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::{GradientDescent, Sampling};
use super::passes::{cross_entropy, dense_gradient, forward, hidden_gradient, logit_gradient};
use super::rng::{Purpose, generator};
use super::state::State;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::config::HeadConfig;
use crate::head::network::{Dense, argmax};
use crate::head::report::{StepRecord, Validation};
use crate::head::training::Rows;

/// Adam: decay of the first and second moment, and what is added to the root.
const ADAM: (f32, f32, f32) = (0.9, 0.999, 1e-8);

/// Takes the steps of a training; its buffers are used again in every step.
pub(super) struct Trainer<'a> {
    config: &'a HeadConfig,
    recipe: &'a GradientDescent,
    training: &'a Embeddings,
    by_class: Vec<Vec<usize>>,
    class_weights: Vec<f64>,
    /// The images of the batch.
    images: Vec<usize>,
    /// The source of their embeddings, if not `training`, and what it gave.
    rows: Option<Rows<'a>>,
    varied: Vec<f32>,
    order: (u64, Vec<usize>),
    hidden: Vec<f32>,
    logits: Vec<f32>,
    hidden_flow: Vec<f32>,
    gradients: Vec<Vec<f32>>,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        config: &'a HeadConfig,
        recipe: &'a GradientDescent,
        training: &'a Embeddings,
        rows: Option<Rows<'a>>,
    ) -> Self {
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
            class_weights: config.class_weights.per_class(training.targets(), classes),
            images: Vec::new(),
            rows,
            varied: Vec::new(),
            order: (u64::MAX, Vec::new()),
            hidden: Vec::new(),
            logits: Vec::new(),
            hidden_flow: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// One step: draw, forward, backward, update.
    pub(super) fn step(&mut self, state: &mut State) -> Result<()> {
        self.draw(state.steps);
        if let Some(rows) = &mut self.rows {
            self.varied = rows(state.steps, &self.images)?;
            let (batch, dim) = (self.images.len(), self.training.dim());
            if self.varied.len() != batch * dim {
                let expected = format!("{batch} of {dim}");
                return Err(Error::mismatch(
                    "values of a batch",
                    expected,
                    self.varied.len(),
                ));
            }
        }
        let every: Vec<usize> = (0..self.images.len()).collect();
        let (x, rows) = match self.rows {
            Some(_) => (&self.varied[..], &every[..]),
            None => (self.training.values(), &self.images[..]),
        };
        let mut noise = generator(self.config.seed, Purpose::Dropout, state.steps as u64);
        forward(
            &state.layers,
            x,
            rows,
            &mut self.hidden,
            &mut self.logits,
            Some((self.recipe.dropout, &mut noise)),
        );
        logit_gradient(
            self.config.label_smoothing,
            &self.class_weights,
            self.images
                .iter()
                .map(|&image| self.training.targets()[image]),
            &mut self.logits,
        );
        self.gradients.resize(2 * state.layers.len(), Vec::new());
        let mut flow = &self.logits;
        if let [_, last] = state.layers.as_slice() {
            let gradients = &mut self.gradients[2..];
            dense_gradient(&self.hidden, &every, flow, last.inputs(), gradients);
            let keep = 1.0 / (1.0 - self.recipe.dropout);
            hidden_gradient(last, &self.hidden, keep, flow, &mut self.hidden_flow);
            flow = &self.hidden_flow;
        }
        dense_gradient(x, rows, flow, self.training.dim(), &mut self.gradients[..2]);
        update(self.recipe, state, &self.gradients);
        Ok(())
    }

    /// The images of a step's batch.
    fn draw(&mut self, step: usize) {
        self.images.clear();
        match self.recipe.sampling {
            Sampling::Balanced => {
                let mut rng = generator(self.config.seed, Purpose::Batch, step as u64);
                draw_balanced(
                    &self.by_class,
                    self.recipe.batch,
                    &mut rng,
                    &mut self.images,
                );
            }
            Sampling::Shuffled => {
                let n = self.training.len();
                let first = step * self.recipe.batch;
                for position in first..first + self.recipe.batch {
                    let round = (position / n) as u64;
                    if self.order.0 != round {
                        let mut order: Vec<usize> = (0..n).collect();
                        order.shuffle(&mut generator(self.config.seed, Purpose::Batch, round));
                        self.order = (round, order);
                    }
                    self.images.push(self.order.1[position % n]);
                }
            }
        }
    }

    /// Accuracy and cross-entropy on the step's batch and on validation images.
    pub(super) fn evaluate(
        &mut self,
        state: &State,
        step: usize,
        validation: &Embeddings,
    ) -> StepRecord {
        let (varied, images) = (std::mem::take(&mut self.varied), self.images.clone());
        let training = self.training;
        let targets: Vec<usize> = images.iter().map(|&i| training.targets()[i]).collect();
        let (train_accuracy, train_cross_entropy) = match self.rows {
            Some(_) => {
                let every: Vec<usize> = (0..images.len()).collect();
                self.measure(&state.layers, &varied, &every, &targets)
            }
            None => self.measure(&state.layers, training.values(), &images, &targets),
        };
        let rows = match (self.recipe.validation_batch, self.recipe.patience) {
            (Some(images), None) if !validation.is_empty() => {
                let mut by_class = vec![Vec::new(); validation.classes()];
                for (row, &target) in validation.targets().iter().enumerate() {
                    by_class[target].push(row);
                }
                by_class.retain(|rows| !rows.is_empty());
                let mut rows = Vec::new();
                let mut rng = generator(self.config.seed, Purpose::Validation, step as u64);
                draw_balanced(&by_class, images, &mut rng, &mut rows);
                rows
            }
            _ => (0..validation.len()).collect(),
        };
        let validation = (!rows.is_empty()).then(|| {
            let targets: Vec<usize> = rows.iter().map(|&row| validation.targets()[row]).collect();
            let (accuracy, cross_entropy) =
                self.measure(&state.layers, validation.values(), &rows, &targets);
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

    /// Accuracy and mean cross-entropy of these rows of `values`.
    fn measure(
        &mut self,
        layers: &[Dense],
        values: &[f32],
        rows: &[usize],
        targets: &[usize],
    ) -> (f64, f64) {
        let classes = self.training.classes();
        forward(
            layers,
            values,
            rows,
            &mut self.hidden,
            &mut self.logits,
            None::<(f32, &mut ChaCha8Rng)>,
        );
        let (mut right, mut loss) = (0, 0.0);
        for (logits, &target) in self.logits.chunks_exact_mut(classes).zip(targets) {
            right += usize::from(argmax(logits) == target);
            loss += cross_entropy(logits, target);
        }
        (right as f64 / rows.len() as f64, loss / rows.len() as f64)
    }
}

fn update(recipe: &GradientDescent, state: &mut State, gradients: &[Vec<f32>]) {
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
