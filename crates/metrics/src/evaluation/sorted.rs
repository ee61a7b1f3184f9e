use std::borrow::Cow;

use rayon::prelude::*;

use crate::confusion::{Average, Margins};
use crate::curves::{Areas, Order, Present, descending, one_vs_one};
use crate::evaluation::measured::Measured;
use crate::numeric::{argmax, share};
use crate::predictions::Predictions;
use crate::probability::{halved, negative_log, squared_distance};
use crate::thresholds::area_under_risk;

/// Some samples, sorted once by the probability of each class, so that the scores of any number of resamples are computed
/// without a sort.
pub(crate) struct Sorted<'a> {
    predictions: &'a Predictions,
    present: Present,
    /// For each sample, its predicted class.
    predicted: Vec<usize>,
    weights: Option<Vec<f64>>,
    soft: Option<Soft>,
}

/// What is known with probabilities.
struct Soft {
    /// By the probability of each class that has samples.
    orders: Vec<Order>,
    by_confidence: Order,
    /// Loss and squared distance of each sample.
    losses: Vec<(f64, f64)>,
}

impl<'a> Sorted<'a> {
    pub fn new(predictions: &'a Predictions, rows: &[usize]) -> Self {
        let targets: Vec<usize> = rows.iter().map(|&row| predictions.targets[row]).collect();
        let present = Present::new(&targets, predictions.classes.len());
        let weights = predictions.weights.as_ref();
        Self {
            soft: Soft::new(predictions, rows, &present.classes),
            predictions,
            present,
            predicted: rows.iter().map(|&row| predictions.predicted[row]).collect(),
            weights: weights.map(|all| rows.iter().map(|&row| all[row]).collect()),
        }
    }

    /// The scores that are resampled, where each sample counts as often as it is drawn.
    pub fn measured(&self, draws: &[f64], zero_division: Option<f64>) -> Measured {
        let weights = match &self.weights {
            None => Cow::from(draws),
            Some(weights) => {
                let both = weights.iter().zip(draws);
                both.map(|(weight, draws)| weight * draws).collect()
            }
        };
        let classes = self.predictions.classes.len();
        let mut counts = Margins::zeros(classes, zero_division);
        for ((&place, &predicted), &weight) in self
            .present
            .targets
            .iter()
            .zip(&self.predicted)
            .zip(&*weights)
        {
            counts.add(self.present.classes[place as usize], predicted, weight);
        }
        let mut measured = Measured {
            cohen_kappa: counts.cohen_kappa(),
            counts,
            classes: Vec::new(),
            one_vs_one: None,
            log_loss: None,
            brier: None,
            aurc: None,
            whole: None,
        };
        if let Some(soft) = &self.soft {
            self.add_soft(&mut measured, soft, &weights);
        }
        measured
    }

    fn add_soft(&self, measured: &mut Measured, soft: &Soft, weights: &[f64]) {
        let Present { classes, targets } = &self.present;
        let weight = |sample: usize| weights[sample];
        measured.classes = vec![Areas::default(); self.predictions.classes.len()];
        let mut twice = vec![0.0; classes.len() * classes.len()];
        let rows = twice.chunks_exact_mut(classes.len());
        for ((place, order), row) in soft.orders.iter().enumerate().zip(rows) {
            measured.classes[classes[place]] = if self.weights.is_none() {
                order.areas_of_class(place, targets, weight, row)
            } else {
                order.areas(|sample| targets[sample] as usize == place, weight)
            };
        }
        if self.weights.is_none() {
            let support = classes.iter().map(|&class| measured.counts.support[class]);
            let support: Vec<f64> = support.collect();
            measured.one_vs_one = one_vs_one(&twice, &support, Average::Macro);
        }
        let (mut loss, mut squares) = (0.0, 0.0);
        for (&(of_loss, of_square), weight) in soft.losses.iter().zip(weights) {
            loss += weight * of_loss;
            squares += weight * of_square;
        }
        let total = measured.counts.total;
        measured.log_loss = share(loss, total);
        measured.brier = share(halved(squares, self.predictions.classes.len()), total);
        let right = |sample: usize| classes[targets[sample] as usize] == self.predicted[sample];
        let steps = soft.by_confidence.steps(right, weight);
        measured.aurc = (total > 0.0).then(|| area_under_risk(steps, total));
    }
}

impl Soft {
    fn new(predictions: &Predictions, rows: &[usize], present: &[usize]) -> Option<Self> {
        let (k, all) = (predictions.classes.len(), predictions.probabilities()?);
        let sorted = |score: &(dyn Fn(&[f64]) -> f64 + Sync)| {
            let scores = rows.iter().map(|&row| score(&all[row * k..(row + 1) * k]));
            Order::new(&descending(scores))
        };
        let classes = present.par_iter();
        Some(Self {
            orders: classes.map(|&class| sorted(&|row| row[class])).collect(),
            by_confidence: sorted(&|row| row[argmax(row)]),
            losses: rows
                .iter()
                .map(|&row| {
                    let (row, target) = (&all[row * k..(row + 1) * k], predictions.targets[row]);
                    (negative_log(row[target]), squared_distance(row, target))
                })
                .collect(),
        })
    }
}
