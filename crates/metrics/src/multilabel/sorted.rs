use std::borrow::Cow;

use rayon::prelude::*;

use crate::confusion::Counts;
use crate::curves::{Areas, Order, descending};
use crate::multilabel::measures::Measures;
use crate::multilabel::predictions::MultilabelPredictions;
use crate::multilabel::sample::Sample;
use crate::probability::negative_log;

/// Some samples, sorted once by the probability of each label and once by all probabilities, so that the scores of any
/// number of resamples are computed without a sort.
pub(super) struct Sorted {
    labels: usize,
    targets: Vec<bool>,
    predicted: Vec<bool>,
    weights: Option<Vec<f64>>,
    by_label: Vec<Order>,
    all: Order,
    /// For each cell its loss and its squared distance.
    losses: Vec<(f64, f64)>,
    samples: Vec<Sample>,
}

impl Sorted {
    pub fn new(predictions: &MultilabelPredictions, rows: &[usize]) -> Self {
        let l = predictions.labels().len();
        let cells = || rows.iter().flat_map(|&row| row * l..(row + 1) * l);
        let targets: Vec<bool> = cells().map(|cell| predictions.targets()[cell]).collect();
        let probabilities = cells().map(|cell| predictions.probabilities()[cell]);
        let probabilities: Vec<f64> = probabilities.collect();
        let thresholds = predictions.thresholds().iter().cycle();
        let both = probabilities.iter().zip(thresholds);
        let predicted: Vec<bool> = both.map(|(value, threshold)| value >= threshold).collect();
        let column = |label| probabilities.iter().skip(label).step_by(l).copied();
        let sorted = |label| Order::new(&descending(column(label)));
        let samples = targets
            .par_chunks_exact(l)
            .zip(predicted.par_chunks_exact(l))
            .zip(probabilities.par_chunks_exact(l));
        let loss = |(&target, &value): (&bool, &f64)| {
            let own = if target { value } else { 1.0 - value };
            (negative_log(own), (1.0 - own).powi(2))
        };
        let weights = predictions.weights();
        Self {
            labels: l,
            weights: weights.map(|all| rows.iter().map(|&row| all[row]).collect()),
            by_label: (0..l).into_par_iter().map(sorted).collect(),
            all: Order::new(&descending(probabilities.iter().copied())),
            losses: targets.iter().zip(&probabilities).map(loss).collect(),
            samples: samples
                .map(|((targets, predicted), values)| Sample::new(targets, predicted, values))
                .collect(),
            targets,
            predicted,
        }
    }

    /// What the scores are computed from, where each sample counts as often as it is drawn.
    pub fn measures<'a>(&'a self, draws: &'a [f64]) -> Measures<'a> {
        let weights: Cow<[f64]> = match &self.weights {
            None => Cow::from(draws),
            Some(weights) => {
                let both = weights.iter().zip(draws);
                both.map(|(weight, draws)| weight * draws).collect()
            }
        };
        let l = self.labels;
        let mut counts = vec![Counts::default(); l];
        let mut losses = vec![(0.0, 0.0); l];
        let rows = self.targets.chunks_exact(l).zip(
            self.predicted
                .chunks_exact(l)
                .zip(self.losses.chunks_exact(l)),
        );
        for ((targets, (predicted, of_row)), &weight) in rows.zip(&*weights) {
            if weight == 0.0 {
                continue;
            }
            for label in 0..l {
                counts[label].add(targets[label], predicted[label], weight);
                losses[label].0 += weight * of_row[label].0;
                losses[label].1 += weight * of_row[label].1;
            }
        }
        let weight = |sample: usize| weights[sample];
        let areas = self.by_label.iter().enumerate();
        let areas: Vec<Areas> = areas
            .map(|(label, order)| order.areas(|sample| self.targets[sample * l + label], weight))
            .collect();
        let micro = self
            .all
            .areas(|cell| self.targets[cell], |cell| weight(cell / l));
        Measures {
            samples: Cow::from(&self.samples),
            total: weights.iter().sum(),
            weights,
            counts,
            areas,
            micro,
            losses,
            zero_division: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multilabel::{LabelAverage, LabelMetric, SampleMetric};

    /// The same scores as those of the samples repeated.
    #[test]
    fn draws_are_repetitions() {
        let targets = [5_usize, 3, 0, 7, 2, 6, 1, 4];
        let targets = targets.map(|bits| (0..3).map(|bit| bits >> bit & 1 == 1).collect());
        let value = |i: usize, label: usize| ((i * 7 + label * 3) % 8) as f64 / 8.0;
        let values = (0..8).map(|i| (0..3).map(|label| value(i, label)).collect());
        let all = MultilabelPredictions::new(targets.to_vec(), values.collect()).unwrap();
        let draws = [1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0, 0.0];
        let rows: Vec<usize> = (0..8)
            .flat_map(|row| std::iter::repeat_n(row, draws[row] as usize))
            .collect();
        let sorted = Sorted::new(&all, &(0..8).collect::<Vec<_>>());
        let (drawn, repeated) = (
            sorted.measures(&draws),
            all.subset(&rows).unwrap().measures(),
        );
        for metric in [
            LabelMetric::F1,
            LabelMetric::RocAuc,
            LabelMetric::AveragePrecision,
            LabelMetric::LogLoss,
        ] {
            let both = drawn.per_label(metric).into_iter();
            for (drawn, repeated) in both.zip(repeated.per_label(metric)) {
                let difference = drawn.unwrap_or(-1.0) - repeated.unwrap_or(-1.0);
                assert!(difference.abs() < 1e-14, "{metric:?}");
            }
            for average in [
                LabelAverage::Micro,
                LabelAverage::Macro,
                LabelAverage::Samples,
            ] {
                let (drawn, repeated) = (
                    drawn.average(metric, average),
                    repeated.average(metric, average),
                );
                let difference = drawn.unwrap_or(-1.0) - repeated.unwrap_or(-1.0);
                assert!(difference.abs() < 1e-14, "{metric:?} {average:?}");
            }
        }
        let loss = SampleMetric::LabelRankingLoss;
        assert!((drawn.mean(loss).unwrap() - repeated.mean(loss).unwrap()).abs() < 1e-14);
    }
}
