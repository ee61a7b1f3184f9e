//! The images that a table gives labels to.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::find::{Files, Lookup, common_folders};
use super::rows::{LabelRow, LabelTable};
use super::words::{named, rows};
use crate::error::{Error, Result};
use crate::folder::walk::{self, left_out};
use crate::folder::{FolderOptions, ImageFolder, ImageItem};
use crate::problem::SkipReason;
use crate::split::subset::Subset;

impl FolderOptions {
    /// The images in the folder at `image_dir` that have a label in a table; see [`ImageFolder::labeled`].
    ///
    /// # Errors
    /// Those of [`ImageFolder::labeled`].
    pub fn labeled(&self, image_dir: impl AsRef<Path>, table: &LabelTable) -> Result<ImageFolder> {
        ImageFolder::labeled_without(image_dir.as_ref(), &self.own, table)
    }
}

impl ImageFolder {
    /// The images in the folder at `image_dir` and in its sub-folders that have a label in a table.
    ///
    /// A file is found by its path in the folder, in whatever case and with or without its ending, by its name alone where
    /// no other file in the folder has it, and also where all paths of the table begin with folders that are not there, or
    /// with the folder itself. Rows without a file are in [`ImageFolder::missing`], files without a row in
    /// [`ImageFolder::skipped`], and how many there are in [`ImageFolder::remarks`].
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read; [`Error::NoImages`] if it has no image; [`Error::Parse`] if no row has a
    /// file, or two rows give one file different labels or parts.
    pub fn labeled(image_dir: impl AsRef<Path>, table: &LabelTable) -> Result<Self> {
        FolderOptions::new().labeled(image_dir, table)
    }

    fn labeled_without(root: &Path, own: &[PathBuf], table: &LabelTable) -> Result<Self> {
        let mut skipped = Vec::new();
        let found = walk::images(root, own, &mut skipped)?;
        // Hugging Face puts the table among the images.
        if let Ok(own) = table.path().canonicalize() {
            skipped.retain(|skipped| skipped.path.canonicalize().ok().as_ref() != Some(&own));
        }
        if found.is_empty() {
            return Err(Error::NoImages {
                path: root.to_path_buf(),
                skipped,
            });
        }
        let files = Files::new(root, found.iter().map(|file| &*file.name));
        let cells = || table.rows().iter().map(|row| row.file.as_str());
        let common = common_folders(cells());
        let mut matched: HashMap<usize, &LabelRow> = HashMap::new();
        let (mut missing, mut several, mut twice) = (Vec::new(), Vec::new(), Vec::new());
        for row in table.rows() {
            match files.look_up(&row.file, common) {
                Lookup::Missing => missing.push(row.file.clone()),
                Lookup::Several => several.push(row.file.clone()),
                Lookup::Found(index) => {
                    let first = matched.entry(index).or_insert(row);
                    let other = (&first.label, first.subset) != (&row.label, row.subset);
                    if other {
                        return Err(differs(table, &found[index].name, first, row));
                    }
                    if first.line != row.line {
                        twice.push(row.file.clone());
                    }
                }
            }
        }
        let shown = files::shown_path(table.path());
        if matched.is_empty() {
            let message = format!(
                "no row names a file in {}: the table has {} such as {}, and the folder has files such as {}",
                files::shown_path(root),
                rows(table.rows().len()),
                named(&[&missing[..], &several[..]].concat()),
                files::shown(&found[0].name)
            );
            return Err(Error::parse(table.path(), message));
        }
        check_no_review(table, &found, &matched)?;
        let mut folder = Self::new(root);
        folder.remarks.clone_from(&table.remarks);
        for (names, what) in [
            (&missing, "rows without an image file"),
            (&several, "rows that fit several files, and are left out"),
            (&twice, "rows that name a file again"),
        ] {
            if !names.is_empty() {
                let (count, names) = (names.len(), named(names));
                folder
                    .remarks
                    .push(format!("{shown}: {what}: {count} ({names})"));
            }
        }
        folder.skipped = skipped;
        folder.fill(table, found, &matched);
        folder.missing = [missing, several].concat();
        Ok(folder.in_order())
    }

    /// Adds the images that have a row, and leaves out the others.
    fn fill(
        &mut self,
        table: &LabelTable,
        found: Vec<walk::Found>,
        matched: &HashMap<usize, &LabelRow>,
    ) {
        let all = table.classes();
        let labels: HashSet<&str> = matched.values().map(|row| row.label.as_str()).collect();
        let has_image = |class: &String| labels.contains(class.as_str());
        let (classes, without): (Vec<String>, Vec<String>) = all.into_iter().partition(has_image);
        let index: HashMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
        let (mut subsets, mut groups): (Vec<Subset>, Vec<String>) = (Vec::new(), Vec::new());
        let mut weights = Vec::new();
        let mut unlisted = Vec::new();
        for (at, file) in found.into_iter().enumerate() {
            let row = matched.get(&at);
            let Some((row, class)) =
                row.and_then(|row| Some((row, index.get(row.label.as_str())?)))
            else {
                let bytes = file.path.metadata().map_or(0, |metadata| metadata.len());
                unlisted.push(file.name);
                self.skipped
                    .push(left_out(file.path, bytes, SkipReason::NoRow));
                continue;
            };
            subsets.extend(row.subset);
            groups.extend(row.group.clone());
            weights.extend(row.weight);
            self.images.push(ImageItem {
                path: file.path,
                name: file.name,
                class: *class,
            });
        }
        let shown = files::shown_path(table.path());
        for (names, what) in [
            (
                &unlisted,
                "files without a row, which therefore have no label",
            ),
            (
                &without,
                "labels without any file, which do not become classes",
            ),
        ] {
            if !names.is_empty() {
                let (count, names) = (names.len(), named(names));
                self.remarks
                    .push(format!("{shown}: {what}: {count} ({names})"));
            }
        }
        // A column is there for all rows or for none.
        self.subsets = (subsets.len() == self.images.len()).then_some(subsets);
        self.groups = (groups.len() == self.images.len()).then_some(groups);
        self.weights = (weights.len() == self.images.len()).then_some(weights);
        self.classes = classes;
    }
}

/// Refuses the table that a [review page](crate::review) saves: it names only the images that were decided about, with the
/// class folder that each of them should lie in.
fn check_no_review(
    table: &LabelTable,
    found: &[walk::Found],
    matched: &HashMap<usize, &LabelRow>,
) -> Result<()> {
    fn class(file: &walk::Found) -> &str {
        file.name.split_once('/').map_or("", |(class, _)| class)
    }
    let classes: HashSet<&str> = found.iter().map(class).collect();
    let moved = matched
        .iter()
        .any(|(&at, row)| row.label != class(&found[at]));
    let corrects = !classes.contains("")
        && matched.values().all(|row| classes.contains(&*row.label))
        && (moved || table.unlabeled > 0);
    if table.of_review && matched.len() < found.len() && corrects {
        let message = format!(
            "its labels are the folders of the images, and it names {} of {} images: a table that a review page saved. Give it \
             as --corrections; the other images keep the labels of their folders",
            matched.len(),
            found.len()
        );
        return Err(Error::parse(table.path(), message));
    }
    Ok(())
}

/// Two rows that say different things of one file.
fn differs(table: &LabelTable, file: &str, first: &LabelRow, other: &LabelRow) -> Error {
    let words = |row: &LabelRow| match row.subset {
        None => format!("'{}' (line {})", row.label, row.line),
        Some(subset) => format!("'{}' for {subset} (line {})", row.label, row.line),
    };
    let message = format!(
        "{} has two rows that differ: {} and {}; each image must have exactly one label",
        files::shown(file),
        words(first),
        words(other)
    );
    Error::parse(table.path(), message)
}
