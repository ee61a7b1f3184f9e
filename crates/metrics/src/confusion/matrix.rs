use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Serialize};

use crate::checks::{check_classes, check_weight, check_weights};
use crate::confusion::margins::Margins;
use crate::error::{Error, Place, Result};
use crate::numeric::share;
use crate::predictions::Predictions;

/// How often samples of each class were predicted as each class: `confusion[target][predicted]`. Each sample counts
/// with its weight.
///
/// Every number computed from it equals that of the same name in scikit-learn 1.9. Where scikit-learn warns and
/// returns 0 (for example the precision of a class that was never predicted), the result here is `None`, unless
/// [`with_zero_division`](Self::with_zero_division) gives a value to use instead.
///
/// ```
/// use metrics::ConfusionMatrix;
///
/// # fn main() -> Result<(), metrics::Error> {
/// let confusion = ConfusionMatrix::from_rows(&[vec![8.0, 2.0], vec![1.0, 9.0]])?;
/// assert_eq!(confusion.accuracy(), Some(0.85));
/// assert_eq!(confusion.recall(), [Some(0.8), Some(0.9)]);
/// # Ok(())
/// # }
/// ```
///
/// Rows of classes without samples take no memory.
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    classes: usize,
    /// First a row of zeros, then the rows that hold something, in any order.
    cells: Vec<f64>,
    /// Where in `cells` the row of each target starts; 0 for a row of zeros.
    starts: Vec<usize>,
    zero_division: Option<f64>,
}

/// The total by which the cells of a normalized confusion matrix are divided: the `normalize` parameter of
/// scikit-learn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Normalize {
    /// All samples of the target class. Each row sums to one.
    Target,
    /// All samples predicted as the class. Each column sums to one.
    Predicted,
    /// All samples.
    All,
}

impl Predictions {
    /// The confusion matrix of these predictions: how often samples of each class were predicted as each class.
    #[doc(alias = "confusion_matrix")]
    pub fn confusion(&self) -> ConfusionMatrix {
        let classes = self.classes().len();
        let mut matrix = ConfusionMatrix::zeros(classes);
        let pairs = self.targets().iter().zip(self.predicted());
        for (i, (&target, &predicted)) in pairs.enumerate() {
            matrix.row_mut(target)[predicted] += self.weight(i);
        }
        matrix
    }
}

impl ConfusionMatrix {
    pub(crate) fn zeros(classes: usize) -> Self {
        // Room for all rows of a few classes.
        let mut cells = Vec::with_capacity((classes.min(64) + 1) * classes);
        cells.resize(classes, 0.0);
        Self {
            classes,
            cells,
            starts: vec![0; classes],
            zero_division: None,
        }
    }

    /// Makes a matrix from counts `[target][predicted]`.
    ///
    /// # Errors
    /// If there are no rows or more than [`Predictions::MAX_CLASSES`], a row does not have as many values as there are
    /// rows, a count is negative or not finite, or the sum of the counts is more than 1e75.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self> {
        let classes = rows.len();
        check_classes(classes)?;
        let mut matrix = Self::zeros(classes);
        for (row, values) in rows.iter().enumerate() {
            let place = Place::Row(row);
            if values.len() != classes {
                return Err(Error::Parse {
                    place,
                    reason: format!(
                        "expected {classes} counts, as many as there are rows, found {}",
                        values.len()
                    ),
                });
            }
            for &value in values {
                check_weight(place, value)?;
            }
            if values.iter().any(|&value| value != 0.0) {
                matrix.row_mut(row).copy_from_slice(values);
            }
        }
        check_weights(matrix.total())?;
        Ok(matrix)
    }

    /// Sets the value to use where a [`ClassMetric`](crate::confusion::ClassMetric) is 0/0, also in its averages: the
    /// `zero_division` of scikit-learn, usually 0 or 1.
    ///
    /// By default such values stay undefined (`None`), and NaN restores this default; scikit-learn's default is 0.
    /// Accuracies, kappa, Matthews' coefficient and normalized shares are not affected.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The counts, one row for each target class.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        let rows = self.starts.iter();
        rows.map(|&start| &self.cells[start..start + self.classes])
    }

    /// All counts in one vector, row after row.
    pub fn to_vec(&self) -> Vec<f64> {
        self.rows().flatten().copied().collect()
    }

    /// Adds the counts of another matrix of the same classes.
    ///
    /// # Errors
    /// If the number of classes differs, or the sum of all counts is more than 1e75; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.classes != other.classes {
            return Err(Error::Mismatch {
                what: "number of classes",
                first: self.classes.to_string(),
                second: other.classes.to_string(),
            });
        }
        check_weights(self.total() + other.total())?;
        for (target, &start) in other.starts.iter().enumerate().filter(|row| *row.1 > 0) {
            let more = &other.cells[start..start + other.classes];
            for (cell, more) in self.row_mut(target).iter_mut().zip(more) {
                *cell += more;
            }
        }
        Ok(())
    }

    /// The row of a target, which may hold something from now on.
    pub(crate) fn row_mut(&mut self, target: usize) -> &mut [f64] {
        if self.starts[target] == 0 {
            self.starts[target] = self.cells.len();
            self.cells.resize(self.cells.len() + self.classes, 0.0);
        }
        let start = self.starts[target];
        &mut self.cells[start..start + self.classes]
    }

    /// The matrix as fractions instead of counts, `[target][predicted]`. Cells whose row or column total is 0 are
    /// `None`.
    pub fn normalized(&self, by: Normalize) -> Vec<Vec<Option<f64>>> {
        let margins = self.margins();
        let total = margins.total;
        self.rows()
            .zip(margins.support)
            .map(|(row, support)| {
                row.iter()
                    .zip(&margins.predicted)
                    .map(|(&cell, &predicted)| {
                        let whole = match by {
                            Normalize::Target => support,
                            Normalize::Predicted => predicted,
                            Normalize::All => total,
                        };
                        share(cell, whole)
                    })
                    .collect()
            })
            .collect()
    }

    /// Total weight of all samples.
    pub fn total(&self) -> f64 {
        self.filled().flat_map(|(_, row)| row).sum()
    }

    /// The rows that may hold something, with their targets.
    fn filled(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let rows = self.starts.iter().enumerate();
        rows.filter(|&(_, &start)| start > 0)
            .map(|(target, &start)| (target, &self.cells[start..start + self.classes]))
    }

    /// Total weight of the samples of a class; 0 for a class that does not exist.
    pub fn support(&self, class: usize) -> f64 {
        self.rows().nth(class).map_or(0.0, |row| row.iter().sum())
    }

    /// Total weight of the samples predicted as a class; 0 for a class that does not exist.
    pub fn predicted_count(&self, class: usize) -> f64 {
        self.filled().filter_map(|(_, row)| row.get(class)).sum()
    }

    /// Total weight of the correctly classified samples: the sum of the diagonal.
    pub fn correct(&self) -> f64 {
        self.filled().map(|(target, row)| row[target]).sum()
    }

    /// Fraction of the samples that are classified correctly; `None` if the total weight is 0.
    #[doc(alias = "accuracy_score")]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.correct(), self.total())
    }

    /// Mean recall of the classes that have samples; `None` if the total weight is 0.
    #[doc(alias = "balanced_accuracy_score")]
    pub fn balanced_accuracy(&self) -> Option<f64> {
        self.margins().balanced_accuracy()
    }

    /// The sums from which the metrics of classes are computed.
    pub(crate) fn margins(&self) -> Margins {
        let mut margins = Margins::zeros(self.classes, self.zero_division);
        for (target, row) in self.filled() {
            for (predicted, &cell) in row.iter().enumerate() {
                margins.support[target] += cell;
                margins.predicted[predicted] += cell;
            }
            margins.right[target] = row[target];
        }
        margins.total = self.total();
        margins
    }
}

/// Whether classes, counts and value for 0/0 are the same.
impl PartialEq for ConfusionMatrix {
    fn eq(&self, other: &Self) -> bool {
        self.zero_division == other.zero_division && self.rows().eq(other.rows())
    }
}

impl Index<usize> for ConfusionMatrix {
    type Output = [f64];

    /// The row of a target class.
    ///
    /// # Panics
    /// If the class does not exist, as indexing a slice does. [`ConfusionMatrix::rows`] does not panic.
    fn index(&self, target: usize) -> &[f64] {
        let start = self.starts[target];
        &self.cells[start..start + self.classes]
    }
}

/// One line for each target class, with the counts in columns of equal width.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.cells.iter().map(|cell| cell.to_string().len());
        let width = width.max().unwrap_or_default();
        for row in self.rows() {
            let cells: Vec<String> = row.iter().map(|cell| format!("{cell:>width$}")).collect();
            writeln!(f, "{}", cells.join("  "))?;
        }
        Ok(())
    }
}
