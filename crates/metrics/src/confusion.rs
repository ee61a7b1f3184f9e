use std::ops::Index;

use serde::{Serialize, Serializer};

use crate::{Error, Predictions, Result};

/// How often each class was taken for which: `confusion[target][predicted]`, counted with the weights.
///
/// Every number here equals scikit-learn 1.9's of the same name. Where scikit-learn would warn and answer
/// 0 (a precision of a class that was never predicted), the answer is `None`, unless
/// [`with_zero_division`](Self::with_zero_division) says what to put there.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    classes: usize,
    cells: Vec<f64>,
    zero_division: Option<f64>,
}

/// A number that each class has, computed from its hits, misses and false alarms.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClassMetric {
    /// Of those called the class, how many are: `tp / (tp + fp)`.
    Precision,
    /// Of those of the class, how many were found: `tp / (tp + fn)`.
    Recall,
    /// `(1 + b²) tp / ((1 + b²) tp + b² fn + fp)` for the given `b`: recall weighs `b` times as much as
    /// precision.
    FBeta(f64),
    /// Intersection over union: `tp / (tp + fp + fn)`.
    Jaccard,
    /// Of those not of the class, how many were not called it: `tn / (tn + fp)`.
    Specificity,
}

impl ClassMetric {
    /// The harmonic mean of precision and recall.
    pub const F1: Self = Self::FBeta(1.0);
}

/// How the numbers of the classes become one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Average {
    /// Hits, misses and false alarms of all classes are added up first.
    Micro,
    /// Plain mean over the classes.
    Macro,
    /// Mean weighted by how many samples each class has.
    Weighted,
}

/// What a cell of a normalised confusion matrix is a share of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Normalize {
    /// Of all samples of the target class: rows sum to one.
    Target,
    /// Of all samples called that class: columns sum to one.
    Predicted,
    /// Of all samples.
    All,
}

/// Hits, false alarms, misses and the rest of one class against all others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub tp: f64,
    pub fp: f64,
    pub fn_: f64,
    pub tn: f64,
}

impl ConfusionMatrix {
    pub(crate) fn of(predictions: &Predictions) -> Self {
        let classes = predictions.classes.len();
        let mut matrix = Self::zeros(classes);
        for (i, (&target, &predicted)) in predictions
            .targets
            .iter()
            .zip(&predictions.predicted)
            .enumerate()
        {
            matrix.cells[target * classes + predicted] += predictions.weight(i);
        }
        matrix
    }

    pub(crate) fn zeros(classes: usize) -> Self {
        Self {
            classes,
            cells: vec![0.0; classes * classes],
            zero_division: None,
        }
    }

    /// From counts `[target][predicted]`.
    ///
    /// # Errors
    /// Where the rows are not as many and as long as each other, or a count is negative or not finite.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self> {
        let classes = rows.len();
        if classes == 0 {
            return Err(Error::NoClasses);
        }
        for (row, values) in rows.iter().enumerate() {
            if values.len() != classes {
                return Err(Error::Parse {
                    place: crate::Place::Row(row),
                    reason: format!(
                        "expected {classes} counts, as many as there are rows, found {}",
                        values.len()
                    ),
                });
            }
            for &value in values {
                crate::predictions::check_weight(crate::Place::Row(row), value)?;
            }
        }
        Ok(Self {
            classes,
            cells: rows.concat(),
            zero_division: None,
        })
    }

    /// What a [`ClassMetric`] that is 0/0, or its average, counts as: scikit-learn's `zero_division` (there 0 by
    /// default); default here, and for NaN: `None`. Accuracies, agreement and shares stay `None` where they are undefined.
    pub fn with_zero_division(mut self, value: f64) -> Self {
        self.zero_division = Some(value).filter(|value| !value.is_nan());
        self
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The counts, a row for each target.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.cells.chunks_exact(self.classes)
    }

    /// Adds the counts of another matrix over the same classes.
    ///
    /// # Errors
    /// Where the number of classes differs.
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

    /// Shares instead of counts; `None` in the cells of a row or column that is empty.
    pub fn normalized(&self, by: Normalize) -> Vec<Vec<Option<f64>>> {
        let (support, calls) = self.margins();
        let total = self.total();
        self.rows()
            .zip(support)
            .map(|(row, support)| {
                row.iter()
                    .zip(&calls)
                    .map(|(&cell, &calls)| {
                        let whole = match by {
                            Normalize::Target => support,
                            Normalize::Predicted => calls,
                            Normalize::All => total,
                        };
                        share(cell, whole)
                    })
                    .collect()
            })
            .collect()
    }

    /// Weight of all samples.
    pub fn total(&self) -> f64 {
        self.cells.iter().sum()
    }

    /// Weight of the samples of a class; 0 for a class that does not exist.
    pub fn support(&self, class: usize) -> f64 {
        self.rows().nth(class).map_or(0.0, |row| row.iter().sum())
    }

    /// Weight of the samples called a class; 0 for a class that does not exist.
    pub fn calls(&self, class: usize) -> f64 {
        self.rows().filter_map(|row| row.get(class)).sum()
    }

    /// Weight of the samples on the diagonal.
    pub fn correct(&self) -> f64 {
        self.cells.iter().step_by(self.classes + 1).sum()
    }

    /// Share of the samples that are right.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.correct(), self.total())
    }

    /// Mean recall of the classes that have samples, as `balanced_accuracy_score`.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = self
            .rows()
            .enumerate()
            .filter_map(|(class, row)| share(row[class], row.iter().sum()))
            .collect();
        share(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Precision of each class.
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Precision)
    }

    /// Recall of each class.
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Recall)
    }

    /// F1 of each class.
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::F1)
    }

    /// The number of each class.
    pub fn per_class(&self, metric: ClassMetric) -> Vec<Option<f64>> {
        self.counts()
            .into_iter()
            .map(|counts| self.value(metric, counts))
            .collect()
    }

    /// The number averaged over the classes that are present, that is, have samples or were predicted:
    /// scikit-learn's choice where no labels are given.
    ///
    /// `None` where a class that counts is undefined: a mean over fewer classes would not say so.
    pub fn average(&self, metric: ClassMetric, average: Average) -> Option<f64> {
        let (support, calls) = self.margins();
        let present: Vec<usize> = (0..self.classes)
            .filter(|&class| support[class] > 0.0 || calls[class] > 0.0)
            .collect();
        self.average_over(metric, average, &present)
    }

    /// The number averaged over the given classes, as scikit-learn's `labels`; classes that do not exist
    /// are passed over.
    pub fn average_over(
        &self,
        metric: ClassMetric,
        average: Average,
        classes: &[usize],
    ) -> Option<f64> {
        let all = self.counts();
        let chosen: Vec<Counts> = classes
            .iter()
            .filter_map(|&class| all.get(class).copied())
            .collect();
        if average == Average::Micro {
            let mut sum = Counts::default();
            for counts in &chosen {
                sum.tp += counts.tp;
                sum.fp += counts.fp;
                sum.fn_ += counts.fn_;
                sum.tn += counts.tn;
            }
            return self.value(metric, sum);
        }
        let (mut sum, mut whole) = (0.0, 0.0);
        for counts in chosen {
            let weight = if average == Average::Weighted {
                counts.tp + counts.fn_
            } else {
                1.0
            };
            if weight > 0.0 {
                sum += weight * self.value(metric, counts)?;
                whole += weight;
            }
        }
        self.ratio(sum, whole)
    }

    /// Support and calls of each class.
    pub(crate) fn margins(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut support, mut calls) = (vec![0.0; self.classes], vec![0.0; self.classes]);
        for (target, row) in self.rows().enumerate() {
            for (predicted, &cell) in row.iter().enumerate() {
                support[target] += cell;
                calls[predicted] += cell;
            }
        }
        (support, calls)
    }

    /// Hits, false alarms, misses and the rest of each class.
    pub(crate) fn counts(&self) -> Vec<Counts> {
        let (support, calls) = self.margins();
        let total: f64 = support.iter().sum();
        (0..self.classes)
            .map(|class| {
                let tp = self[class][class];
                let (fp, fn_) = (calls[class] - tp, support[class] - tp);
                Counts {
                    tp,
                    fp,
                    fn_,
                    tn: total - tp - fp - fn_,
                }
            })
            .collect()
    }

    fn value(&self, metric: ClassMetric, Counts { tp, fp, fn_, tn }: Counts) -> Option<f64> {
        match metric {
            ClassMetric::Precision => self.ratio(tp, tp + fp),
            ClassMetric::Recall => self.ratio(tp, tp + fn_),
            ClassMetric::FBeta(beta) => {
                let b = beta * beta;
                if b.is_infinite() {
                    return self.ratio(tp, tp + fn_); // the limit
                }
                self.ratio((1.0 + b) * tp, (1.0 + b) * tp + b * fn_ + fp)
            }
            ClassMetric::Jaccard => self.ratio(tp, tp + fp + fn_),
            ClassMetric::Specificity => self.ratio(tn, tn + fp),
        }
    }

    fn ratio(&self, part: f64, whole: f64) -> Option<f64> {
        share(part, whole).or(self.zero_division)
    }
}

/// Part of a whole; undefined where there is none.
pub(crate) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

impl Index<usize> for ConfusionMatrix {
    type Output = [f64];

    /// The row of a target class.
    ///
    /// # Panics
    /// Where there is no such class, as slices do; [`ConfusionMatrix::rows`] does not.
    fn index(&self, target: usize) -> &[f64] {
        &self.cells[target * self.classes..(target + 1) * self.classes]
    }
}

/// As a list of rows; whole counts are written as integers.
impl Serialize for ConfusionMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self
            .cells
            .iter()
            .all(|&cell| cell.fract() == 0.0 && cell < 9e15)
        {
            let rows: Vec<Vec<u64>> = self
                .rows()
                .map(|row| row.iter().map(|&cell| cell as u64).collect())
                .collect();
            rows.serialize(serializer)
        } else {
            self.rows().collect::<Vec<_>>().serialize(serializer)
        }
    }
}
