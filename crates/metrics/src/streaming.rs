use crate::confusion::share;
use crate::predictions::{
    argmax, check_class, check_classes, check_flat, check_length, check_probabilities, check_weight,
};
use crate::probability::{bin_of, halved, squared_distance, surprise, uniform_edges};
use crate::top_k::rank;
use crate::{Bin, ConfusionMatrix, Error, Place, ReliabilityDiagram, Result};

/// Numbers of a stream of predictions in memory that does not grow: the confusion matrix and all that
/// follows from it, log loss, Brier score, top-k accuracies and calibration in uniform bins.
///
/// Batches in any cut, and parts merged in any order, give what one shot gives: counts to the last bit
/// where samples are not weighted, weighted counts and sums of losses up to rounding. What needs all scores at
/// once (curves, areas) needs [`Predictions::merge`](crate::Predictions::merge).
#[derive(Clone, Debug, PartialEq)]
pub struct Streaming {
    confusion: ConfusionMatrix,
    log_loss: Sum,
    brier: Sum,
    /// Weight of the samples whose target came first, second, ... by probability.
    ranks: Vec<f64>,
    edges: Vec<f64>,
    bins: Vec<(f64, Sum, f64)>,
    seen: usize,
}

/// A sum with the rounding errors kept apart (Neumaier 1974), so that the cut into batches hardly matters.
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

impl Streaming {
    /// For this many classes, with `bins` uniform bins for calibration.
    ///
    /// # Errors
    /// For no classes or more than [`Predictions::MAX_CLASSES`](crate::Predictions::MAX_CLASSES), or a number of
    /// bins that is not 1 to 100,000.
    pub fn new(classes: usize, bins: usize) -> Result<Self> {
        check_classes(classes)?;
        Ok(Self {
            edges: uniform_edges(bins)?,
            confusion: ConfusionMatrix::zeros(classes),
            log_loss: Sum::default(),
            brier: Sum::default(),
            ranks: vec![0.0; classes],
            bins: vec![(0.0, Sum::default(), 0.0); bins],
            seen: 0,
        })
    }

    /// Takes in a batch: targets, probabilities `[n, classes]` row after row, and weights if there are any.
    ///
    /// # Errors
    /// As [`Predictions`](crate::Predictions) checks; rows are counted from the start of the stream. A batch
    /// with an error changes nothing.
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
            let place = Place::Row(self.seen + i);
            check_class(place, "the target", target, k)?;
            check_probabilities(place, row)?;
            if let Some(weights) = weights {
                check_weight(place, weights[i])?;
            }
        }
        for (i, (&target, row)) in targets
            .iter()
            .zip(probabilities.chunks_exact(k))
            .enumerate()
        {
            self.add(target, row, weights.map_or(1.0, |weights| weights[i]));
        }
        self.seen += targets.len();
        Ok(())
    }

    fn add(&mut self, target: usize, row: &[f64], weight: f64) {
        let predicted = argmax(row);
        self.confusion.row_mut(target)[predicted] += weight;
        self.log_loss.add(weight * surprise(row[target]));
        self.brier.add(weight * squared_distance(row, target));
        self.ranks[rank(row, target)] += weight;
        let confidence = row[predicted];
        let (samples, sure, right) = &mut self.bins[bin_of(&self.edges, confidence)];
        *samples += weight;
        sure.add(weight * confidence);
        if predicted == target {
            *right += weight;
        }
    }

    /// Takes in what another stream has seen.
    ///
    /// # Errors
    /// Where the number of classes or bins differs.
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
            bin.0 += more.0;
            bin.1.merge(more.1);
            bin.2 += more.2;
        }
        self.seen += other.seen;
        Ok(())
    }

    /// Number of samples seen.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// How often each class was taken for which.
    pub fn confusion(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// As [`Predictions::log_loss`](crate::Predictions::log_loss); `None` before the first sample.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean(self.log_loss.value())
    }

    /// As [`Predictions::brier`](crate::Predictions::brier); `None` before the first sample.
    pub fn brier(&self) -> Option<f64> {
        self.mean(halved(self.brier.value(), self.confusion.classes()))
    }

    /// As [`Predictions::top_k_accuracy`](crate::Predictions::top_k_accuracy); `None` before the first sample
    /// and for `k` = 0.
    pub fn top_k_accuracy(&self, k: usize) -> Option<f64> {
        if k == 0 {
            None
        } else {
            self.mean(self.ranks.iter().take(k).sum())
        }
    }

    /// Confidence against accuracy in uniform bins; `None` before the first sample.
    pub fn reliability(&self) -> Option<ReliabilityDiagram> {
        let bins = self.bins.iter().zip(self.edges.windows(2));
        let bins = bins.map(|(&(weight, confidence, right), edge)| {
            Bin::of(edge, weight, confidence.value(), right)
        });
        self.mean(0.0).map(|_| ReliabilityDiagram {
            bins: bins.collect(),
        })
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        share(sum, self.confusion.total())
    }
}
