use std::borrow::Cow;

use crate::confusion::{Average, Counts, average_of_counts};
use crate::curves::{Areas, average_of};
use crate::multilabel::metric::{LabelAverage, LabelMetric, SampleMetric};
use crate::multilabel::sample::Sample;
use crate::numeric::{WeightedMean, share};

/// What all metrics are computed from: the samples are sorted once, and any number of metrics can be asked for.
///
/// [`measures`](crate::multilabel::MultilabelPredictions::measures) makes it. Every number equals that of scikit-learn 1.9.
/// Where scikit-learn warns and returns 0 (the precision of a label that was never predicted), the result here is `None`,
/// unless [`with_zero_division`](Self::with_zero_division) gives a value to use instead. An average is `None` if a value that
/// counts in it is.
#[derive(Clone, Debug)]
pub struct Measures<'a> {
    pub(super) samples: Cow<'a, [Sample]>,
    pub(super) weights: Cow<'a, [f64]>,
    pub(super) total: f64,
    pub(super) counts: Vec<Counts>,
    pub(super) areas: Vec<Areas>,
    /// Of all pairs of a sample and a label in one ranking.
    pub(super) micro: Areas,
    /// Sums of losses and of squared distances of each label.
    pub(super) losses: Vec<(f64, f64)>,
    pub(super) zero_division: Option<f64>,
}

impl Measures<'_> {
    /// Sets the value to use where precision, recall, F-score, Jaccard index or specificity is 0/0: the `zero_division` of
    /// scikit-learn, usually 0 or 1. By default such values stay undefined, and NaN restores this default. Other undefined
    /// values always stay undefined.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }

    /// A metric of each label.
    pub fn per_label(&self, metric: LabelMetric) -> Vec<Option<f64>> {
        (0..self.counts.len())
            .map(|label| self.of_label(metric, label))
            .collect()
    }

    /// A metric over all labels. Log loss and Brier score are means over all pairs of a sample and a label, except for
    /// [`LabelAverage::Weighted`].
    pub fn average(&self, metric: LabelMetric, average: LabelAverage) -> Option<f64> {
        let of_labels = match average {
            LabelAverage::Micro => Average::Micro,
            LabelAverage::Macro => Average::Macro,
            LabelAverage::Weighted => Average::Weighted,
            LabelAverage::Samples => return self.over_samples(metric),
        };
        if let Some(metric) = metric.of_counts() {
            let counts = self.counts.iter().copied();
            return average_of_counts(metric, of_labels, counts, self.zero_division);
        }
        let area = match metric {
            LabelMetric::RocAuc => Areas::roc_auc,
            LabelMetric::AveragePrecision => Areas::average_precision,
            _ => return self.mean_loss(metric, average),
        };
        match average {
            LabelAverage::Micro => area(&self.micro),
            _ => average_of(of_labels, &self.areas, area),
        }
    }

    /// The mean of a metric of the samples; `None` if all weights are 0 (in a bootstrap replicate).
    pub fn mean(&self, metric: SampleMetric) -> Option<f64> {
        let mut mean = WeightedMean::default();
        for (sample, &weight) in self.samples.iter().zip(&*self.weights) {
            mean.add(sample.value(metric), weight);
        }
        mean.mean()
    }

    /// For each label, the weights of the samples as `[[true negatives, false positives], [false negatives, true
    /// positives]]`: `multilabel_confusion_matrix` of scikit-learn.
    #[doc(alias = "multilabel_confusion_matrix")]
    pub fn confusions(&self) -> Vec<[[f64; 2]; 2]> {
        let matrix = |counts: &Counts| [[counts.tn, counts.fp], [counts.fn_, counts.tp]];
        self.counts.iter().map(matrix).collect()
    }

    /// For each label, the total weight of the samples that have it.
    pub fn support(&self) -> Vec<f64> {
        let counts = self.counts.iter();
        counts.map(|counts| counts.tp + counts.fn_).collect()
    }

    pub(super) fn of_label(&self, metric: LabelMetric, label: usize) -> Option<f64> {
        match metric {
            LabelMetric::RocAuc => self.areas[label].roc_auc(),
            LabelMetric::AveragePrecision => self.areas[label].average_precision(),
            LabelMetric::LogLoss => share(self.losses[label].0, self.total),
            LabelMetric::Brier => share(self.losses[label].1, self.total),
            metric => {
                let value = self.counts[label].value(metric.of_counts()?);
                value.or(self.zero_division)
            }
        }
    }

    /// The number of samples, among those with a weight, for which the metric is undefined.
    pub(super) fn undefined_samples(&self, metric: LabelMetric) -> usize {
        let samples = self.samples.iter().zip(&*self.weights);
        samples
            .filter(|&(sample, &weight)| weight > 0.0 && sample.of_labels(metric).is_none())
            .count()
    }

    fn over_samples(&self, metric: LabelMetric) -> Option<f64> {
        if matches!(metric, LabelMetric::LogLoss | LabelMetric::Brier) {
            return self.mean_loss(metric, LabelAverage::Samples);
        }
        let zero_division = metric.of_counts().and(self.zero_division);
        let mut mean = WeightedMean::default();
        for (sample, &weight) in self.samples.iter().zip(&*self.weights) {
            if weight > 0.0 {
                mean.add(sample.of_labels(metric).or(zero_division)?, weight);
            }
        }
        mean.mean()
    }

    fn mean_loss(&self, metric: LabelMetric, average: LabelAverage) -> Option<f64> {
        let mut mean = WeightedMean::default();
        for (label, counts) in self.counts.iter().enumerate() {
            let weight = match average {
                LabelAverage::Weighted => counts.tp + counts.fn_,
                _ => 1.0,
            };
            mean.add(self.of_label(metric, label)?, weight);
        }
        mean.mean()
    }

    pub(super) fn into_owned(self) -> Measures<'static> {
        Measures {
            samples: Cow::Owned(self.samples.into_owned()),
            weights: Cow::Owned(self.weights.into_owned()),
            total: self.total,
            counts: self.counts,
            areas: self.areas,
            micro: self.micro,
            losses: self.losses,
            zero_division: self.zero_division,
        }
    }
}
