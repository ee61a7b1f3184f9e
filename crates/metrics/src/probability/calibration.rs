use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::curves::Ranking;
use crate::error::{Error, Place, Result};
use crate::numeric::{argmax, quantile, share};
use crate::predictions::Predictions;

/// How the confidences from 0 to 1 are divided into bins, and into how many: the `strategy` and `n_bins` parameters of
/// scikit-learn's `calibration_curve`.
///
/// Each bin includes its upper edge; the first bin also includes its lower edge. So confidence 1 belongs to the last
/// bin and 0 to the first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Binning {
    /// This number of bins of equal width.
    Uniform(usize),
    /// At most this number of bins, with about the same number of samples in each; weights are ignored. The edges are
    /// quantiles of the confidences, and equal edges are merged.
    Quantile(usize),
}

/// Calibration errors for one binning: how much confidence and accuracy differ, from 0 to 1. Each bin is weighted by
/// the total weight of its samples, so empty bins do not count.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CalibrationError {
    /// Expected calibration error (ECE): the mean difference of confidence and accuracy over the bins (Guo et al.
    /// 2017).
    #[doc(alias = "ECE")]
    pub expected: f64,
    /// Maximum calibration error (MCE): the largest difference of confidence and accuracy of a bin.
    #[doc(alias = "MCE")]
    pub maximum: f64,
    /// Class-wise calibration error: for each class, the expected difference between its probability and its frequency,
    /// averaged over the classes (Kull et al. 2019).
    pub class_wise: f64,
    /// The bins from which `expected` and `maximum` are computed.
    pub reliability: ReliabilityDiagram,
}

/// Confidence and accuracy in each bin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[doc(alias = "calibration_curve")]
pub struct ReliabilityDiagram {
    /// The bins in ascending order of confidence, including empty bins.
    pub bins: Vec<Bin>,
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Bin {
    /// Lower edge. It belongs to the previous bin, except that 0 belongs to the first bin.
    pub low: f64,
    /// Upper edge, which belongs to this bin.
    pub high: f64,
    /// Total weight of the samples in the bin.
    pub weight: f64,
    /// Mean confidence; `None` for an empty bin.
    pub confidence: Option<f64>,
    /// Share of the samples that are right; `None` for an empty bin.
    pub accuracy: Option<f64>,
}

impl Bin {
    /// Makes a bin from its edges, the sum of the weights, the weighted sum of the confidences, and the weight of the
    /// samples that are right.
    pub(crate) fn of(edge: &[f64], weight: f64, confidence: f64, right: f64) -> Self {
        Self {
            low: edge[0],
            high: edge[1],
            weight,
            confidence: share(confidence, weight),
            accuracy: share(right, weight),
        }
    }

    /// Absolute difference of confidence and accuracy, from 0 to 1; 0 for an empty bin.
    pub fn gap(&self) -> f64 {
        self.confidence
            .zip(self.accuracy)
            .map_or(0.0, |(confidence, accuracy)| (confidence - accuracy).abs())
    }
}

impl ReliabilityDiagram {
    /// Computes the diagram. `confidences` are from 0 to 1, and `right` says for each prediction whether it is correct.
    ///
    /// # Errors
    /// If lengths differ, a confidence is not from 0 to 1, there are no samples, all weights are 0, or the number of
    /// bins is not from 1 to 100,000.
    pub fn new(
        confidences: &[f64],
        right: &[bool],
        weights: Option<&[f64]>,
        binning: Binning,
    ) -> Result<Self> {
        // The ranking checks lengths and numbers.
        Ranking::new(right, confidences, weights)?;
        if let Some(row) = confidences.iter().position(|c| !(0.0..=1.0).contains(c)) {
            return Err(Error::Parse {
                place: Place::Row(row),
                reason: format!(
                    "confidence is {}; expected a number from 0 to 1",
                    confidences[row]
                ),
            });
        }
        Self::of(
            confidences,
            |i| right[i],
            |i| weights.map_or(1.0, |w| w[i]),
            binning,
        )
    }

    fn of(
        confidences: &[f64],
        right: impl Fn(usize) -> bool,
        weight: impl Fn(usize) -> f64,
        binning: Binning,
    ) -> Result<Self> {
        let edges = edges(confidences, binning)?;
        let mut sums = vec![(0.0, 0.0, 0.0); edges.len() - 1];
        for (i, &confidence) in confidences.iter().enumerate() {
            let weight = weight(i);
            let sums = &mut sums[bin_of(&edges, confidence)];
            sums.0 += weight;
            sums.1 += weight * confidence;
            if right(i) {
                sums.2 += weight;
            }
        }
        if sums.iter().all(|sums| sums.0 == 0.0) {
            return Err(Error::NoWeight);
        }
        let bins = sums
            .into_iter()
            .zip(edges.windows(2))
            .map(|((weight, confidence, right), edge)| Bin::of(edge, weight, confidence, right))
            .collect();
        Ok(Self { bins })
    }

    /// Expected calibration error (ECE): the mean gap of the bins, weighted by their samples. It is NaN only if the
    /// bins were built by hand and are all empty.
    #[doc(alias = "ECE")]
    pub fn expected_error(&self) -> f64 {
        let total: f64 = self.bins.iter().map(|bin| bin.weight).sum();
        self.bins
            .iter()
            .map(|bin| bin.weight * bin.gap())
            .sum::<f64>()
            / total
    }

    /// Maximum calibration error (MCE): the largest gap of a bin.
    #[doc(alias = "MCE")]
    pub fn maximum_error(&self) -> f64 {
        self.bins.iter().map(Bin::gap).fold(0.0, f64::max)
    }
}

impl Predictions {
    /// Calibration errors of the predicted class (its probability against how often it is right) and of all classes.
    ///
    /// # Errors
    /// If there are no probabilities, or the number of bins is not from 1 to 100,000.
    pub fn calibration_error(&self, binning: Binning) -> Result<CalibrationError> {
        let k = self.classes.len();
        let probabilities = self.probabilities_for("calibration")?;
        let confidences: Vec<f64> = probabilities
            .chunks_exact(k)
            .map(|row| row[argmax(row)])
            .collect();
        let reliability = ReliabilityDiagram::of(
            &confidences,
            |i| self.predicted[i] == self.targets[i],
            |i| self.weight(i),
            binning,
        )?;
        let by_class = (0..k)
            .into_par_iter()
            .map(|class| {
                self.class_reliability(class, binning)
                    .map(|diagram| diagram.expected_error())
            })
            .collect::<Result<Vec<f64>>>()?;
        Ok(CalibrationError {
            expected: reliability.expected_error(),
            maximum: reliability.maximum_error(),
            class_wise: by_class.iter().sum::<f64>() / k as f64,
            reliability,
        })
    }

    /// The probability of one class against how often that class is the target.
    ///
    /// # Errors
    /// If there are no probabilities, the class does not exist, or the number of bins is not from 1 to 100,000.
    pub fn class_reliability(&self, class: usize, binning: Binning) -> Result<ReliabilityDiagram> {
        self.probabilities_for("calibration")?;
        let k = self.classes.len();
        if class >= k {
            let expected = format!("an index below {k}, the number of classes");
            return Err(Error::setting("class", class, expected));
        }
        let column = self.column(class).unwrap_or_default();
        ReliabilityDiagram::of(
            &column,
            |i| self.targets[i] == class,
            |i| self.weight(i),
            binning,
        )
    }
}

/// Edges of the bins: one more than there are bins; the first is 0 and the last is 1.
fn edges(confidences: &[f64], binning: Binning) -> Result<Vec<f64>> {
    let (Binning::Uniform(bins) | Binning::Quantile(bins)) = binning;
    let mut edges = uniform_edges(bins)?;
    if matches!(binning, Binning::Quantile(_)) {
        let mut sorted = confidences.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        for edge in &mut edges[1..bins] {
            *edge = quantile(&sorted, *edge);
        }
        edges.dedup();
    }
    Ok(edges)
}

/// Edges of this number of bins of equal width.
pub(crate) fn uniform_edges(bins: usize) -> Result<Vec<f64>> {
    if bins == 0 || bins > 100_000 {
        return Err(Error::setting("number of bins", bins, "1 to 100,000"));
    }
    // Rounded as `numpy.linspace(0, 1, bins + 1)` does, so that values on an edge fall into the same bin.
    let step = 1.0 / bins as f64;
    let mut edges: Vec<f64> = (0..=bins).map(|i| i as f64 * step).collect();
    edges[bins] = 1.0;
    Ok(edges)
}

/// Index of the bin that holds the confidence.
pub(crate) fn bin_of(edges: &[f64], confidence: f64) -> usize {
    edges
        .partition_point(|&edge| edge < confidence)
        .saturating_sub(1)
        .min(edges.len() - 2)
}
