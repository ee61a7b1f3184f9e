//! Rounds weights so that what a layer computes, not each weight by itself, stays near to the floats.
//!
//! First the weights are fitted: of all that are near to the trained ones, those whose sums for the quantized inputs are
//! nearest to what the net in floats computes (a ridge regression). They are then rounded one input after the other, and
//! what rounding one input changes is made up for by those that are still to be rounded
//! ([Frantar et al. 2022](https://arxiv.org/abs/2210.17323), with the inputs in the order of their variance).

use super::parallel;
use super::symmetric::{cholesky, inverse, solve, subtract};

/// How strongly fitted weights are held to the trained ones, in mean variances of the inputs.
const RIDGE: f64 = 1.0;
/// What is added to the variances of the inputs while weights are rounded, in the mean of them.
const DAMPING: f64 = 0.01;

/// Samples of a layer: what it reads, `[n, inputs]`, and what it should compute, `[n, outputs]`.
pub(super) struct Samples {
    pub inputs: usize,
    pub outputs: usize,
    pub read: Vec<f32>,
    pub wanted: Vec<f32>,
}

impl Samples {
    /// Fits weights `[inputs, outputs]` and rounds them to levels of at most `most`, for these scales of the outputs.
    pub fn round(mut self, weights: &[f32], scales: &[f32], most: f32) -> Vec<i8> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        center(&mut self.read, inputs);
        center(&mut self.wanted, outputs);
        let moments = products(&self.read, inputs, &self.read, inputs);
        let mut target = products(&self.read, inputs, &self.wanted, outputs);
        let mean = moments.iter().step_by(inputs + 1).sum::<f64>() / inputs as f64;
        // Inputs that are always the same say nothing: the weights are then rounded as they are.
        let mean = mean.max(1e-12);
        for (target, &weight) in target.iter_mut().zip(weights) {
            *target += RIDGE * mean * f64::from(weight);
        }
        let ridge = cholesky(&with_diagonal(&moments, inputs, RIDGE * mean), inputs);
        let fitted = solve(&ridge, inputs, target);
        let damped = with_diagonal(&moments, inputs, DAMPING * mean);
        round(fitted, &damped, scales, f64::from(most))
    }
}

/// Rounds weights `[inputs, outputs]`, for inputs with these second moments.
fn round(weights: Vec<f64>, moments: &[f64], scales: &[f32], most: f64) -> Vec<i8> {
    let outputs = scales.len();
    let inputs = weights.len() / outputs.max(1);
    let mut order: Vec<usize> = (0..inputs).collect();
    order.sort_by(|&a, &b| moments[b * inputs + b].total_cmp(&moments[a * inputs + a]));
    let ordered: Vec<f64> = order
        .iter()
        .flat_map(|&i| order.iter().map(move |&j| moments[i * inputs + j]))
        .collect();
    // Column `i` of the lower triangle is row `i` of the upper one.
    let lower = cholesky(&inverse(&ordered, inputs), inputs);
    let mut left: Vec<f64> = order
        .iter()
        .flat_map(|&i| &weights[i * outputs..(i + 1) * outputs])
        .copied()
        .collect();
    let mut levels = vec![0; inputs * outputs];
    for (place, &input) in order.iter().enumerate() {
        let (done, rest) = left.split_at_mut((place + 1) * outputs);
        let row = &mut done[place * outputs..];
        let to = &mut levels[input * outputs..];
        let diagonal = lower[place * inputs + place];
        for ((weight, &scale), level) in row.iter_mut().zip(scales).zip(to) {
            let scale = f64::from(scale);
            let rounded = (*weight / scale).round_ties_even().clamp(-most, most);
            *level = rounded as i8;
            *weight = (*weight - rounded * scale) / diagonal;
        }
        for (later, next) in (place + 1..inputs).zip(rest.chunks_exact_mut(outputs)) {
            subtract(next, row, lower[later * inputs + place]);
        }
    }
    levels
}

/// The matrix with something added to its diagonal.
fn with_diagonal(matrix: &[f64], n: usize, more: f64) -> Vec<f64> {
    let mut sum = matrix.to_vec();
    sum.iter_mut().step_by(n + 1).for_each(|v| *v += more);
    sum
}

/// Subtracts the mean of each column.
fn center(rows: &mut [f32], columns: usize) {
    let mut means = vec![0f64; columns];
    let n = (rows.len() / columns.max(1)) as f64;
    for row in rows.chunks_exact(columns) {
        for (mean, &v) in means.iter_mut().zip(row) {
            *mean += f64::from(v) / n;
        }
    }
    for row in rows.chunks_exact_mut(columns) {
        for (v, mean) in row.iter_mut().zip(&means) {
            *v -= *mean as f32;
        }
    }
}

/// The mean over rows of the products of their columns: `[left columns, right columns]`.
fn products(left: &[f32], columns: usize, right: &[f32], others: usize) -> Vec<f64> {
    /// Columns of the left side that are computed in one walk over the rows.
    const AT_ONCE: usize = 8;
    let n = (left.len() / columns.max(1)).max(1) as f64;
    let parts = parallel::map(columns.div_ceil(AT_ONCE), |part| {
        let range = part * AT_ONCE..columns.min((part + 1) * AT_ONCE);
        let mut sums = vec![0f32; range.len() * others];
        let rows = left.chunks_exact(columns).zip(right.chunks_exact(others));
        for (left, right) in rows {
            for (&a, sums) in left[range.clone()]
                .iter()
                .zip(sums.chunks_exact_mut(others))
            {
                for (sum, &b) in sums.iter_mut().zip(right) {
                    *sum += a * b;
                }
            }
        }
        sums
    });
    let means = parts.into_iter().flatten().map(|sum| f64::from(sum) / n);
    means.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs of which two always change together: rounding one is made up for by the other.
    #[test]
    fn sums_are_nearer_than_those_of_the_nearest_weights() {
        let (n, inputs, outputs) = (400, 6, 3);
        let noise = |i: usize| ((i * 7919 % 1009) as f32 / 1009.0) - 0.5;
        let read: Vec<f32> = (0..n)
            .flat_map(|s| {
                let shared = noise(3 * s);
                (0..inputs).map(move |k| shared + 0.1 * noise(17 * s + 5 * k))
            })
            .collect();
        let weights: Vec<f32> = (0..inputs * outputs).map(|i| noise(i * 31 + 2)).collect();
        let sum = |row: &[f32], w: &dyn Fn(usize) -> f32, o: usize| -> f32 {
            (0..inputs).map(|k| row[k] * w(k * outputs + o)).sum()
        };
        let wanted: Vec<f32> = read
            .chunks_exact(inputs)
            .flat_map(|row| (0..outputs).map(|o| sum(row, &|at| weights[at], o)))
            .collect();
        let error = |levels: &[i8], scales: &[f32]| -> f64 {
            let rows = read.chunks_exact(inputs).zip(wanted.chunks_exact(outputs));
            rows.map(|(row, wanted)| -> f64 {
                let real = |at: usize| f32::from(levels[at]) * scales[at % outputs];
                (0..outputs)
                    .map(|o| f64::from(sum(row, &real, o) - wanted[o]).powi(2))
                    .sum()
            })
            .sum()
        };
        let samples = Samples {
            inputs,
            outputs,
            read: read.clone(),
            wanted: wanted.clone(),
        };
        let scales = [0.5 / 127.0; 3];
        let fitted = samples.round(&weights, &scales, 127.0);
        let nearest: Vec<i8> = (0..weights.len())
            .map(|at| (weights[at] / scales[at % outputs]).round() as i8)
            .collect();
        let (found, plain) = (error(&fitted, &scales), error(&nearest, &scales));
        assert!(found < plain / 2.0, "{found} instead of {plain}");
    }

    /// Inputs that never change leave the weights as they are.
    #[test]
    fn without_information_the_nearest_levels_are_taken() {
        let samples = Samples {
            inputs: 2,
            outputs: 1,
            read: vec![3.0; 8],
            wanted: vec![1.0; 4],
        };
        let levels = samples.round(&[1.27, -0.504], &[0.01], 127.0);
        assert_eq!(levels, [127, -50]);
    }
}
