//! Metrics of predictions that arrive in batches, in constant memory.

use crate::checks::{
    check_class, check_classes, check_flat, check_length, check_probabilities, check_weight,
    check_weights,
};
use crate::confusion::ConfusionMatrix;
use crate::error::{Error, Place, Result};
use crate::numeric::{argmax, share};
use crate::probability::{
    Bin, ReliabilityDiagram, bin_of, halved, negative_log, rank, squared_distance, uniform_edges,
};

/// Metrics of predictions that arrive in batches, in memory that does not grow: the confusion matrix with everything
/// that is computed from it, log loss, Brier score, top-k accuracies, and calibration in uniform bins. As in
/// torchmetrics, [`update`](Self::update) adds a batch, and the metrics can be read at any time.
///
/// The results do not depend on how the samples are divided into batches or in which order parts are merged: unweighted
/// counts are equal to the last bit, and weighted counts and sums of losses are equal up to rounding. Metrics that need
/// all scores at once (curves and areas under them) need [`Predictions::merge`](crate::Predictions::merge) instead.
///
/// ```
/// use metrics::streaming::StreamingMetrics;
///
/// # fn main() -> Result<(), metrics::Error> {
/// let mut stream = StreamingMetrics::new(2, 15)?;
/// stream.update(&[0, 1], &[0.9, 0.1, 0.4, 0.6], None)?;
/// stream.update(&[1], &[0.7, 0.3], None)?;
/// assert_eq!(stream.confusion().correct(), 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StreamingMetrics {
    confusion: ConfusionMatrix,
    log_loss: Sum,
    brier: Sum,
    /// Total weight of the samples whose target is the most probable class, the second most probable class, and so on.
    ranks: Vec<f64>,
    edges: Vec<f64>,
    bins: Vec<BinSums>,
    samples: usize,
}

/// Sums over the samples of one calibration bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct BinSums {
    weight: f64,
    confidence: Sum,
    right: f64,
}

/// A sum that keeps its rounding errors separately (Neumaier 1974), so that the division into batches hardly matters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    sum: f64,
    rest: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.rest += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.add(other.rest);
    }

    fn value(self) -> f64 {
        self.sum + self.rest
    }
}

impl StreamingMetrics {
    /// Metrics for `classes` classes, with `bins` uniform bins for calibration.
    ///
    /// # Errors
    /// If there are no classes or more than [`Predictions::MAX_CLASSES`](crate::Predictions::MAX_CLASSES), or the
    /// number of bins is not from 1 to 100,000.
    pub fn new(classes: usize, bins: usize) -> Result<Self> {
        check_classes(classes)?;
        Ok(Self {
            edges: uniform_edges(bins)?,
            confusion: ConfusionMatrix::zeros(classes),
            log_loss: Sum::default(),
            brier: Sum::default(),
            ranks: vec![0.0; classes],
            bins: vec![BinSums::default(); bins],
            samples: 0,
        })
    }

    /// Adds a batch of `n` samples: targets, probabilities `[n, classes]` row after row, and optionally weights.
    ///
    /// # Errors
    /// If a check described at [`Predictions`](crate::Predictions) fails, or the sum of all weights would be more than
    /// 1e75. The error counts rows from the start of the stream. After an error the metrics are unchanged.
    pub fn update(
        &mut self,
        targets: &[usize],
        probabilities: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<()> {
        let k = self.confusion.classes();
        check_flat(targets.len(), probabilities.len(), k)?;
        if let Some(weights) = weights {
            check_length("weights", targets.len(), weights.len())?;
        }
        for (i, (&target, row)) in targets
            .iter()
            .zip(probabilities.chunks_exact(k))
            .enumerate()
        {
            let place = Place::Row(self.samples + i);
            check_class(place, "the target", target, k)?;
            check_probabilities(place, row)?;
            if let Some(weights) = weights {
                check_weight(place, weights[i])?;
            }
        }
        if let Some(weights) = weights {
            check_weights(self.confusion.total() + weights.iter().sum::<f64>())?;
        }
        for (i, (&target, row)) in targets
            .iter()
            .zip(probabilities.chunks_exact(k))
            .enumerate()
        {
            self.add(target, row, weights.map_or(1.0, |weights| weights[i]));
        }
        self.samples += targets.len();
        Ok(())
    }

    fn add(&mut self, target: usize, row: &[f64], weight: f64) {
        let predicted = argmax(row);
        self.confusion.row_mut(target)[predicted] += weight;
        self.log_loss.add(weight * negative_log(row[target]));
        self.brier.add(weight * squared_distance(row, target));
        self.ranks[rank(row, target)] += weight;
        let confidence = row[predicted];
        let bin = &mut self.bins[bin_of(&self.edges, confidence)];
        bin.weight += weight;
        bin.confidence.add(weight * confidence);
        if predicted == target {
            bin.right += weight;
        }
    }

    /// Adds all samples of another stream.
    ///
    /// # Errors
    /// If the number of classes or bins differs, or the sum of all weights would be more than 1e75.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.bins.len() != other.bins.len() {
            return Err(Error::Mismatch {
                what: "number of bins",
                first: self.bins.len().to_string(),
                second: other.bins.len().to_string(),
            });
        }
        self.confusion.merge(&other.confusion)?;
        self.log_loss.merge(other.log_loss);
        self.brier.merge(other.brier);
        for (rank, more) in self.ranks.iter_mut().zip(&other.ranks) {
            *rank += more;
        }
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.weight += more.weight;
            bin.confidence.merge(more.confidence);
            bin.right += more.right;
        }
        self.samples += other.samples;
        Ok(())
    }

    /// Number of samples so far.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The confusion matrix.
    pub fn confusion(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// The same as [`Predictions::log_loss`](crate::Predictions::log_loss); `None` before the first sample.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean(self.log_loss.value())
    }

    /// The same as [`Predictions::brier_score`](crate::Predictions::brier_score); `None` before the first sample.
    pub fn brier_score(&self) -> Option<f64> {
        self.mean(halved(self.brier.value(), self.confusion.classes()))
    }

    /// The same as [`Predictions::top_k_accuracy`](crate::Predictions::top_k_accuracy); `None` before the first sample
    /// and for `k` = 0.
    pub fn top_k_accuracy(&self, k: usize) -> Option<f64> {
        if k == 0 {
            None
        } else {
            self.mean(self.ranks.iter().take(k).sum())
        }
    }

    /// Confidence and accuracy in uniform bins; `None` before the first sample.
    pub fn reliability(&self) -> Option<ReliabilityDiagram> {
        let bins = self.bins.iter().zip(self.edges.windows(2));
        let bins = bins
            .map(|(sums, edge)| Bin::of(edge, sums.weight, sums.confidence.value(), sums.right));
        self.mean(0.0).map(|_| ReliabilityDiagram {
            bins: bins.collect(),
        })
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        share(sum, self.confusion.total())
    }
}
