//! What the columns of a table of predictions hold.

use std::collections::{HashMap, HashSet};

use csv::StringRecord;

use crate::checks::{check_classes, check_distinct};
use crate::error::{Error, Place, Result};
use crate::formats::columns::{Class, Layout, Sample};
use crate::formats::reading::Reading;

/// Usual names of columns, in the order in which they are looked for.
const TARGET: [&str; 10] = [
    "target",
    "y_true",
    "true_label",
    "true_class",
    "ground_truth",
    "truth",
    "true",
    "actual",
    "label",
    "class",
];
const PREDICTED: [&str; 7] = [
    "predicted",
    "y_pred",
    "prediction",
    "pred",
    "predicted_class",
    "predicted_label",
    "pred_label",
];
const FILE: [&str; 10] = [
    "file",
    "filename",
    "file_name",
    "filepath",
    "path",
    "image",
    "image_id",
    "image_path",
    "image_name",
    "id",
];
const WEIGHT: [&str; 2] = ["weight", "sample_weight"];

/// Columns that are no classes by their names; in lower case. An empty name is an index that pandas wrote.
const NO_CLASSES: [&str; 18] = [
    "",
    "index",
    "idx",
    "row",
    "fold",
    "split",
    "set",
    "subset",
    "epoch",
    "seed",
    "loss",
    "confidence",
    "score",
    "prob",
    "correct",
    "group",
    "batch",
    "time",
];

/// So many samples are looked at to see which columns are probabilities.
pub(super) const LOOKED_AT: usize = 100;

/// How far sums of probabilities may be from one, to tell the columns.
const ABOUT: f64 = 5e-3;

/// What each column of the file holds.
pub(super) struct Header {
    columns: StringRecord,
    pub classes: Vec<String>,
    pub target: usize,
    /// For each class its column; `None` where only predicted classes are given.
    pub probabilities: Option<Vec<usize>>,
    pub predicted: Option<usize>,
    pub weight: Option<usize>,
    pub file: Option<usize>,
}

impl Header {
    /// Finds the columns; `first` are some records of the table.
    pub fn new(columns: StringRecord, reading: &Reading, first: &[StringRecord]) -> Result<Self> {
        let search = Search::new(&columns, reading);
        let target = search.role(reading.target.as_deref(), &TARGET)?;
        let target = target.ok_or_else(|| search.missing("target"))?;
        let file = search.role(reading.file.as_deref(), &FILE)?;
        let [predicted, weight] = [&PREDICTED[..], &WEIGHT].map(|names| search.usual(names));
        let used = [Some(target), file, predicted, weight];
        let found: Vec<usize> = match &reading.probabilities {
            Some(names) => {
                let found = names.iter().map(|name| search.named(name));
                found.collect::<Result<_>>()?
            }
            None => (0..columns.len())
                .filter(|column| !used.contains(&Some(*column)))
                .collect(),
        };
        let names: Vec<String> = found.iter().map(|&at| columns[at].to_string()).collect();
        check_classes(names.len().max(1))?;
        check_distinct(&names)?;
        search.check_twice()?;
        let (classes, probabilities) = match &reading.classes {
            _ if found.is_empty() => (reading.classes.clone().unwrap_or_default(), None),
            // Columns that are named for this are in the order of the classes.
            Some(classes) if reading.probabilities.is_some() => {
                if classes.len() != found.len() {
                    let (expected, found) = (found.len(), classes.len());
                    return Err(Error::ClassCount { expected, found });
                }
                (classes.clone(), Some(found))
            }
            Some(classes) => {
                let known: HashSet<&String> = classes.iter().collect();
                if let Some(name) = names.iter().find(|name| !known.contains(name)) {
                    return Err(Error::ClassName {
                        place: Place::Line(1),
                        what: "a column",
                        name: name.clone(),
                        classes: classes.clone(),
                    });
                }
                let found = classes.iter().map(|name| search.named(name));
                (classes.clone(), Some(found.collect::<Result<_>>()?))
            }
            None => {
                if reading.probabilities.is_none() {
                    search.check_classes(&found, first)?;
                }
                (names, Some(found))
            }
        };
        Ok(Self {
            columns,
            classes,
            target,
            probabilities,
            predicted,
            weight,
            file,
        })
    }

    pub fn layout(&self, reading: &Reading) -> Result<Layout> {
        check_classes(self.classes.len())?;
        let (weight, file) = (self.weight.is_some(), self.file.is_some());
        let hard = self.probabilities.is_none();
        Ok(Layout::of_columns(&self.classes, !hard, weight, file)?.with_scores(reading.scores))
    }

    /// Refuses a record with another number of columns than the header has.
    pub fn check(&self, place: Place, record: &StringRecord) -> Result<()> {
        if record.len() == self.columns.len() {
            return Ok(());
        }
        let (expected, found) = (self.columns.len(), record.len());
        Err(Error::Parse {
            place,
            reason: format!("expected {expected} columns, found {found}"),
        })
    }

    pub fn number(&self, place: Place, record: &StringRecord, column: usize) -> Result<f64> {
        let text = record.get(column).unwrap_or_default();
        text.parse::<f64>().map_err(|_| Error::Parse {
            place,
            reason: format!(
                "column `{}`: expected a number, found `{text}`",
                self.columns.get(column).unwrap_or_default()
            ),
        })
    }

    pub fn sample(&self, layout: &Layout, place: Place, record: &StringRecord) -> Result<Sample> {
        self.check(place, record)?;
        let text = |column: usize| record.get(column).unwrap_or_default();
        let number = |column: usize| self.number(place, record, column);
        // A class named "7" is that class; only text that names no class is read as an index.
        let class = |column: usize| {
            let text = text(column);
            match layout.index(text).or_else(|| text.parse().ok()) {
                Some(index) => Class::Index(index),
                None => Class::Name(text.to_string()),
            }
        };
        let row = self.probabilities.as_ref();
        Ok(Sample {
            classes: None,
            target: class(self.target),
            probabilities: row
                .map(|columns| columns.iter().map(|&column| number(column)).collect())
                .transpose()?,
            predicted: self.predicted.map(class),
            weight: self.weight.map(number).transpose()?,
            file: self.file.map(|column| text(column).to_string()),
        })
    }
}

/// The columns by their names.
struct Search<'a> {
    columns: &'a StringRecord,
    positions: HashMap<&'a str, usize>,
    /// Names that are no columns with another use, since they are classes.
    classes: HashSet<&'a str>,
    reading: &'a Reading,
}

impl<'a> Search<'a> {
    fn new(columns: &'a StringRecord, reading: &'a Reading) -> Self {
        let mut positions: HashMap<&str, usize> = HashMap::with_capacity(columns.len());
        for (position, name) in columns.iter().enumerate() {
            positions.entry(name).or_insert(position);
        }
        let classes = reading.classes.iter().chain(&reading.probabilities);
        Self {
            columns,
            positions,
            classes: classes.flatten().map(String::as_str).collect(),
            reading,
        }
    }

    fn check_twice(&self) -> Result<()> {
        let twice = self.columns.iter().enumerate();
        let mut twice = twice.filter(|(at, name)| self.positions.get(name) != Some(at));
        match twice.next() {
            None => Ok(()),
            Some((_, name)) => Err(Error::Parse {
                place: Place::Line(1),
                reason: format!("column `{name}` is given twice; names must differ"),
            }),
        }
    }

    fn missing(&self, name: &str) -> Error {
        let found: Vec<&str> = self.columns.iter().collect();
        Error::Parse {
            place: Place::Line(1),
            reason: format!("expected a column `{name}`, found: {}", found.join(", ")),
        }
    }

    fn named(&self, name: &str) -> Result<usize> {
        let position = self.positions.get(name).copied();
        position.ok_or_else(|| self.missing(name))
    }

    fn usual(&self, names: &[&str]) -> Option<usize> {
        let free = names.iter().filter(|name| !self.classes.contains(**name));
        let mut positions = free.filter_map(|name| self.positions.get(name));
        positions.next().copied()
    }

    fn role(&self, named: Option<&str>, usual: &[&str]) -> Result<Option<usize>> {
        match named {
            Some(name) => self.named(name).map(Some),
            None => Ok(self.usual(usual)),
        }
    }

    /// Refuses columns that cannot be the probabilities of classes, by their names or by what is in them.
    fn check_classes(&self, found: &[usize], first: &[StringRecord]) -> Result<()> {
        let by_name = |column: &usize| {
            let name = self.columns[*column].to_lowercase();
            name.starts_with("unnamed:") || NO_CLASSES.contains(&name.as_str())
        };
        let mut others: Vec<usize> = found.iter().copied().filter(by_name).collect();
        if others.is_empty() && self.reading.scores == super::reading::Scores::Probabilities {
            others = by_numbers(found, first);
        }
        if others.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = others
            .iter()
            .map(|&column| match &self.columns[column] {
                "" => format!("column {} (without a name)", column + 1),
                name => format!("`{name}`"),
            })
            .collect();
        let classes = found.iter().filter(|column| !others.contains(column));
        let classes: Vec<&str> = classes.map(|&column| &self.columns[column]).collect();
        Err(Error::Parse {
            place: Place::Line(1),
            reason: format!(
                "not probabilities of a class: {}; leave them out of the file, or name the columns of probabilities \
                 (`Reading::with_probabilities`, --probabilities {})",
                names.join(", "),
                classes.join(",")
            ),
        })
    }
}

/// Columns without which the rows of numbers sum to one.
fn by_numbers(found: &[usize], first: &[StringRecord]) -> Vec<usize> {
    let numbers = |record: &StringRecord| -> Option<Vec<f64>> {
        let cells = found.iter().map(|&column| record.get(column)?.parse().ok());
        cells.collect()
    };
    let rows: Option<Vec<Vec<f64>>> = first.iter().take(LOOKED_AT).map(numbers).collect();
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
        return Vec::new();
    };
    let sums_to_one = |without: &[usize]| {
        rows.iter().all(|row| {
            let kept = row
                .iter()
                .enumerate()
                .filter(|(at, _)| !without.contains(at));
            (kept.map(|(_, value)| value).sum::<f64>() - 1.0).abs() <= ABOUT
        })
    };
    if sums_to_one(&[]) {
        return Vec::new();
    }
    let outside = |at: &usize| rows.iter().any(|row| !(0.0..=1.0).contains(&row[*at]));
    let outside: Vec<usize> = (0..found.len()).filter(outside).collect();
    let single = (0..found.len()).map(|at| vec![at]);
    let mut ways = std::iter::once(outside).chain(single);
    let found_ones = ways
        .find(|without| !without.is_empty() && without.len() < found.len() && sums_to_one(without));
    found_ones
        .unwrap_or_default()
        .into_iter()
        .map(|at| found[at])
        .collect()
}
