//! The grouped split: images that show the same thing stay together.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use files::read_at_most;

use super::hashed::subset_of;
use super::sets::{Percentages, Split};
use crate::error::{Error, Result};
use crate::folder::{ImageFolder, ImageItem};

/// What makes several images a group in a [`GroupedSplit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Images whose file names (without the class) are the same up to the first occurrence of this text. If a file name
    /// does not contain the text, the whole name counts. `retrain.py` does this with the text `_nohash_`.
    Before(String),
    /// The group of each image, by its name (`class/file`). The group of an image that is not in this table is its file
    /// name.
    Names(HashMap<String, String>),
}

impl GroupBy {
    /// Reads the group of each image from a CSV file. The column `name` has the name of the image (`class/file`), and
    /// the column named `column` has its group.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is not CSV or lacks a column;
    /// [`Error::ListedTwice`] if it names an image twice.
    pub fn csv(path: impl AsRef<Path>, column: &str) -> Result<Self> {
        let path = path.as_ref();
        let text = read_at_most(path, 1 << 30)?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header = reader.headers().map_err(Error::csv(path))?.clone();
        let position = |name: &str| {
            let missing = || format!("expected a column '{name}', found {:?}", &header);
            let position = header.iter().position(|h| h == name);
            position.ok_or_else(|| Error::parse(path, missing()))
        };
        let (name, group) = (position("name")?, position(column)?);
        let mut groups = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(Error::csv(path))?;
            if let (Some(name), Some(group)) = (record.get(name), record.get(group))
                && groups.insert(name.to_owned(), group.to_owned()).is_some()
            {
                return Err(Error::ListedTwice {
                    path: path.to_path_buf(),
                    name: name.to_owned(),
                });
            }
        }
        Ok(Self::Names(groups))
    }

    /// Refuses groups for images that the folder does not have: these names are of another folder, or misspelled, and
    /// would keep nothing together.
    fn check(&self, folder: &ImageFolder) -> Result<()> {
        let Self::Names(groups) = self else {
            return Ok(());
        };
        let known: HashSet<&str> = folder.images().iter().map(|i| i.name.as_str()).collect();
        let unknown = groups.keys().filter(|name| !known.contains(name.as_str()));
        let mut names: Vec<_> = unknown.cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort();
        Err(Error::UnknownNames {
            list: "the table of groups".to_owned(),
            folder: folder.root().to_path_buf(),
            names,
        })
    }

    fn group<'a>(&'a self, item: &'a ImageItem) -> &'a str {
        match self {
            Self::Before(text) if text.is_empty() => item.file(),
            Self::Before(text) => item.file().split(text.as_str()).next().unwrap_or_default(),
            Self::Names(groups) => groups.get(&item.name).map_or(item.file(), String::as_str),
        }
    }
}

/// Divides groups of images by a hash of the group's name: all images of a group are in the same subset, and stay there
/// when images are added, moved or relabeled. Apart from that it is like [`HashedSplit`](super::HashedSplit).
#[derive(Debug, Clone, PartialEq)]
pub struct GroupedSplit {
    group: GroupBy,
    percentages: Percentages,
}

impl GroupedSplit {
    /// A split by these groups, with 10 % of the groups for validation and 10 % for testing.
    pub fn new(group: GroupBy) -> Self {
        Self {
            group,
            percentages: Percentages::default(),
        }
    }

    /// Sets the shares for validation and testing, in percent of the groups; defaults to 10 and 10.
    pub fn with_percentages(mut self, validation: f64, testing: f64) -> Self {
        self.percentages = Percentages {
            validation,
            testing,
        };
        self
    }

    /// Divides a folder.
    ///
    /// # Errors
    /// The errors of [`HashedSplit::apply`](super::HashedSplit::apply); [`Error::UnknownNames`] if the table gives a
    /// group to an image that the folder does not have.
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        self.group.check(folder)?;
        self.percentages.divide(folder, |item| {
            subset_of(self.group.group(item), self.percentages)
        })
    }
}
