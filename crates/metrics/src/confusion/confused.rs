use std::fmt;

use serde::{Deserialize, Serialize};

use crate::confusion::matrix::ConfusionMatrix;
use crate::uncertainty::{Interval, wilson_interval};
use crate::visible::visible;

/// The samples of one class that were predicted as another.
///
/// `Display` prints it in plain words: `vehicles taken for town: 3 of 4`. Control characters in the names are printed
/// as escapes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConfusedPair {
    /// Name of the true class.
    pub target: String,
    /// Name of the class that was predicted instead.
    pub predicted: String,
    /// Total weight of the samples of the true class that were predicted as the other class; above 0.
    pub count: f64,
    /// Total weight of all samples of the true class.
    pub support: f64,
    /// `count / support`, above 0 and at most 1.
    pub share: f64,
    /// Wilson's interval of the share; `None` if it was not asked for, or the samples have weights.
    pub interval: Option<Interval>,
}

impl ConfusionMatrix {
    /// The pairs of a true and a predicted class that were confused most often, at most `most` of them, the most frequent
    /// first. Pairs of the same count are ordered by their share of the true class, the larger first, and then by their
    /// indices. Pairs that were never confused are left out.
    ///
    /// The intervals are Wilson's at the confidence level `level`, usually 0.95. They are `None` if the level is not
    /// between 0 and 1, or if the counts of the true class are not whole numbers. If `names` is too short, missing
    /// names are empty.
    ///
    /// ```
    /// use metrics::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), metrics::Error> {
    /// let confusion = ConfusionMatrix::from_rows(&[vec![1.0, 3.0], vec![1.0, 9.0]])?;
    /// let names = ["vehicles".to_string(), "town".to_string()];
    /// let pairs = confusion.confused_pairs(&names, 10, 0.95);
    /// assert_eq!(pairs[0].to_string(), "vehicles taken for town: 3 of 4");
    /// assert_eq!((pairs[0].share, pairs[1].share), (0.75, 0.1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn confused_pairs(&self, names: &[String], most: usize, level: f64) -> Vec<ConfusedPair> {
        let name = |class: usize| names.get(class).cloned().unwrap_or_default();
        let mut cells = Vec::new();
        for (target, row) in self.rows().enumerate() {
            let support: f64 = row.iter().sum();
            let confused =
                |&(predicted, &count): &(usize, &f64)| predicted != target && count > 0.0;
            let confused = row.iter().enumerate().filter(confused);
            cells.extend(confused.map(|(predicted, &count)| (count, support, target, predicted)));
        }
        // The sort is stable: what is equal here stays in the order of the indices.
        cells.sort_by(|a, b| {
            let by_count = b.0.total_cmp(&a.0);
            by_count.then((b.0 / b.1).total_cmp(&(a.0 / a.1)))
        });
        let pair = |&(count, support, target, predicted): &(f64, f64, usize, usize)| {
            let whole = self[target].iter().all(|count| count.fract() == 0.0) && support < 9e15;
            let interval = whole
                .then(|| wilson_interval(count as u64, support as u64, level))
                .flatten();
            ConfusedPair {
                target: name(target),
                predicted: name(predicted),
                count,
                support,
                share: count / support,
                interval: interval.map(Interval::from),
            }
        };
        cells.iter().take(most).map(pair).collect()
    }
}

impl fmt::Display for ConfusedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, predicted) = (visible(&self.target), visible(&self.predicted));
        let (count, support) = (Count(self.count), Count(self.support));
        write!(f, "{target} taken for {predicted}: {count} of {support}")
    }
}

/// A number of samples. It has two digits after the point if it is a sum of weights and no whole number.
pub(crate) struct Count(pub f64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.fract() == 0.0 {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:.2}", self.0)
        }
    }
}
