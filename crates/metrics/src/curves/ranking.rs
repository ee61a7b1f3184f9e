use rayon::prelude::*;

use crate::predictions::{check_length, check_weight};
use crate::{Error, Place, Predictions, Result};

/// Samples of one class against the rest, sorted by descending score, ties grouped: what every curve is
/// drawn from.
///
/// Entry `i` says how many positives and negatives have a score of at least `thresholds()[i]`, as
/// `confusion_matrix_at_thresholds` of scikit-learn does. Samples of weight 0 do not exist here.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    pub(crate) thresholds: Vec<f64>,
    pub(crate) true_positives: Vec<f64>,
    pub(crate) false_positives: Vec<f64>,
}

impl Ranking {
    /// From scores of any range, higher for what is more likely positive.
    ///
    /// # Errors
    /// Where lengths differ, nothing is given, or a score or weight is not finite.
    pub fn new(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Self> {
        check_length("scores", positive.len(), scores.len())?;
        if let Some(weights) = weights {
            check_length("weights", positive.len(), weights.len())?;
            for (row, &weight) in weights.iter().enumerate() {
                check_weight(Place::Row(row), weight)?;
            }
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

    /// From samples already in [`descending`] order.
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
        let (mut tp, mut fp) = (0.0, 0.0);
        for &(score, index) in order {
            let weight = weight(index);
            if weight == 0.0 {
                continue;
            }
            if positive(index) {
                tp += weight;
            } else {
                fp += weight;
            }
            if ranking.thresholds.last() == Some(&score) {
                ranking.true_positives.pop();
                ranking.false_positives.pop();
            } else {
                ranking.thresholds.push(score);
            }
            ranking.true_positives.push(tp);
            ranking.false_positives.push(fp);
        }
        ranking
    }

    /// The distinct scores, descending.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Weight of the positives at or above each threshold.
    pub fn true_positives(&self) -> &[f64] {
        &self.true_positives
    }

    /// Weight of the negatives at or above each threshold.
    pub fn false_positives(&self) -> &[f64] {
        &self.false_positives
    }

    /// Weight of all positives.
    pub fn positives(&self) -> f64 {
        self.true_positives.last().copied().unwrap_or_default()
    }

    /// Weight of all negatives.
    pub fn negatives(&self) -> f64 {
        self.false_positives.last().copied().unwrap_or_default()
    }
}

impl Predictions {
    /// The samples ranked by the probability of one class, that class against the rest.
    ///
    /// `None` without probabilities or for a class that does not exist.
    pub fn ranking(&self, class: usize) -> Option<Ranking> {
        let order = self.order(class)?;
        Some(self.ranking_of(&order, class))
    }

    pub(crate) fn ranking_of(&self, order: &[(f64, usize)], class: usize) -> Ranking {
        Ranking::of(order, |i| self.targets[i] == class, |i| self.weight(i))
    }

    /// Every sample once for every class, ranked together: what micro averages are taken over.
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

    /// Samples sorted by descending probability of the class.
    pub(crate) fn order(&self, class: usize) -> Option<Vec<(f64, usize)>> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref()?;
        (class < k).then(|| descending(probabilities.iter().skip(class).step_by(k).copied()))
    }
}

/// Scores with their indices, highest first; equal scores in the order given.
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
