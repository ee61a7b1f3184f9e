use rayon::prelude::*;

use crate::confusion::share;
use crate::curves::Ranking;
use crate::predictions::argmax;
use crate::{Error, Place, Predictions, Result};

/// How confidences are cut into bins. Every bin is closed on the right, the first also on the left, so that
/// confidence 1 belongs to the last bin and 0 to the first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Binning {
    /// This many bins of equal width over 0 to 1.
    Uniform(usize),
    /// At most this many bins of about as many samples each, whatever they weigh: edges are quantiles of the
    /// confidences, equal edges merged.
    EqualMass(usize),
}

/// Expected calibration error and its kin for one binning. All weigh bins by the samples in them; empty bins
/// carry no weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Mean distance of confidence and accuracy over the bins (Guo et al. 2017).
    pub expected_error: f64,
    /// Largest such distance.
    pub maximum_error: f64,
    /// Mean over the classes of the same, with the probability of the class against its frequency
    /// (Kull et al. 2019).
    pub class_wise_error: f64,
    /// What they are computed from.
    pub reliability: ReliabilityDiagram,
}

/// Confidence against accuracy, bin by bin.
#[derive(Clone, Debug, PartialEq)]
pub struct ReliabilityDiagram {
    /// The bins in rising order, the empty ones included.
    pub bins: Vec<Bin>,
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Lower edge, which belongs to the bin before; but 0 to the first.
    pub low: f64,
    /// Upper edge, which belongs to this bin.
    pub high: f64,
    /// Weight of the samples in it.
    pub weight: f64,
    /// Mean confidence; `None` for an empty bin.
    pub confidence: Option<f64>,
    /// Share that is right; `None` for an empty bin.
    pub accuracy: Option<f64>,
}

impl Bin {
    /// From the edges, and the sums of weights, of weighted confidences and of the weights of what is right.
    pub(crate) fn of(edge: &[f64], weight: f64, confidence: f64, right: f64) -> Self {
        Self {
            low: edge[0],
            high: edge[1],
            weight,
            confidence: share(confidence, weight),
            accuracy: share(right, weight),
        }
    }

    /// Distance of confidence and accuracy; 0 for an empty bin.
    pub fn gap(&self) -> f64 {
        self.confidence
            .zip(self.accuracy)
            .map_or(0.0, |(confidence, accuracy)| (confidence - accuracy).abs())
    }
}

impl ReliabilityDiagram {
    /// From confidences in 0 to 1 and whether each came true.
    ///
    /// # Errors
    /// Where lengths differ, a confidence is not from 0 to 1, there are no samples or all weights are 0, or there
    /// are no or more than 100,000 bins.
    pub fn new(
        confidences: &[f64],
        came_true: &[bool],
        weights: Option<&[f64]>,
        binning: Binning,
    ) -> Result<Self> {
        // The ranking checks lengths and numbers.
        Ranking::new(came_true, confidences, weights)?;
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
            |i| came_true[i],
            |i| weights.map_or(1.0, |w| w[i]),
            binning,
        )
    }

    fn of(
        confidences: &[f64],
        came_true: impl Fn(usize) -> bool,
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
            if came_true(i) {
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

    /// Mean gap of the bins, weighted by their samples; NaN only for bins put together by hand of which none has
    /// weight.
    pub fn expected_error(&self) -> f64 {
        let total: f64 = self.bins.iter().map(|bin| bin.weight).sum();
        self.bins
            .iter()
            .map(|bin| bin.weight * bin.gap())
            .sum::<f64>()
            / total
    }

    /// Largest gap of a bin.
    pub fn maximum_error(&self) -> f64 {
        self.bins.iter().map(Bin::gap).fold(0.0, f64::max)
    }
}

impl Predictions {
    /// Calibration of the class said (its probability against how often it is right) and of every class.
    ///
    /// # Errors
    /// Without probabilities, or where the binning has no or more than 100,000 bins.
    pub fn calibration(&self, binning: Binning) -> Result<Calibration> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref().ok_or(Error::NoProbabilities {
            what: "calibration",
        })?;
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
        Ok(Calibration {
            expected_error: reliability.expected_error(),
            maximum_error: reliability.maximum_error(),
            class_wise_error: by_class.iter().sum::<f64>() / k as f64,
            reliability,
        })
    }

    /// Probability of one class against how often it is the target.
    ///
    /// # Errors
    /// Without probabilities, for a class that does not exist, or for a binning without bins.
    pub fn class_reliability(&self, class: usize, binning: Binning) -> Result<ReliabilityDiagram> {
        let k = self.classes.len();
        let probabilities = self.probabilities.as_ref().ok_or(Error::NoProbabilities {
            what: "calibration",
        })?;
        if class >= k {
            return Err(Error::Option {
                option: "class",
                value: class.to_string(),
                expected: "an index below the number of classes",
            });
        }
        let column: Vec<f64> = probabilities
            .iter()
            .skip(class)
            .step_by(k)
            .copied()
            .collect();
        ReliabilityDiagram::of(
            &column,
            |i| self.targets[i] == class,
            |i| self.weight(i),
            binning,
        )
    }
}

/// Edges of the bins: one more than bins, the first 0, the last 1.
fn edges(confidences: &[f64], binning: Binning) -> Result<Vec<f64>> {
    let (Binning::Uniform(bins) | Binning::EqualMass(bins)) = binning;
    let mut edges = uniform_edges(bins)?;
    if matches!(binning, Binning::EqualMass(_)) {
        let mut sorted = confidences.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        for edge in &mut edges[1..bins] {
            *edge = quantile(&sorted, *edge);
        }
        edges.dedup();
    }
    Ok(edges)
}

/// Edges of so many bins of equal width.
pub(crate) fn uniform_edges(bins: usize) -> Result<Vec<f64>> {
    if bins == 0 || bins > 100_000 {
        return Err(Error::Option {
            option: "number of bins",
            value: bins.to_string(),
            expected: "1 to 100,000",
        });
    }
    // As `numpy.linspace(0, 1, bins + 1)` rounds, so that values on an edge fall on the same side.
    let step = 1.0 / bins as f64;
    let mut edges: Vec<f64> = (0..=bins).map(|i| i as f64 * step).collect();
    edges[bins] = 1.0;
    Ok(edges)
}

/// The bin whose edges enclose the confidence, closed on the right.
pub(crate) fn bin_of(edges: &[f64], confidence: f64) -> usize {
    edges
        .partition_point(|&edge| edge < confidence)
        .saturating_sub(1)
        .min(edges.len() - 2)
}

/// Quantile of sorted values with linear interpolation, as `numpy.quantile`.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let (a, b, t) = (sorted[below], sorted[above], position - below as f64);
    // numpy's form: exact at both ends.
    if t >= 0.5 {
        b - (b - a) * (1.0 - t)
    } else {
        a + (b - a) * t
    }
}
