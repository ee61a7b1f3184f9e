use rayon::prelude::*;

use super::Ranking;
use crate::{Average, Predictions};

/// Receiver operating characteristic: how many positives are found for how many false alarms.
///
/// As `roc_curve` with its default `drop_intermediate=True`: points on a straight line between their
/// neighbours are left out; the first threshold is infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    /// Share of the negatives at or above the threshold, rising from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Share of the positives at or above the threshold, rising from 0 to 1.
    pub true_positive_rate: Vec<f64>,
    /// Falling, from infinity.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The ROC curve; `None` without positives or without negatives.
    pub fn roc(&self) -> Option<RocCurve> {
        let (positives, negatives) = (self.positives(), self.negatives());
        if positives <= 0.0 || negatives <= 0.0 {
            return None;
        }
        let (tps, fps) = (&self.true_positives, &self.false_positives);
        let last = tps.len() - 1;
        // scikit-learn's test: a second difference of exactly zero in both counts.
        let bends = |v: &[f64], i: usize| (v[i + 1] - v[i]) - (v[i] - v[i - 1]) != 0.0;
        let kept = (0..=last).filter(|&i| i == 0 || i == last || bends(tps, i) || bends(fps, i));
        let mut curve = RocCurve {
            false_positive_rate: vec![0.0],
            true_positive_rate: vec![0.0],
            thresholds: vec![f64::INFINITY],
        };
        for i in kept {
            curve.false_positive_rate.push(fps[i] / negatives);
            curve.true_positive_rate.push(tps[i] / positives);
            curve.thresholds.push(self.thresholds[i]);
        }
        Some(curve)
    }

    /// Area under the ROC curve: the chance that a positive is ranked above a negative, ties counting half.
    ///
    /// `None` without positives or without negatives.
    pub fn roc_area(&self) -> Option<f64> {
        let whole = self.positives() * self.negatives();
        let (mut area, mut tp, mut fp) = (0.0, 0.0, 0.0);
        for (&next_tp, &next_fp) in self.true_positives.iter().zip(&self.false_positives) {
            area += (next_fp - fp) * (next_tp + tp) * 0.5;
            (tp, fp) = (next_tp, next_fp);
        }
        (whole > 0.0).then(|| area / whole)
    }

    /// Area under the ROC curve up to a false positive rate, standardised after McClish (1989) so that 0.5
    /// is chance and 1 is perfect: `roc_auc_score` with `max_fpr`.
    ///
    /// `None` where the area is undefined or `max_false_positive_rate` is not within (0, 1].
    pub fn partial_roc_area(&self, max_false_positive_rate: f64) -> Option<f64> {
        let limit = max_false_positive_rate;
        if !(limit > 0.0 && limit <= 1.0) {
            return None;
        }
        let whole = self.roc_area()?;
        if limit == 1.0 {
            return Some(whole);
        }
        let (positives, negatives) = (self.positives(), self.negatives());
        let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
        for (&tp, &fp) in self.true_positives.iter().zip(&self.false_positives) {
            let (next_x, next_y) = (fp / negatives, tp / positives);
            if next_x > limit {
                let cut = y + (next_y - y) * (limit - x) / (next_x - x);
                area += (limit - x) * (y + cut) * 0.5;
                break;
            }
            area += (next_x - x) * (y + next_y) * 0.5;
            (x, y) = (next_x, next_y);
        }
        let least = 0.5 * limit * limit;
        Some(0.5 * (1.0 + (area - least) / (limit - least)))
    }
}

impl Predictions {
    /// Areas under the ROC curves of each class against the rest, averaged: `roc_auc_score` with
    /// `multi_class="ovr"`. Weighted: by the weight of the targets of each class.
    ///
    /// `None` without probabilities or where a class that counts has no samples or nothing but samples.
    /// With two classes, both have the same area up to ties in rounding; see [`Predictions::ranking`] for
    /// the area of one.
    pub fn roc_auc_one_vs_rest(&self, average: Average) -> Option<f64> {
        if average == Average::Micro {
            return self.micro_ranking()?.roc_area();
        }
        let rankings: Vec<Ranking> = (0..self.classes.len())
            .into_par_iter()
            .filter_map(|class| self.ranking(class))
            .collect();
        average_of(average, &rankings, Ranking::roc_area)
    }

    /// Areas under the ROC curves of each pair of classes (Hand and Till 2001), averaged: `roc_auc_score`
    /// with `multi_class="ovo"`. Classes without samples are passed over, as scikit-learn does.
    ///
    /// Weighted: by the share of the samples that belong to the pair. `None` without probabilities, with
    /// fewer than two classes, for [`Average::Micro`], and with weights, for which it is not defined.
    pub fn roc_auc_one_vs_one(&self, average: Average) -> Option<f64> {
        let areas: Vec<Vec<Option<f64>>> = (0..self.classes.len())
            .into_par_iter()
            .map(|class| Some(one_vs_one_areas(self, &self.order(class)?, class)))
            .collect::<Option<_>>()?;
        self.one_vs_one_average(&areas, average)
    }

    /// Averages `areas[a][b]`, the area of class `a` among samples of `a` and `b`.
    pub(crate) fn one_vs_one_average(
        &self,
        areas: &[Vec<Option<f64>>],
        average: Average,
    ) -> Option<f64> {
        if self.weights.is_some() || average == Average::Micro {
            return None;
        }
        let mut counts = vec![0_usize; self.classes.len()];
        for &target in &self.targets {
            counts[target] += 1;
        }
        let (mut sum, mut whole) = (0.0, 0.0);
        for a in 0..areas.len() {
            for b in a + 1..areas.len() {
                if let (Some(first), Some(second)) = (areas[a][b], areas[b][a]) {
                    let weight = match average {
                        Average::Weighted => (counts[a] + counts[b]) as f64 / self.len() as f64,
                        _ => 1.0,
                    };
                    sum += weight * (first + second) / 2.0;
                    whole += weight;
                }
            }
        }
        (whole > 0.0).then(|| sum / whole)
    }
}

/// Mean of one number over the classes, plain or weighted by their positives.
pub(crate) fn average_of(
    average: Average,
    rankings: &[Ranking],
    number: impl Fn(&Ranking) -> Option<f64>,
) -> Option<f64> {
    let (mut sum, mut whole) = (0.0, 0.0);
    for ranking in rankings {
        let weight = if average == Average::Weighted {
            ranking.positives()
        } else {
            1.0
        };
        if weight > 0.0 {
            sum += weight * number(ranking)?;
            whole += weight;
        }
    }
    (whole > 0.0).then(|| sum / whole)
}

/// For one class, ranked by its probability, the area against each other class alone, in one pass: the
/// Mann-Whitney statistic of all pairs at once.
pub(crate) fn one_vs_one_areas(
    predictions: &Predictions,
    order: &[(f64, usize)],
    class: usize,
) -> Vec<Option<f64>> {
    let targets = &predictions.targets;
    let k = predictions.classes.len();
    // Twice the number of pairs in which the class is ranked above the other, ties counting half.
    let mut twice = vec![0_u64; k];
    let mut counts = vec![0_u64; k];
    let mut start = 0;
    while start < order.len() {
        let score = order[start].0;
        let tied = order[start..]
            .iter()
            .take_while(|sample| sample.0 == score)
            .count();
        let group = &order[start..start + tied];
        let above = counts[class];
        let own = group
            .iter()
            .filter(|sample| targets[sample.1] == class)
            .count() as u64;
        for &(_, index) in group {
            let target = targets[index];
            twice[target] += 2 * above + own;
            counts[target] += 1;
        }
        start += tied;
    }
    (0..k)
        .map(|other| {
            let pairs = 2 * counts[class] * counts[other];
            (other != class && pairs > 0).then(|| twice[other] as f64 / pairs as f64)
        })
        .collect()
}
