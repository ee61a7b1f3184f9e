//! The rows of a table of labels.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::columns::{Columns, LabelColumns};
use super::corrections::COLUMNS;
use super::words::{named, rows as rows_of};
use crate::error::{Error, Result};
use crate::split::subset::Subset;
use crate::table::{Row, Table};

/// A table with the label of each image: CSV, the same with semicolons or tabs, or JSON lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelTable {
    path: PathBuf,
    rows: Vec<LabelRow>,
    /// Rows without a label.
    pub(super) unlabeled: usize,
    /// Whether its columns are those of the table that a review page saves.
    pub(super) of_review: bool,
    pub(super) remarks: Vec<String>,
}

/// A row of a [`LabelTable`].
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRow {
    /// The line of the table, from 1.
    pub line: u64,
    /// The file as the table has it: a path, a name, or a name without its ending.
    pub file: String,
    /// The label.
    pub label: String,
    /// What the image is for, where the table says it.
    pub subset: Option<Subset>,
    /// The group, where the table has one.
    pub group: Option<String>,
    /// How much the image counts in a training, where the table says it: a positive number.
    pub weight: Option<f64>,
}

impl LabelTable {
    /// Reads a table: CSV with commas, semicolons or tabs and a first line with the names of the columns, or JSON lines
    /// such as Hugging Face's `metadata.jsonl`. UTF-16 is understood by its mark. Rows without a label are left out, and
    /// counted in [`ImageFolder::remarks`](crate::ImageFolder::remarks).
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is no table, a column is not
    /// found, a part of a split is none that is known, or images have several labels.
    pub fn open(path: impl AsRef<Path>, columns: &LabelColumns) -> Result<Self> {
        let path = path.as_ref();
        let table = Table::read(path)?;
        let columns = columns.find(path, &table)?;
        let shown = files::shown_path(path);
        let mut remarks = vec![format!("{shown}: {}", columns.words(&table))];
        let (mut rows, mut unlabeled) = (Vec::new(), 0);
        for row in &table.rows {
            let row = label_row(path, columns, row)?;
            if row.label.is_empty() {
                unlabeled += 1;
            } else {
                rows.push(row);
            }
        }
        if unlabeled > 0 {
            remarks.push(format!(
                "{shown}: rows without a label: {unlabeled}; they are left out"
            ));
        }
        if rows.is_empty() {
            let message = "no row has a label; the table that a review page saves corrects labels, and is given as --corrections";
            return Err(Error::parse(path, message));
        }
        check_single(path, &rows)?;
        Ok(Self {
            path: path.to_path_buf(),
            rows,
            unlabeled,
            of_review: table.columns == COLUMNS,
            remarks,
        })
    }

    /// The path of the table.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rows that have a label, in their order.
    pub fn rows(&self) -> &[LabelRow] {
        &self.rows
    }

    /// The labels, each once: by their bytes, or, where all are whole numbers, by these.
    pub fn classes(&self) -> Vec<String> {
        let labels: HashSet<&str> = self.rows.iter().map(|row| row.label.as_str()).collect();
        let mut labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let number = |label: &String| label.parse::<i64>().ok();
        if labels.iter().all(|label| number(label).is_some()) {
            labels.sort_by_key(|label| (number(label), label.clone()));
        } else {
            labels.sort();
        }
        labels
    }
}

fn label_row(path: &Path, columns: Columns, row: &Row) -> Result<LabelRow> {
    let cell = |column: usize| row.cells[column].trim();
    let subset = match columns.split.map(cell) {
        None => None,
        Some(text) => Some(Subset::of_name(text).ok_or_else(|| {
            let line = row.line;
            let message = format!(
                "line {line}: expected train, val or test as the part of the split, found '{text}'"
            );
            Error::parse(path, message)
        })?),
    };
    let weight = columns.weight.map(cell);
    let weight = weight.map(|text| match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok(weight),
        _ => {
            let line = row.line;
            let message =
                format!("line {line}: expected a positive number as the weight, found '{text}'");
            Err(Error::parse(path, message))
        }
    });
    Ok(LabelRow {
        weight: weight.transpose()?,
        line: row.line,
        file: cell(columns.file).to_owned(),
        label: cell(columns.label).to_owned(),
        subset,
        group: columns.group.map(cell).map(str::to_owned),
    })
}

/// Refuses tables in which an image has several labels.
fn check_single(path: &Path, rows: &[LabelRow]) -> Result<()> {
    let labels: HashSet<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    let several: Vec<String> = rows
        .iter()
        .filter(|row| is_several(&row.label, &labels))
        .map(|row| format!("'{}' (line {})", row.label, row.line))
        .collect();
    if !several.is_empty() {
        let message = format!(
            "several labels in {}: {}; each image must have exactly one",
            rows_of(several.len()),
            named(&several)
        );
        return Err(Error::parse(path, message));
    }
    let mut seen: BTreeMap<&str, &LabelRow> = BTreeMap::new();
    let mut twice = Vec::new();
    for row in rows {
        let first = seen.entry(&row.file).or_insert(row);
        if first.label != row.label {
            let (file, one, other) = (&row.file, &first.label, &row.label);
            twice.push(format!(
                "'{file}' is '{one}' and '{other}' (line {})",
                row.line
            ));
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    let message = format!(
        "another label for the same file in {}: {}; each image must have exactly one",
        rows_of(twice.len()),
        named(&twice)
    );
    Err(Error::parse(path, message))
}

/// Whether a cell holds several labels: a list, labels between signs that no name has, or between commas or spaces where all of
/// them are labels alone, too.
fn is_several(label: &str, labels: &HashSet<&str>) -> bool {
    if label.starts_with('[') && label.ends_with(']') {
        return true;
    }
    ['|', ';', ',', ' '].iter().any(|sign| {
        let parts = label.split(*sign).map(str::trim);
        let mut parts = parts.filter(|part| !part.is_empty());
        let certain = matches!(sign, '|' | ';');
        parts.clone().count() > 1 && (certain || parts.all(|part| labels.contains(part)))
    })
}
