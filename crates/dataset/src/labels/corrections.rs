//! Corrections of labels, as a person makes them on a page.

use std::collections::HashMap;
use std::path::Path;

use super::words::{named, rows};
use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::folder::walk::left_out;
use crate::problem::SkipReason;

/// The largest table that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// The columns of a table of corrections.
const COLUMNS: [&str; 2] = ["file", "label"];

impl ImageFolder {
    /// This folder with the labels that a table corrects: the table that a [review page](crate::review) saves. It is a CSV
    /// file with the columns `file` ([`ImageItem::name`](crate::ImageItem::name)) and `label`, one of the classes of the
    /// folder; an image with an empty label is left out. Images without a row keep their labels. How many labels were changed
    /// is in [`ImageFolder::remarks`], and so are rows whose file is not there.
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
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it has other columns, a label that
    /// is no class of the folder, two rows for one file that differ, a row that fits several files, or no row with a file.
    pub fn corrected(mut self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let corrections = self.read_corrections(path)?;
        if corrections.is_empty() {
            return Ok(self);
        }
        let (mut changed, mut removed) = (0, 0);
        let (subsets, groups) = (self.subsets.take(), self.groups.take());
        let (mut kept_subsets, mut kept_groups) = (Vec::new(), Vec::new());
        for (at, mut item) in std::mem::take(&mut self.images).into_iter().enumerate() {
            match corrections.get(&at) {
                Some(None) => {
                    removed += 1;
                    let bytes = item.path.metadata().map_or(0, |about| about.len());
                    let reason = SkipReason::Rejected;
                    self.skipped.push(left_out(item.path, bytes, reason));
                    continue;
                }
                Some(Some(class)) => {
                    changed += usize::from(item.class != *class);
                    item.class = *class;
                }
                None => {}
            }
            self.images.push(item);
            kept_subsets.extend(subsets.as_ref().map(|subsets| subsets[at]));
            kept_groups.extend(groups.as_ref().map(|groups| groups[at].clone()));
        }
        self.subsets = subsets.map(|_| kept_subsets);
        self.groups = groups.map(|_| kept_groups);
        let shown = files::shown_path(path);
        self.remarks.push(format!(
            "{shown}: labels changed: {changed}, images left out: {removed}"
        ));
        Ok(self.in_order())
    }

    /// The class of each image that has a row; none for an image that is left out.
    fn read_corrections(&mut self, path: &Path) -> Result<HashMap<usize, Option<usize>>> {
        let bytes = files::read_at_most(path, LARGEST)?;
        let mut table = csv::Reader::from_reader(bytes.as_slice());
        let header = table.headers().map_err(Error::csv(path))?;
        if header.iter().ne(COLUMNS) {
            let found = header.iter().collect::<Vec<_>>().join(", ");
            let message = format!(
                "expected the columns file and label, found {}",
                files::shown(&found)
            );
            return Err(Error::parse(path, message));
        }
        let places = self.places();
        let (mut corrections, mut missing, mut count) = (HashMap::new(), Vec::new(), 0);
        for row in table.records() {
            let row = row.map_err(Error::csv(path))?;
            count += 1;
            let (file, label) = (&row[0], &row[1]);
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
            match places.get(file) {
                None => missing.push(file.to_owned()),
                Some(None) => return Err(wrong("several images have this name".into())),
                Some(Some(at)) => {
                    if corrections
                        .insert(*at, class)
                        .is_some_and(|other| other != class)
                    {
                        return Err(wrong("two rows have different labels".into()));
                    }
                }
            }
        }
        if corrections.is_empty() && count > 0 {
            let message = format!("{} and none with a file in the folder", rows(count));
            return Err(Error::parse(path, message));
        }
        if !missing.is_empty() {
            let (count, names) = (missing.len(), named(&missing));
            let shown = files::shown_path(path);
            let remark = format!("{shown}: rows without an image file: {count} ({names})");
            self.remarks.push(remark);
        }
        Ok(corrections)
    }

    /// The image of each name that a table can give it; none where several have it. In a folder that is divided already, the
    /// page of one part names files without the folder of the part.
    fn places(&self) -> HashMap<String, Option<usize>> {
        let mut places = HashMap::new();
        let mut add = |name: &str, at: usize| {
            let place = places.entry(name.to_owned()).or_insert(Some(at));
            if *place != Some(at) {
                *place = None;
            }
        };
        for (at, item) in self.images.iter().enumerate() {
            add(&item.name, at);
            if self.subsets.is_some()
                && let Some((_, name)) = item.name.split_once('/')
            {
                add(name, at);
            }
        }
        places
    }
}
