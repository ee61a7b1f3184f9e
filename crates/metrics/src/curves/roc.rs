use rayon::prelude::*;
use serde::Serialize;

use crate::confusion::Average;
use crate::curves::areas::Areas;
use crate::curves::pairs::{Present, one_vs_one};
use crate::curves::ranking::Ranking;
use crate::numeric::WeightedMean;
use crate::predictions::Predictions;

/// Receiver operating characteristic: true positive rate against false positive rate.
///
/// Equals `roc_curve` of scikit-learn with its default `drop_intermediate=True`: points on a straight line between
/// their neighbors are left out, and the first threshold is infinite.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RocCurve {
    /// Share of the negatives at or above each threshold, ascending from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Share of the positives at or above each threshold, ascending from 0 to 1.
    pub true_positive_rate: Vec<f64>,
    /// The thresholds, descending from infinity.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// The ROC curve; `None` without positives or without negatives.
    pub fn roc_curve(&self) -> Option<RocCurve> {
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

    /// Area under the ROC curve: the probability that a positive is ranked above a negative, where ties count half.
    ///
    /// `None` without positives or without negatives.
    #[doc(alias = "roc_auc_score")]
    #[doc(alias = "AUROC")]
    pub fn roc_auc(&self) -> Option<f64> {
        self.areas().roc_auc()
    }

    /// Area under the ROC curve up to a false positive rate, standardized after McClish (1989) so that 0.5 is chance
    /// and 1 is perfect: `roc_auc_score` with `max_fpr`.
    ///
    /// `None` if the area is undefined, or `max_false_positive_rate` is not above 0 and at most 1.
    pub fn partial_roc_auc(&self, max_false_positive_rate: f64) -> Option<f64> {
        let limit = max_false_positive_rate;
        if !(limit > 0.0 && limit <= 1.0) {
            return None;
        }
        let whole = self.roc_auc()?;
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
    /// Area under the ROC curve of each class against all others, averaged over the classes: `roc_auc_score` with
    /// `multi_class="ovr"`. [`Average::Weighted`] weights each class by its samples.
    ///
    /// `None` without probabilities, or if one of the averaged classes has no samples or all of them. The weighted
    /// average skips classes without samples. With two classes, both have the same area except for rounding;
    /// [`Predictions::ranking`] gives the area of one.
    pub fn roc_auc_one_vs_rest(&self, average: Average) -> Option<f64> {
        if average == Average::Micro {
            return self.micro_areas()?.roc_auc();
        }
        average_of(average, &self.class_areas(), Areas::roc_auc)
    }

    /// Area under the ROC curve of each pair of classes (Hand and Till 2001), averaged over the pairs: `roc_auc_score`
    /// with `multi_class="ovo"`. Classes without samples are ignored, as in scikit-learn.
    ///
    /// [`Average::Weighted`] weights each pair by the share of the samples that belong to it. `None` without
    /// probabilities and with fewer than two classes that have samples. [`Average::Micro`] and sample weights also give
    /// `None`, because the metric is not defined for them.
    pub fn roc_auc_one_vs_one(&self, average: Average) -> Option<f64> {
        let present = Present::new(&self.targets, self.classes.len());
        let pairs = present.classes.par_iter().enumerate();
        let pairs = pairs
            .map(|(place, &class)| Some(present.pairs_of(place, &self.order(class)?)))
            .collect::<Option<Vec<_>>>()?;
        let average_is_defined = average != Average::Micro && self.weights.is_none();
        average_is_defined.then(|| one_vs_one(&pairs.concat(), &present.counts(), average))?
    }
}

/// Mean of a metric over the classes, unweighted or weighted by their positives.
pub(crate) fn average_of(
    average: Average,
    classes: &[Areas],
    metric: impl Fn(&Areas) -> Option<f64>,
) -> Option<f64> {
    let mut mean = WeightedMean::default();
    for areas in classes {
        let weight = if average == Average::Weighted {
            areas.positives
        } else {
            1.0
        };
        if weight > 0.0 {
            mean.add(metric(areas)?, weight);
        }
    }
    mean.mean()
}
