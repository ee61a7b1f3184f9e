//! Splits that keep pictures of one thing together.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{HashedSplit, Split, check_percentages};
use crate::{Error, ImageFolder, ImageItem, Result};

/// What makes images a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// The name up to the first place where this text occurs (the whole name where it does not);
    /// `_nohash_` in `retrain.py`.
    Before(String),
    /// A group for each name (`class/file`); an image that is not named is a group of its own.
    Names(HashMap<String, String>),
}

impl GroupBy {
    /// Reads groups from a CSV file with a column `name` (`class/file`) and one named `column`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] where it is no CSV, lacks a column, or names an image twice.
    pub fn csv(path: impl AsRef<Path>, column: &str) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(Error::io(path))?;
        let format = |message: String| Error::format(path, message);
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header = reader.headers().map_err(|e| format(e.to_string()))?.clone();
        let position = |name: &str| {
            header
                .iter()
                .position(|h| h == name)
                .ok_or_else(|| format(format!("expected a column '{name}', found {:?}", &header)))
        };
        let (name, group) = (position("name")?, position(column)?);
        let mut groups = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|e| format(e.to_string()))?;
            if let (Some(name), Some(group)) = (record.get(name), record.get(group))
                && groups.insert(name.to_owned(), group.to_owned()).is_some()
            {
                return Err(format(format!("'{name}' is listed twice")));
            }
        }
        Ok(Self::Names(groups))
    }

    /// Refuses groups of images that are not there: of another folder, or misspelt, they would keep nothing together.
    fn check(&self, folder: &ImageFolder) -> Result<()> {
        let Self::Names(groups) = self else {
            return Ok(());
        };
        let there: HashSet<&str> = folder.images().iter().map(|i| i.name.as_str()).collect();
        let missing = groups.keys().filter(|name| !there.contains(name.as_str()));
        let Some(first) = missing.clone().min() else {
            return Ok(());
        };
        Err(Error::format(
            folder.root(),
            format!(
                "{} names that have a group are not in the folder, the first '{first}'",
                missing.count()
            ),
        ))
    }

    fn group<'a>(&'a self, item: &'a ImageItem) -> &'a str {
        match self {
            Self::Before(text) if text.is_empty() => &item.name,
            Self::Before(text) => item.name.split(text.as_str()).next().unwrap_or_default(),
            Self::Names(groups) => groups.get(&item.name).unwrap_or(&item.name),
        }
    }
}

/// The hashed split of groups instead of names: all images of a group are in one set, and stay
/// there when images are added.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupedSplit {
    group: GroupBy,
    validation: f64,
    testing: f64,
}

impl GroupedSplit {
    /// Groups as given, 10 % for validation and for testing.
    pub fn new(group: GroupBy) -> Self {
        Self {
            group,
            validation: 10.0,
            testing: 10.0,
        }
    }

    /// How much is for validation and for testing, in per cent; defaults to 10 and 10.
    pub fn with_percentages(mut self, validation: f64, testing: f64) -> Self {
        (self.validation, self.testing) = (validation, testing);
        self
    }

    /// Divides a folder.
    ///
    /// # Errors
    /// As [`HashedSplit::apply`]; [`Error::Format`] where a group is of a name that the folder lacks.
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        check_percentages(self.validation, self.testing)?;
        self.group.check(folder)?;
        let hashed = HashedSplit::default()
            .with_validation_percentage(self.validation)
            .with_testing_percentage(self.testing);
        Split::by(folder, |item| hashed.set_of(self.group.group(item))).check(
            folder,
            self.validation > 0.0,
            self.testing > 0.0,
        )
    }
}
