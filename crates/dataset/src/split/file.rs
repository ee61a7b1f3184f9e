//! A split as a file: CSV with the columns `name` (`class/file`) and `set`.

use std::collections::HashMap;
use std::path::Path;

use files::{create_parent_folder, write_bytes};

use super::{Set, Split};
use crate::{Error, ImageFolder, Result};

impl Split {
    /// Writes which image is in which set.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let rows = Set::ALL
            .iter()
            .zip(self.sets())
            .flat_map(|((_, set), items)| items.iter().map(move |item| [item.name.as_str(), set]));
        for row in std::iter::once(["name", "set"]).chain(rows) {
            writer
                .write_record(row)
                .map_err(|e| Error::format(path, e.to_string()))?;
        }
        let bytes = writer
            .into_inner()
            .map_err(|e| Error::format(path, e.to_string()))?;
        create_parent_folder(path)?;
        Ok(write_bytes(path, &bytes)?)
    }

    /// Divides a folder as a file says, which [`Split::write`] or another program wrote.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] where the file is no such list, names an image twice or
    /// one that the folder lacks, or leaves one out.
    pub fn read(path: impl AsRef<Path>, folder: &ImageFolder) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let mut sets = HashMap::new();
        for record in csv::Reader::from_reader(bytes.as_slice()).records() {
            let record = record.map_err(|e| Error::format(path, e.to_string()))?;
            let (name, set) = (record.get(0).unwrap_or(""), record.get(1).unwrap_or(""));
            let Some((set, _)) = Set::ALL.iter().find(|(_, text)| *text == set) else {
                let message =
                    format!("'{name}': expected training, validation or testing, found '{set}'");
                return Err(Error::format(path, message));
            };
            if sets.insert(name.to_owned(), *set).is_some() {
                return Err(Error::format(path, format!("'{name}' is listed twice")));
            }
        }
        let mut missing = Vec::new();
        let split = Self::by(folder, |item| {
            sets.remove(&item.name).unwrap_or_else(|| {
                missing.push(item.name.clone());
                Set::Training
            })
        });
        if let Some(name) = missing.first() {
            let message = format!(
                "{} images are not listed, the first '{name}'",
                missing.len()
            );
            return Err(Error::format(path, message));
        }
        if let Some(name) = sets.keys().min() {
            let root = folder.root().display();
            let message = format!("{} names are not in {root}, the first '{name}'", sets.len());
            return Err(Error::format(path, message));
        }
        Ok(split)
    }
}
