//! A file that is being read, and how to reach what lies beside it.

use std::borrow::Cow;
#[cfg(feature = "archives")]
use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::budget::LARGEST;
use crate::error::{BoxError, Error, Result};

/// What stands behind the name of a file that is being fetched.
#[cfg(feature = "fetch")]
pub(super) const PART: &str = ".part";

/// Where a file lies.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// On disk, at this path.
    Disk(&'a Path),
    /// On disk, and like what lies beside it perhaps not yet under its name: [`PART`] may stand behind it.
    #[cfg(feature = "fetch")]
    Fetched(&'a Path),
    /// In an unpacked archive.
    #[cfg(feature = "archives")]
    Archive(&'a BTreeMap<String, Vec<u8>>),
    /// Nowhere.
    Memory,
}

/// The bytes of a file and where they came from.
pub(super) struct File<'a> {
    /// What errors call it.
    pub name: String,
    pub bytes: Cow<'a, [u8]>,
    pub place: Place<'a>,
}

impl<'a> File<'a> {
    pub fn read(path: &'a Path) -> Result<Self> {
        Ok(Self {
            name: files::shown_path(path).to_string(),
            bytes: Cow::Owned(read(path)?),
            place: Place::Disk(path),
        })
    }

    #[cfg(feature = "fetch")]
    pub fn fetched(path: &'a Path) -> Result<Self> {
        Ok(Self {
            place: Place::Fetched(path),
            ..Self::read(path)?
        })
    }

    pub fn memory(name: &str, bytes: &'a [u8]) -> Self {
        Self {
            name: name.into(),
            bytes: Cow::Borrowed(bytes),
            place: Place::Memory,
        }
    }

    /// An error about this file, read as `format`.
    pub fn wrong(&self, format: &'static str, message: impl Into<String>) -> Error {
        Error::Format {
            file: self.name.clone(),
            format,
            message: message.into(),
            source: None,
        }
    }

    /// An error about this file, read as `format`, with its cause.
    pub fn failed(&self, format: &'static str, cause: impl Into<BoxError>) -> Error {
        let cause = cause.into();
        Error::Format {
            file: self.name.clone(),
            format,
            message: cause.to_string(),
            source: Some(cause),
        }
    }

    /// An error about a part of this file, read as `format`, with its cause.
    pub fn failed_part(&self, format: &'static str, part: &str, cause: BoxError) -> Error {
        Error::Format {
            file: self.name.clone(),
            format,
            message: format!("{part}: {cause}"),
            source: Some(cause),
        }
    }

    /// An error about one tensor of this file, with its cause.
    #[cfg(any(feature = "hdf5", feature = "pytorch"))]
    pub fn failed_tensor(&self, tensor: &str, cause: BoxError) -> Error {
        Error::Tensor {
            file: self.name.clone(),
            tensor: tensor.into(),
            message: cause.to_string(),
            source: Some(cause),
        }
    }

    /// An error about one tensor of this file.
    pub fn wrong_tensor(&self, tensor: &str, message: impl Into<String>) -> Error {
        Error::Tensor {
            file: self.name.clone(),
            tensor: tensor.into(),
            message: message.into(),
            source: None,
        }
    }

    /// Reads `relative`, a path from the folder that the file is in: it cannot lead out of that folder. `None` where
    /// there is no such file.
    pub fn beside(&self, relative: &str) -> Result<Option<Vec<u8>>> {
        let plain = Path::new(relative)
            .components()
            .all(|c| matches!(c, Component::Normal(_)));
        if !plain || relative.is_empty() || relative.contains(['\\', '\0']) {
            return Err(self.wrong(
                "weights file",
                format!("it names {relative:?}, which leads out of its folder"),
            ));
        }
        match self.place {
            Place::Memory => Ok(None),
            #[cfg(feature = "archives")]
            Place::Archive(members) => {
                // Within an archive the names are joined to the folder of the one that asks.
                let inside = self.name.rsplit_once(": ").map_or("", |(_, inside)| inside);
                let folder = inside.rsplit_once('/').map_or("", |(folder, _)| folder);
                let path = match folder {
                    "" => relative.to_string(),
                    _ => format!("{folder}/{relative}"),
                };
                Ok(members.get(&path).cloned())
            }
            Place::Disk(path) => beside(path, relative),
            #[cfg(feature = "fetch")]
            Place::Fetched(path) => match beside(path, &format!("{relative}{PART}"))? {
                None => beside(path, relative),
                found => Ok(found),
            },
        }
    }
}

fn beside(path: &Path, relative: &str) -> Result<Option<Vec<u8>>> {
    let path = path.parent().unwrap_or(Path::new("")).join(relative);
    if path.is_file() {
        read(&path).map(Some)
    } else {
        Ok(None)
    }
}

/// The bytes of a file that is not too large to be a net.
fn read(path: &Path) -> Result<Vec<u8>> {
    let too_large = || Error::Format {
        file: files::shown_path(path).to_string(),
        format: "weights file",
        message: format!("it is larger than {LARGEST} bytes, and no MobileNetV1 is that large"),
        source: None,
    };
    // A file that says so itself is not read at all.
    if std::fs::metadata(path).is_ok_and(|about| about.len() > LARGEST) {
        return Err(too_large());
    }
    files::read_at_most(path, LARGEST).map_err(|error| match error.source.kind() {
        std::io::ErrorKind::FileTooLarge => too_large(),
        _ => error.into(),
    })
}

/// Whether bytes are packed by gzip.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Whether bytes are an archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    is_gzip(bytes) || bytes.get(257..262) == Some(b"ustar")
}
