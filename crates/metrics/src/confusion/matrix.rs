use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Serialize, Serializer};

use crate::checks::{check_classes, check_weight};
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
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "Vec<Vec<f64>>")]
pub struct ConfusionMatrix {
    classes: usize,
    cells: Vec<f64>,
    zero_division: Option<f64>,
}

/// Which total each cell of a normalized confusion matrix is a share of: the `normalize` parameter of scikit-learn.
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
    /// The confusion matrix: how often samples of each class were predicted as each class.
    #[doc(alias = "confusion_matrix")]
    pub fn confusion(&self) -> ConfusionMatrix {
        let classes = self.classes().len();
        let mut matrix = ConfusionMatrix::zeros(classes);
        let pairs = self.targets().iter().zip(self.predicted());
        for (i, (&target, &predicted)) in pairs.enumerate() {
            matrix.cells[target * classes + predicted] += self.weight(i);
        }
        matrix
    }
}

impl ConfusionMatrix {
    pub(crate) fn zeros(classes: usize) -> Self {
        Self {
            classes,
            cells: vec![0.0; classes * classes],
            zero_division: None,
        }
    }

    /// Makes a matrix from counts `[target][predicted]`.
    ///
    /// # Errors
    /// If there are no rows, too many of them, a row is not as long as there are rows, or a count is negative or not
    /// finite.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self> {
        let classes = rows.len();
        check_classes(classes)?;
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
        }
        Ok(Self {
            classes,
            cells: rows.concat(),
            zero_division: None,
        })
    }

    /// Sets the value of a [`ClassMetric`](crate::confusion::ClassMetric) that is 0/0, and of its averages:
    /// scikit-learn's `zero_division`.
    ///
    /// The default, which NaN restores, is to leave them undefined (`None`); scikit-learn's default is 0. Accuracies,
    /// agreement and shares stay `None` where they are undefined.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }

    pub(crate) fn zero_division(&self) -> Option<f64> {
        self.zero_division
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The counts, one row for each target class.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.cells.chunks_exact(self.classes)
    }

    /// Adds the counts of another matrix of the same classes.
    ///
    /// # Errors
    /// If the number of classes differs.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.classes != other.classes {
            return Err(Error::Mismatch {
                what: "number of classes",
                first: self.classes.to_string(),
                second: other.classes.to_string(),
            });
        }
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            *cell += more;
        }
        Ok(())
    }

    pub(crate) fn row_mut(&mut self, target: usize) -> &mut [f64] {
        &mut self.cells[target * self.classes..(target + 1) * self.classes]
    }

    /// Shares instead of counts, `[target][predicted]`. Cells of a row or column whose total is 0 are `None`.
    pub fn normalized(&self, by: Normalize) -> Vec<Vec<Option<f64>>> {
        let (support, predicted) = self.margins();
        let total = self.total();
        self.rows()
            .zip(support)
            .map(|(row, support)| {
                row.iter()
                    .zip(&predicted)
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
        self.cells.iter().sum()
    }

    /// Total weight of the samples of a class; 0 for a class that does not exist.
    pub fn support(&self, class: usize) -> f64 {
        self.rows().nth(class).map_or(0.0, |row| row.iter().sum())
    }

    /// Total weight of the samples predicted as a class; 0 for a class that does not exist.
    pub fn predicted_count(&self, class: usize) -> f64 {
        self.rows().filter_map(|row| row.get(class)).sum()
    }

    /// Total weight of the correctly classified samples: the sum of the diagonal.
    pub fn correct(&self) -> f64 {
        self.cells.iter().step_by(self.classes + 1).sum()
    }

    /// Share of the samples that are classified correctly.
    #[doc(alias = "accuracy_score")]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.correct(), self.total())
    }

    /// Mean recall of the classes that have samples.
    #[doc(alias = "balanced_accuracy_score")]
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = self
            .rows()
            .enumerate()
            .filter_map(|(class, row)| share(row[class], row.iter().sum()))
            .collect();
        share(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Sums of the rows (support) and of the columns (predicted counts).
    pub(crate) fn margins(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut support, mut predicted) = (vec![0.0; self.classes], vec![0.0; self.classes]);
        for (target, row) in self.rows().enumerate() {
            for (class, &cell) in row.iter().enumerate() {
                support[target] += cell;
                predicted[class] += cell;
            }
        }
        (support, predicted)
    }
}

impl Index<usize> for ConfusionMatrix {
    type Output = [f64];

    /// The row of a target class.
    ///
    /// # Panics
    /// If the class does not exist, as indexing a slice does. [`ConfusionMatrix::rows`] does not panic.
    fn index(&self, target: usize) -> &[f64] {
        &self.cells[target * self.classes..(target + 1) * self.classes]
    }
}

/// All cells, row after row.
impl AsRef<[f64]> for ConfusionMatrix {
    fn as_ref(&self) -> &[f64] {
        &self.cells
    }
}

impl TryFrom<Vec<Vec<f64>>> for ConfusionMatrix {
    type Error = Error;

    fn try_from(rows: Vec<Vec<f64>>) -> Result<Self> {
        Self::from_rows(&rows)
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

/// A list of rows. Counts that are whole numbers are written as integers.
impl Serialize for ConfusionMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = |&cell: &f64| cell.fract() == 0.0 && cell < 9e15;
        if self.cells.iter().all(whole) {
            let integers = |row: &[f64]| row.iter().map(|&cell| cell as u64).collect();
            let rows: Vec<Vec<u64>> = self.rows().map(integers).collect();
            rows.serialize(serializer)
        } else {
            self.rows().collect::<Vec<_>>().serialize(serializer)
        }
    }
}
