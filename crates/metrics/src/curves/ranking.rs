use rayon::prelude::*;

use crate::checks::{check_length, check_weight, check_weights};
use crate::curves::areas::Areas;
use crate::error::{Error, Place, Result};
use crate::predictions::Predictions;

/// The positives and negatives in descending order of their scores, with equal scores grouped. Every curve of this
/// module is computed from a ranking.
///
/// Entry `i` tells how many positives and negatives have a score of at least `thresholds()[i]`, as
/// `confusion_matrix_at_thresholds` of scikit-learn does. Samples of weight 0 are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    pub(crate) thresholds: Vec<f64>,
    pub(crate) true_positives: Vec<f64>,
    pub(crate) false_positives: Vec<f64>,
}

impl Ranking {
    /// Ranks samples by scores of any range, where a higher score means more likely positive.
    ///
    /// # Errors
    /// If lengths differ, there are no samples, a score is not finite, a weight is negative or not finite, or the sum of
    /// the weights is more than 1e75.
    pub fn new(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Self> {
        check_length("scores", positive.len(), scores.len())?;
        if let Some(weights) = weights {
            check_length("weights", positive.len(), weights.len())?;
            for (row, &weight) in weights.iter().enumerate() {
                check_weight(Place::Row(row), weight)?;
            }
            check_weights(weights.iter().sum())?;
        }
        if positive.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Parse {
                place: Place::Row(row),
                reason: format!("score is {}; expected a finite number", scores[row]),
            });
        }
        let order = descending(scores.iter().copied());
        Ok(Self::of(
            &order,
            |i| positive[i],
            |i| weights.map_or(1.0, |weights| weights[i]),
        ))
    }

    /// Ranks samples that are in [`descending`] order already.
    pub(crate) fn of(
        order: &[(f64, usize)],
        positive: impl Fn(usize) -> bool,
        weight: impl Fn(usize) -> f64,
    ) -> Self {
        let mut ranking = Self {
            thresholds: Vec::with_capacity(order.len()),
            true_positives: Vec::with_capacity(order.len()),
            false_positives: Vec::with_capacity(order.len()),
        };
        steps(order, positive, weight, |score, tp, fp| {
            ranking.thresholds.push(score);
            ranking.true_positives.push(tp);
            ranking.false_positives.push(fp);
        });
        ranking
    }

    pub(crate) fn areas(&self) -> Areas {
        let mut areas = Areas::default();
        for (&tp, &fp) in self.true_positives.iter().zip(&self.false_positives) {
            areas.step(tp, fp);
        }
        areas
    }

    /// The distinct scores in descending order.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Total weight of the positives at or above each threshold.
    pub fn true_positives(&self) -> &[f64] {
        &self.true_positives
    }

    /// Total weight of the negatives at or above each threshold.
    pub fn false_positives(&self) -> &[f64] {
        &self.false_positives
    }

    /// Total weight of the positives.
    pub fn positives(&self) -> f64 {
        self.true_positives.last().copied().unwrap_or_default()
    }

    /// Total weight of the negatives.
    pub fn negatives(&self) -> f64 {
        self.false_positives.last().copied().unwrap_or_default()
    }
}

impl Predictions {
    /// The samples ranked by the probability of one class; the samples of that class are the positives.
    ///
    /// `None` without probabilities, or for a class that does not exist.
    pub fn ranking(&self, class: usize) -> Option<Ranking> {
        let order = self.order(class)?;
        Some(self.ranking_of(&order, class))
    }

    /// The areas of each class against all others; empty without probabilities.
    pub(crate) fn class_areas(&self) -> Vec<Areas> {
        let classes = (0..self.classes.len()).into_par_iter();
        let areas = |class| {
            let mut areas = Areas::default();
            let positive = |i: usize| self.targets[i] == class;
            let step = |_, tp, fp| areas.step(tp, fp);
            steps(&self.order(class)?, positive, |i| self.weight(i), step);
            Some(areas)
        };
        classes.filter_map(areas).collect()
    }

    pub(crate) fn ranking_of(&self, order: &[(f64, usize)], class: usize) -> Ranking {
        Ranking::of(order, |i| self.targets[i] == class, |i| self.weight(i))
    }

    /// The probabilities of all classes of all samples in one ranking, from which micro averages are computed. The
    /// probability of a sample's target is a positive, and all others are negatives.
    ///
    /// `None` without probabilities.
    pub fn micro_ranking(&self) -> Option<Ranking> {
        let k = self.classes.len();
        let order = descending(self.probabilities.as_ref()?.iter().copied());
        Some(Ranking::of(
            &order,
            |i| self.targets[i / k] == i % k,
            |i| self.weight(i / k),
        ))
    }

    /// The areas of [`Predictions::micro_ranking`], which takes three times the memory of the probabilities.
    pub(crate) fn micro_areas(&self) -> Option<Areas> {
        let k = self.classes.len();
        let order = descending(self.probabilities.as_ref()?.iter().copied());
        let mut areas = Areas::default();
        steps(
            &order,
            |i| self.targets[i / k] == i % k,
            |i| self.weight(i / k),
            |_, tp, fp| areas.step(tp, fp),
        );
        Some(areas)
    }

    /// The samples in descending order of the probability of the class.
    pub(crate) fn order(&self, class: usize) -> Option<Vec<(f64, usize)>> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref()?;
        (class < k).then(|| descending(probabilities.iter().skip(class).step_by(k).copied()))
    }
}

/// Calls `each` with each distinct score of samples in descending order, and the weight of the positives and of the
/// negatives at or above it. Samples of weight 0 are left out.
fn steps(
    order: &[(f64, usize)],
    positive: impl Fn(usize) -> bool,
    weight: impl Fn(usize) -> f64,
    mut each: impl FnMut(f64, f64, f64),
) {
    let (mut tp, mut fp) = (0.0, 0.0);
    let mut last = None;
    for &(score, index) in order {
        let weight = weight(index);
        if weight == 0.0 {
            continue;
        }
        if let Some(before) = last.filter(|&before| before != score) {
            each(before, tp, fp);
        }
        if positive(index) {
            tp += weight;
        } else {
            fp += weight;
        }
        last = Some(score);
    }
    if let Some(score) = last {
        each(score, tp, fp);
    }
}

/// Scores with their indices in descending order; equal scores stay in the given order.
pub(crate) fn descending(scores: impl Iterator<Item = f64>) -> Vec<(f64, usize)> {
    // Adding zero turns -0.0 into 0.0, so that the two are one threshold.
    let mut order: Vec<(f64, usize)> = scores
        .enumerate()
        .map(|(index, score)| (score + 0.0, index))
        .collect();
    // The order is total, so the parallel sort gives the same as any other.
    order.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order
}
