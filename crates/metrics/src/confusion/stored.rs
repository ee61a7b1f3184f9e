use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::checks::{check_class, check_classes, check_weight, check_weights};
use crate::confusion::matrix::ConfusionMatrix;
use crate::error::{Error, Place, Result};

/// Up to this number of classes, all cells are written.
const WHOLE: usize = 1000;

/// A list of rows. Counts that are whole numbers are written as integers. With more than 1000 classes it is an object
/// with the number of `classes` and the `cells` that are not 0, each as `[target, predicted, count]`: the zeros alone
/// would take gigabytes.
impl Serialize for ConfusionMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.classes() > WHOLE {
            let rows = self.rows().enumerate();
            let cells = rows.flat_map(|(target, row)| {
                let cells = row.iter().enumerate().filter(|cell| *cell.1 != 0.0);
                cells.map(move |(predicted, &count)| (target, predicted, count))
            });
            let stored = Cells {
                classes: self.classes(),
                cells: cells.collect(),
            };
            return stored.serialize(serializer);
        }
        let whole = |&cell: &f64| cell.fract() == 0.0 && cell < 9e15;
        if self.rows().flatten().all(whole) {
            let integers = |row: &[f64]| row.iter().map(|&cell| cell as u64).collect();
            let rows: Vec<Vec<u64>> = self.rows().map(integers).collect();
            rows.serialize(serializer)
        } else {
            self.rows().collect::<Vec<_>>().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ConfusionMatrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stored::deserialize(deserializer)? {
            Stored::Rows(rows) => Self::from_rows(&rows),
            Stored::Cells(cells) => cells.matrix(),
        }
        .map_err(D::Error::custom)
    }
}

/// A matrix as it is stored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Rows(Vec<Vec<f64>>),
    Cells(Cells),
}

/// The cells that are not 0, as target, predicted and count.
#[derive(Deserialize, Serialize)]
struct Cells {
    classes: usize,
    cells: Vec<(usize, usize, f64)>,
}

impl TryFrom<Vec<Vec<f64>>> for ConfusionMatrix {
    type Error = Error;

    fn try_from(rows: Vec<Vec<f64>>) -> Result<Self> {
        Self::from_rows(&rows)
    }
}

impl Cells {
    fn matrix(&self) -> Result<ConfusionMatrix> {
        check_classes(self.classes)?;
        let mut matrix = ConfusionMatrix::zeros(self.classes);
        for (index, &(target, predicted, count)) in self.cells.iter().enumerate() {
            let place = Place::Row(index);
            check_class(place, "the target", target, self.classes)?;
            check_class(place, "the prediction", predicted, self.classes)?;
            check_weight(place, count)?;
            matrix.row_mut(target)[predicted] += count;
        }
        check_weights(matrix.total())?;
        Ok(matrix)
    }
}
