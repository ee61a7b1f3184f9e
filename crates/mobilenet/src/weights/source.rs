//! A file that is being read, and how to reach what lies beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use crate::{Error, Result};

/// Largest file that is read into memory. The widest net of this crate's limits stays below it.
pub(super) const LARGEST: u64 = 1 << 30;

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
            name: path.display().to_string(),
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

/// The bytes of a file that is not beyond all measure.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let too_long = |found: String| Error::Format {
        file: path.display().to_string(),
        format: "weights file",
        message: format!("{found} bytes; no MobileNetV1 has more than {LARGEST}"),
    };
    let file = std::fs::File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length > LARGEST {
        return Err(too_long(length.to_string()));
    }
    let bytes = read_at_most(file, length, LARGEST).map_err(io)?;
    bytes.ok_or_else(|| too_long(format!("more than {LARGEST}")))
}

/// Everything that comes, unless it is more than `most` bytes: a device or a pipe says of itself that it has none.
fn read_at_most(source: impl Read, expected: u64, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(most)).unwrap_or(0));
    source.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// The number of values of a shape, where that many floats fit in what a file may hold.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .filter(|&n| n as u64 <= LARGEST / 4)
}

/// What the tensors of a file may take in memory: repeated values, strides of zero and compression let a small file
/// claim much, and a net's weights hardly compress.
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    /// Bytes of memory for a byte of the file.
    const RATIO: u64 = 64;
    /// What the smallest file may take.
    const LEAST: u64 = 1 << 20;

    pub fn of(file: &[u8]) -> Self {
        let share = (file.len() as u64).saturating_mul(Self::RATIO);
        Self {
            left: share.saturating_add(Self::LEAST).min(LARGEST),
        }
    }

    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes what `values` floats need.
    pub fn take(&mut self, values: usize) -> std::result::Result<(), String> {
        let bytes = (values as u64).saturating_mul(4);
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| format!("{values} values are more than a file of this size can hold"))?;
        Ok(())
    }
}

/// Little-endian f32.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// Little-endian IEEE half precision, widened.
pub(super) fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect()
}

/// Little-endian bfloat16, widened.
pub(super) fn brain_halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect()
}

/// The decimal that an f32 was written as: 0.001 is stored as the nearest f32, and 0.001 is meant.
pub(super) fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let endless = || std::io::repeat(7);
        assert_eq!(read_at_most(endless(), 0, 100_000).unwrap(), None);
        let exact = read_at_most(endless().take(100), 0, 100).unwrap();
        assert_eq!(exact, Some(vec![7; 100]));
    }
}
