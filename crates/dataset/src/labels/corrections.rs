//! Corrections of labels, as a person makes them on a page.

use std::collections::HashMap;
use std::path::Path;

use super::columns::LabelColumns;
use super::find::{Files, Lookup, common_folders};
use super::words::{NAMED, named, rows};
use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::folder::walk::left_out;
use crate::problem::SkipReason;
use crate::table::Table;

/// The columns of the table that a review page saves.
pub(super) const COLUMNS: [&str; 2] = ["file", "label"];
/// How similar the name of a file must be to be named in place of one that is not there, 0 to 1.
const SIMILAR: f64 = 0.75;

impl ImageFolder {
    /// This folder with the labels that a table corrects: the table that a [review page](crate::review) saves, or another
    /// one with a column of files ([`ImageItem::name`](crate::ImageItem::name)) and one of labels, each one of the classes of
    /// the folder. The table may have any form that [`LabelTable`](super::LabelTable) has, and its files are found as by
    /// [`ImageFolder::labeled`], with or without their endings. An image with an empty label is left out. Images without a
    /// row keep their labels. How many labels were changed is in [`ImageFolder::remarks`], and so are rows whose file is not
    /// there, with the file that has nearly the same name.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # dataset::sample::write(dir.path().join("photos"), 2, 7)?;
    /// # let (photos, table) = (dir.path().join("photos"), dir.path().join("labels.csv"));
    /// std::fs::write(&table, "file,label\nboat/boat_00000.jpg,cloud\nboat/boat_00001.jpg,\n")?;
    /// let folder = dataset::ImageFolder::open(photos)?.corrected(table)?;
    /// assert_eq!(folder.counts(), [0, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if the columns are not found, it has a
    /// label that is no class of the folder, two rows for one file that differ, a row that fits several files, or no row with
    /// a file.
    pub fn corrected(mut self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let corrections = self.read_corrections(path)?;
        if corrections.is_empty() {
            return Ok(self);
        }
        let (mut changed, mut kept) = (0, Vec::new());
        for (at, item) in self.images.iter_mut().enumerate() {
            match corrections.get(&at) {
                Some(None) => {
                    let bytes = item.path.metadata().map_or(0, |about| about.len());
                    let reason = SkipReason::Rejected;
                    let rejected = left_out(item.path.clone(), bytes, reason);
                    self.skipped.push(rejected);
                    continue;
                }
                Some(Some(class)) => {
                    changed += usize::from(item.class != *class);
                    item.class = *class;
                }
                None => {}
            }
            kept.push(at);
        }
        let removed = self.images.len() - kept.len();
        self.keep(&kept);
        let shown = files::shown_path(path);
        self.remarks.push(format!(
            "{shown}: labels changed: {changed}, images left out: {removed}"
        ));
        Ok(self.in_order())
    }

    /// The class of each image that has a row; none for an image that is left out.
    fn read_corrections(&mut self, path: &Path) -> Result<HashMap<usize, Option<usize>>> {
        let table = Table::read(path)?;
        let columns = LabelColumns::new().find(path, &table).map_err(|_| {
            let found = files::shown(&table.columns.join(", ")).to_string();
            let message = format!("expected the columns file and label, found {found}");
            Error::parse(path, message)
        })?;
        let names = Names::new(self);
        let common = common_folders(table.rows.iter().map(|row| &*row.cells[columns.file]));
        let (mut corrections, mut missing) = (HashMap::new(), Vec::new());
        for row in &table.rows {
            let [file, label] =
                [columns.file, columns.label].map(|column| row.cells[column].trim());
            let wrong =
                |message: String| Error::parse(path, format!("{}: {message}", files::shown(file)));
            let class = match self.classes.iter().position(|class| class == label) {
                None if label.is_empty() => None,
                None => {
                    let (label, classes) = (files::shown(label), named(&self.classes));
                    return Err(wrong(format!("label '{label}'; the classes are {classes}")));
                }
                class => class,
            };
            match names.look_up(file, common) {
                Lookup::Missing => missing.push(file),
                Lookup::Several => return Err(wrong("several images have this name".into())),
                Lookup::Found(at) => {
                    let known = corrections.insert(at, class);
                    if known.is_some_and(|other| other != class) {
                        return Err(wrong("two rows have different labels".into()));
                    }
                }
            }
        }
        if corrections.is_empty() && !missing.is_empty() {
            let (count, names) = (rows(missing.len()), self.with_near_names(&missing));
            let message = format!("{count} and none with a file in the folder: {names}");
            return Err(Error::parse(path, message));
        }
        if !missing.is_empty() {
            let (count, names) = (missing.len(), self.with_near_names(&missing));
            let shown = files::shown_path(path);
            let remark = format!("{shown}: rows without an image file: {count} ({names})");
            self.remarks.push(remark);
        }
        Ok(corrections)
    }

    /// The first of the files that are not there; of each, if there is one, the file that is spelled most like it.
    fn with_near_names(&self, missing: &[&str]) -> String {
        let first = missing.iter().take(NAMED);
        let mut names: Vec<String> = first.map(|file| self.with_near_name(file)).collect();
        names.resize(missing.len(), String::new());
        named(&names)
    }

    fn with_near_name(&self, file: &str) -> String {
        let likeness = |name: &str| strsim::normalized_damerau_levenshtein(name, file);
        let near = self
            .images
            .iter()
            .map(|item| (likeness(&item.name), &item.name));
        let near = near.filter(|(likeness, _)| *likeness >= SIMILAR);
        match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((_, name)) => format!("{file}: did you mean {name}?"),
            None => file.to_owned(),
        }
    }
}

/// The images by the names that a table can give them. In a folder that is divided already, the page of one part names files
/// without the folder of the part.
struct Names {
    whole: Files,
    in_part: Option<Files>,
}

impl Names {
    fn new(folder: &ImageFolder) -> Self {
        let names = || folder.images.iter().map(|item| &*item.name);
        let in_part = || names().map(|name| name.split_once('/').map_or(name, |(_, rest)| rest));
        Self {
            whole: Files::new(&folder.root, names()),
            in_part: (folder.subsets.as_ref()).map(|_| Files::new(&folder.root, in_part())),
        }
    }

    fn look_up(&self, file: &str, common: usize) -> Lookup {
        match (self.whole.look_up(file, common), &self.in_part) {
            (Lookup::Missing, Some(in_part)) => in_part.look_up(file, common),
            (found, _) => found,
        }
    }
}
