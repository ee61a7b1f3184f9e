//! Multinomial logistic regression to its optimum, many problems over one matrix at a time.
//!
//! The objective is that of scikit-learn 1.9 (`LogisticRegression`, penalty l2): `C Σ_i s_i loss_i + |W|² / 2`, where the
//! intercepts are not penalized. It is divided here by `C Σ_i s_i`. For two classes one vector is fitted (the log-odds of
//! the second class), whose optimum is not that of two penalized vectors.
//!
//! The matrix stays in `f32`. Blocks of rows are converted to `f64`, centered, and used for all problems before the next
//! block is read. Centering changes only the intercepts of the optimum, and makes the search much shorter.

use super::lbfgs::{Lbfgs, Status};
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::network::{Dense, Head};
use crate::head::products::{dots, outer};

/// Rows that are converted to `f64` at a time: half a megabyte where an embedding has 1024 values.
const CHUNK: usize = 64;
/// Partial sums over the rows, added in order whatever the number of threads.
const BLOCKS: usize = 32;

/// The matrix that problems share.
pub(super) struct Data<'a> {
    values: &'a [f32],
    dim: usize,
    classes: usize,
    /// `[n, outputs]`: the share of each row's target that belongs to each output.
    shares: Vec<f64>,
    means: Vec<f64>,
}

/// One set of sample weights (0 = row left out) and its inverse regularization strength.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) weights: Vec<f64>,
    pub(super) c: f64,
}

/// What came out: `[outputs, dim]` coefficients and `outputs` intercepts.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// Coefficients, then intercepts, of centered values.
    parameters: Vec<f64>,
    pub(super) converged: bool,
    pub(super) evaluations: usize,
    pub(super) gradient_norm: f64,
}

impl<'a> Data<'a> {
    /// `smoothing` moves that share of each target to all classes evenly.
    pub(super) fn new(images: &'a Embeddings, smoothing: f64) -> Self {
        let (values, targets) = (images.values(), images.targets());
        let (dim, classes) = (images.dim(), images.classes());
        let even = smoothing / classes as f64;
        let share = |target: usize, class: usize| {
            even + if target == class {
                1.0 - smoothing
            } else {
                0.0
            }
        };
        let shares = targets
            .iter()
            .flat_map(|&target| {
                let first = usize::from(classes == 2);
                (first..classes).map(move |class| share(target, class))
            })
            .collect();
        let mut means = vec![0.0; dim];
        for row in values.chunks_exact(dim) {
            for (mean, &value) in means.iter_mut().zip(row) {
                *mean += f64::from(value);
            }
        }
        for mean in &mut means {
            *mean /= targets.len() as f64;
        }
        Self {
            values,
            dim,
            classes,
            shares,
            means,
        }
    }

    /// Vectors that are fitted: one per class, but a single one for two classes.
    fn outputs(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Solves all problems; `watch` is called after each pass with the problems' largest gradient entry and may
    /// end the search.
    pub(super) fn solve(
        &self,
        problems: &[Problem],
        start: Option<&[Solution]>,
        tolerance: f64,
        passes: usize,
        mut watch: impl FnMut(usize, f64) -> bool,
    ) -> Vec<Solution> {
        let size = self.outputs() * (self.dim + 1);
        let mut searches: Vec<Lbfgs> = (0..problems.len())
            .map(|p| {
                let start = start.and_then(|s| s.get(p)).map(|s| s.parameters.clone());
                Lbfgs::new(start.unwrap_or_else(|| vec![0.0; size]), tolerance)
            })
            .collect();
        let mut status = vec![Status::Evaluate; problems.len()];
        let mut evaluations = vec![0; problems.len()];
        for pass in 0..passes {
            let active: Vec<usize> = (0..problems.len())
                .filter(|&p| status[p] == Status::Evaluate)
                .collect();
            if active.is_empty() {
                break;
            }
            let trials: Vec<(&Problem, &[f64])> = active
                .iter()
                .map(|&p| (&problems[p], searches[p].trial()))
                .collect();
            let results = self.evaluate(&trials);
            for (&p, (value, gradient)) in active.iter().zip(results) {
                status[p] = searches[p].tell(value, gradient);
                evaluations[p] += 1;
            }
            let worst = active
                .iter()
                .map(|&p| searches[p].gradient_norm())
                .fold(0.0, f64::max);
            if !watch(pass, worst) {
                break;
            }
        }
        searches
            .into_iter()
            .zip(status)
            .zip(evaluations)
            .map(|((search, status), evaluations)| Solution {
                parameters: search.best().to_vec(),
                converged: status != Status::Evaluate,
                evaluations,
                gradient_norm: search.gradient_norm(),
            })
            .collect()
    }

    /// Value and gradient of each problem's objective at its point.
    fn evaluate(&self, trials: &[(&Problem, &[f64])]) -> Vec<(f64, Vec<f64>)> {
        let (outputs, dim) = (self.outputs(), self.dim);
        let columns = trials.len() * outputs;
        let coefficients: Vec<f64> = trials
            .iter()
            .flat_map(|(_, x)| &x[..outputs * dim])
            .copied()
            .collect();
        let intercepts: Vec<f64> = trials
            .iter()
            .flat_map(|(_, x)| &x[outputs * dim..])
            .copied()
            .collect();
        let block = self.rows().div_ceil(BLOCKS).next_multiple_of(CHUNK);
        let partial = crate::threads::map((0..self.rows()).step_by(block), |first| {
            let mut sums = Partial::new(trials.len(), columns, dim);
            let mut wide = Vec::with_capacity(CHUNK * dim);
            let mut logits = vec![0.0; CHUNK * columns];
            let order: Vec<usize> = (0..CHUNK).collect();
            let end = (first + block).min(self.rows());
            for chunk in (first..end).step_by(CHUNK) {
                let rows = CHUNK.min(end - chunk);
                self.widen(chunk, rows, &mut wide);
                let logits = &mut logits[..rows * columns];
                dots(&wide, &order[..rows], &coefficients, dim, logits);
                for (i, logits) in logits.chunks_exact_mut(columns).enumerate() {
                    let shares = &self.shares[(chunk + i) * outputs..(chunk + i + 1) * outputs];
                    for (p, z) in logits.chunks_exact_mut(outputs).enumerate() {
                        let weight = trials[p].0.weights[chunk + i];
                        if weight == 0.0 {
                            z.fill(0.0);
                            continue;
                        }
                        for (z, b) in z.iter_mut().zip(&intercepts[p * outputs..]) {
                            *z += b;
                        }
                        sums.losses[p] += weight * loss(z, shares);
                        for (k, z) in z.iter_mut().enumerate() {
                            *z *= weight;
                            sums.intercepts[p * outputs + k] += *z;
                        }
                    }
                }
                outer(&wide, &order[..rows], logits, dim, &mut sums.coefficients);
            }
            sums
        });
        let mut total = Partial::new(trials.len(), columns, dim);
        for part in &partial {
            total.add(part);
        }
        trials
            .iter()
            .enumerate()
            .map(|(p, (problem, x))| {
                let weight: f64 = problem.weights.iter().sum();
                let penalty = 1.0 / (problem.c * weight);
                let w = &x[..outputs * dim];
                let value =
                    total.losses[p] / weight + 0.5 * penalty * w.iter().map(|w| w * w).sum::<f64>();
                let gradient = total.coefficients[p * outputs * dim..(p + 1) * outputs * dim]
                    .iter()
                    .zip(w)
                    .map(|(g, w)| g / weight + penalty * w)
                    .chain(
                        total.intercepts[p * outputs..(p + 1) * outputs]
                            .iter()
                            .map(|g| g / weight),
                    )
                    .collect();
                (value, gradient)
            })
            .collect()
    }

    fn widen(&self, first: usize, rows: usize, wide: &mut Vec<f64>) {
        wide.clear();
        for row in self.values[first * self.dim..(first + rows) * self.dim].chunks_exact(self.dim) {
            wide.extend(row.iter().zip(&self.means).map(|(&v, m)| f64::from(v) - m));
        }
    }

    /// A solution as a head, for values that are not centered. Two classes share one vector: each gets half of it, with
    /// opposite signs.
    pub(super) fn head(&self, solution: &Solution) -> Result<Head> {
        let (coefficients, intercepts) = solution.parameters.split_at(self.outputs() * self.dim);
        let intercepts: Vec<f64> = std::iter::zip(intercepts, coefficients.chunks_exact(self.dim))
            .map(|(b, w)| b - w.iter().zip(&self.means).map(|(w, m)| w * m).sum::<f64>())
            .collect();
        let scales: &[f64] = if self.classes == 2 {
            &[-0.5, 0.5]
        } else {
            &[1.0]
        };
        let narrow = |values: &[f64]| -> Vec<f32> {
            let scaled = |scale| values.iter().map(move |v| (v * scale) as f32);
            scales.iter().flat_map(scaled).collect()
        };
        let layer = Dense::new(self.dim, narrow(coefficients), narrow(&intercepts))?;
        Head::new(vec![layer])
    }
}

/// Cross-entropy of a row; its logits become the derivative.
fn loss(logits: &mut [f64], shares: &[f64]) -> f64 {
    if let ([z], [share]) = (&mut *logits, shares) {
        // log(1 + e^z) - share z, without overflow.
        let loss = z.max(0.0) + (-z.abs()).exp().ln_1p() - share * *z;
        let small = (-z.abs()).exp();
        let sigmoid = if *z >= 0.0 {
            1.0 / (1.0 + small)
        } else {
            small / (1.0 + small)
        };
        *z = sigmoid - share;
        return loss;
    }
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - top).exp()).sum();
    let log_sum = top + sum.ln();
    let loss = logits
        .iter()
        .zip(shares)
        .map(|(z, s)| s * (log_sum - z))
        .sum();
    for (z, share) in logits.iter_mut().zip(shares) {
        *z = (*z - log_sum).exp() - share;
    }
    loss
}

struct Partial {
    losses: Vec<f64>,
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

impl Partial {
    fn new(problems: usize, columns: usize, dim: usize) -> Self {
        Self {
            losses: vec![0.0; problems],
            coefficients: vec![0.0; columns * dim],
            intercepts: vec![0.0; columns],
        }
    }

    fn add(&mut self, other: &Self) {
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        add(&mut self.losses, &other.losses);
        add(&mut self.coefficients, &other.coefficients);
        add(&mut self.intercepts, &other.intercepts);
    }
}
