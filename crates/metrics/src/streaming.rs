use crate::predictions::{
    argmax, check_class, check_classes, check_flat, check_length, check_probabilities, check_weight,
};
use crate::probability::{squared_distance, surprise};
use crate::{Bin, ConfusionMatrix, Error, Place, ReliabilityDiagram, Result};

/// Numbers of a stream of predictions in memory that does not grow: the confusion matrix and all that
/// follows from it, log loss, Brier score, top-k accuracies and calibration in uniform bins.
///
/// Batches in any cut, and parts merged in any order, give what one shot gives: counts to the last bit
/// where samples are not weighted, weighted counts and sums of losses up to rounding. What needs all scores at once (curves, areas) needs
/// [`Predictions::merge`](crate::Predictions::merge).
#[derive(Clone, Debug, PartialEq)]
pub struct Streaming {
    confusion: ConfusionMatrix,
    log_loss: Sum,
    brier: Sum,
    /// Weight of the samples whose target came first, second, ... by probability.
    ranks: Vec<f64>,
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
        if bins == 0 || bins > 100_000 {
            return Err(Error::Option {
                option: "number of bins",
                value: bins.to_string(),
                expected: "1 to 100,000",
            });
        }
        Ok(Self {
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
        let own = row[target];
        let before =
            |&(class, &value): &(usize, &f64)| value > own || (value == own && class > target);
        self.ranks[row.iter().enumerate().filter(before).count()] += weight;
        let confidence = row[predicted];
        let edge = |bin: usize| self.bins.len().min(bin) as f64 * (1.0 / self.bins.len() as f64);
        // The division finds the bin but for rounding; the edges, rounded as everywhere, decide.
        let mut bin = (confidence * self.bins.len() as f64) as usize;
        while bin > 0 && confidence <= edge(bin) {
            bin -= 1;
        }
        while bin + 1 < self.bins.len() && confidence > edge(bin + 1) {
            bin += 1;
        }
        let last = self.bins.len() - 1;
        let (samples, sure, right) = &mut self.bins[bin.min(last)];
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
        let scale = if self.confusion.classes() > 2 {
            1.0
        } else {
            0.5
        };
        self.mean(scale * self.brier.value())
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
        let step = 1.0 / self.bins.len() as f64;
        let last = self.bins.len() - 1;
        let bins = self
            .bins
            .iter()
            .enumerate()
            .map(|(i, &(weight, confidence, right))| Bin {
                low: i as f64 * step,
                high: if i == last {
                    1.0
                } else {
                    (i + 1) as f64 * step
                },
                weight,
                confidence: (weight > 0.0).then(|| confidence.value() / weight),
                accuracy: (weight > 0.0).then(|| right / weight),
            });
        self.mean(0.0).map(|_| ReliabilityDiagram {
            bins: bins.collect(),
        })
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        let total = self.confusion.total();
        (total > 0.0).then(|| sum / total)
    }
}
