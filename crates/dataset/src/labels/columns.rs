//! Which column of a table holds what.

use std::path::Path;

use crate::error::{Error, Result};
use crate::split::subset::Subset;
use crate::table::Table;

/// The usual names of the column with the files, in the order in which they are looked for. Neither case nor `_`, `-` and
/// spaces count.
const FILE: [&str; 18] = [
    "image",
    "file",
    "filename",
    "filepath",
    "path",
    "imageid",
    "id",
    "imagepath",
    "imagename",
    "imagefile",
    "imagefilename",
    "img",
    "imgpath",
    "imgname",
    "imgid",
    "idcode",
    "name",
    "photo",
];
const LABEL: [&str; 9] = [
    "label",
    "class",
    "category",
    "target",
    "species",
    "classname",
    "labelname",
    "labels",
    "classes",
];
const SPLIT: [&str; 4] = ["split", "set", "subset", "partition"];
const WEIGHT: [&str; 3] = ["weight", "weights", "sampleweight"];
const GROUP: [&str; 7] = [
    "group",
    "groupid",
    "groups",
    "patient",
    "patientid",
    "subject",
    "subjectid",
];

/// Which columns of a table hold what, by their names; what is not named here is found by the usual names:
///
/// | holds | usual names |
/// |---|---|
/// | the file, or its name without the ending | `image`, `file`, `filename`, `filepath`, `path`, `image_id`, `id`, and the like |
/// | the label | `label`, `class`, `category`, `target`, `species`; in a table of two columns the other one |
/// | the part of a split (may lack) | `split`, `set`, `subset`, `partition` |
/// | the group (may lack) | `group`, `patient_id`, `subject_id` |
/// | how much the image counts (may lack) | `weight`, `sample_weight` |
///
/// Neither case nor `_`, `-` and spaces in the usual names count. Columns that are not used are named in
/// [`ImageFolder::remarks`](crate::ImageFolder::remarks).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelColumns {
    file: Option<String>,
    label: Option<String>,
    split: Option<String>,
    group: Option<String>,
    weight: Option<String>,
}

impl LabelColumns {
    /// The usual names.
    pub fn new() -> Self {
        Self::default()
    }

    /// The column with the names of the files; with `None` it is found.
    pub fn with_file(mut self, column: impl Into<Option<String>>) -> Self {
        self.file = column.into();
        self
    }

    /// The column with the labels; with `None` it is found.
    pub fn with_label(mut self, column: impl Into<Option<String>>) -> Self {
        self.label = column.into();
        self
    }

    /// The column that says what an image is for: training, validation or test; with `None` it is found, or there is none.
    pub fn with_split(mut self, column: impl Into<Option<String>>) -> Self {
        self.split = column.into();
        self
    }

    /// The column with the group of an image: images of one group stay on one side of a split; with `None` it is found, or
    /// there is none.
    pub fn with_group(mut self, column: impl Into<Option<String>>) -> Self {
        self.group = column.into();
        self
    }

    /// The column that says how much an image counts in a training, a positive number; with `None` it is found, or there is
    /// none.
    pub fn with_weight(mut self, column: impl Into<Option<String>>) -> Self {
        self.weight = column.into();
        self
    }

    /// Finds the columns in a table.
    pub(super) fn find(&self, path: &Path, table: &Table) -> Result<Columns> {
        let search = Search { path, table };
        let missing = |what: &str, option: &str| {
            let message = format!(
                "no column has one of the usual names for {what}; choose one of {} ({option})",
                search.names()
            );
            Error::parse(path, message)
        };
        let file = search.column(self.file.as_deref(), &FILE)?;
        let file = file.ok_or_else(|| missing("files", "--file-column"))?;
        let split = search.column(self.split.as_deref(), &SPLIT)?;
        // A column of this name without any part in it is another one.
        let has_parts = |column: &usize| {
            let mut cells = table.rows.iter().map(|row| &row.cells[*column]);
            cells.any(|cell| Subset::of_name(cell).is_some())
        };
        let split = split.filter(|column| self.split.is_some() || has_parts(column));
        let group = search.column(self.group.as_deref(), &GROUP)?;
        let weight = search.column(self.weight.as_deref(), &WEIGHT)?;
        let label = search.column(self.label.as_deref(), &LABEL)?;
        // `id,breed`: of two columns the other one.
        let other = (table.columns.len() == 2 && split.is_none() && group.is_none())
            .then_some(1 - file.min(1));
        let label = label
            .or(other)
            .ok_or_else(|| missing("labels", "--label-column"))?;
        let columns = Columns {
            file,
            label,
            split,
            group,
            weight,
        };
        match columns.twice() {
            None => Ok(columns),
            Some(column) => {
                let name = &table.columns[column];
                let message = format!(
                    "the column '{name}' is chosen for two things; choose one column for each"
                );
                Err(Error::parse(path, message))
            }
        }
    }
}

/// The columns of a table, by index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) file: usize,
    pub(super) label: usize,
    pub(super) split: Option<usize>,
    pub(super) group: Option<usize>,
    pub(super) weight: Option<usize>,
}

impl Columns {
    fn all(self) -> impl Iterator<Item = (usize, &'static str)> {
        let roles = [
            (Some(self.file), "files"),
            (Some(self.label), "labels"),
            (self.split, "parts"),
            (self.group, "groups"),
            (self.weight, "weights"),
        ];
        roles
            .into_iter()
            .filter_map(|(column, what)| Some((column?, what)))
    }

    fn twice(self) -> Option<usize> {
        let columns: Vec<usize> = self.all().map(|(column, _)| column).collect();
        let mut all = columns.iter().enumerate();
        all.find(|(at, column)| columns[..*at].contains(column))
            .map(|(_, column)| *column)
    }

    /// What was found, in words: `files are in the column 'id', labels in 'breed'; not used: 'age'`.
    pub(super) fn words(self, table: &Table) -> String {
        let used = self.all().enumerate().map(|(at, (column, what))| {
            let name = &table.columns[column];
            match at {
                0 => format!("{what} are in the column '{name}'"),
                _ => format!("{what} in '{name}'"),
            }
        });
        let used = used.collect::<Vec<_>>().join(", ");
        let unused = |column: &usize| self.all().all(|(used, _)| used != *column);
        let unused: Vec<String> = (0..table.columns.len())
            .filter(unused)
            .map(|column| format!("'{}'", table.columns[column]))
            .collect();
        match &unused[..] {
            [] => used,
            some => format!("{used}; not used: {}", some.join(", ")),
        }
    }
}

struct Search<'a> {
    path: &'a Path,
    table: &'a Table,
}

impl Search<'_> {
    /// The column of that name, or the first one with a usual name.
    fn column(&self, named: Option<&str>, usual: &[&str]) -> Result<Option<usize>> {
        let columns = &self.table.columns;
        let Some(named) = named else {
            let plain: Vec<String> = columns.iter().map(|name| plain(name)).collect();
            let position = |usual: &&str| plain.iter().position(|name| name == usual);
            return Ok(usual.iter().find_map(position));
        };
        let found = columns.iter().position(|name| name == named);
        let missing = || {
            let message = format!(
                "there is no column '{named}'; the columns are {}",
                self.names()
            );
            Error::parse(self.path, message)
        };
        found.map(Some).ok_or_else(missing)
    }

    fn names(&self) -> String {
        let names = self.table.columns.iter().map(|name| format!("'{name}'"));
        names.collect::<Vec<_>>().join(", ")
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
