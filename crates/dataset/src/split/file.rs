//! A split as a CSV file with the columns `name` (`class/file`) and `set` (`training`, `validation` or `testing`).

use std::collections::HashMap;
use std::path::Path;

use files::{create_parent_folder, read_at_most, write_bytes};

use super::sets::Split;
use super::subset::Subset;
use crate::error::{Error, Result};
use crate::folder::ImageFolder;

impl Split {
    /// Writes a CSV file that says which image is in which subset: the columns are `name` (`class/file`) and `set`
    /// (`training`, `validation` or `testing`).
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let rows = Subset::ALL.into_iter().flat_map(|subset| {
            let items = self.subset(subset).iter();
            items.map(move |item| [item.name.as_str(), subset.name()])
        });
        for row in std::iter::once(["name", "set"]).chain(rows) {
            writer.write_record(row).map_err(Error::encode(path))?;
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| Error::encode(path)(error.to_string()))?;
        create_parent_folder(path)?;
        Ok(write_bytes(path, &bytes)?)
    }

    /// Divides a folder according to a file that [`Split::write`] or another program wrote. Only the first two columns
    /// are read, whatever their titles.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is not such a list;
    /// [`Error::ListedTwice`], [`Error::NotListed`] and [`Error::UnknownNames`] if it does not name every image of the
    /// folder exactly once.
    pub fn read(path: impl AsRef<Path>, folder: &ImageFolder) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read_at_most(path, 1 << 30)?;
        let mut listed = HashMap::new();
        for record in csv::Reader::from_reader(bytes.as_slice()).records() {
            let record = record.map_err(Error::csv(path))?;
            let (name, set) = (record.get(0).unwrap_or(""), record.get(1).unwrap_or(""));
            let Some(subset) = Subset::ALL.into_iter().find(|s| s.name() == set) else {
                let message =
                    format!("'{name}': expected training, validation or testing, found '{set}'");
                return Err(Error::parse(path, message));
            };
            if listed.insert(name.to_owned(), subset).is_some() {
                return Err(Error::ListedTwice {
                    path: path.to_path_buf(),
                    name: name.to_owned(),
                });
            }
        }
        let mut missing = Vec::new();
        let split = Self::by(folder, |item| {
            listed.remove(&item.name).unwrap_or_else(|| {
                missing.push(item.name.clone());
                Subset::Training
            })
        });
        if !missing.is_empty() {
            return Err(Error::NotListed {
                path: path.to_path_buf(),
                names: missing,
            });
        }
        if !listed.is_empty() {
            let mut names: Vec<_> = listed.into_keys().collect();
            names.sort();
            return Err(Error::UnknownNames {
                list: path.display().to_string(),
                folder: folder.root().to_path_buf(),
                names,
            });
        }
        Ok(split)
    }
}
