//! The folder where published files are kept: `<cache>/<name>/<file>`, and beside it `record.json`, which notes size
//! and hash of every file when it was first seen whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use files::{hex, write_bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::File;
use super::model_weights::Weights;
use super::registry::{Published, find};
use super::{quantized_read, read};
use crate::error::{Error, Result};
use crate::quantized::QuantizedNet;

/// Overrides the platform's convention.
const VARIABLE: &str = "MOBILENET_CACHE";
const RECORD: &str = "record.json";

/// The folder where published weights are kept on this machine.
///
/// [`Cache::user`] follows the platform's convention; [`Cache::at`] is any folder. You can also put a file there by
/// hand; [`Cache::path_of`] says at which path it is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// What was seen of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub size: u64,
    pub sha256: String,
}

impl Cache {
    /// The user's cache: the folder in the environment variable `MOBILENET_CACHE`, or the platform's default
    /// (`~/.cache/mobilenet/weights` on Linux).
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] if the user has no home folder.
    pub fn user() -> Result<Self> {
        if let Some(folder) = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()) {
            return Ok(Self::at(PathBuf::from(folder)));
        }
        let user = directories::ProjectDirs::from("", "", "mobilenet");
        let user = user.ok_or_else(|| Error::UnknownWeights {
            name: "cache".into(),
            message: format!("this user has no home folder; set {VARIABLE} to a folder"),
        })?;
        Ok(Self::at(user.cache_dir().join("weights")))
    }

    /// A cache in `folder`, which is created when something is fetched.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            root: folder.into(),
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path at which a published file is expected.
    pub fn path_of(&self, published: &Published) -> PathBuf {
        self.folder(published).join(published.file())
    }

    pub(super) fn folder(&self, published: &Published) -> PathBuf {
        self.root.join(published.name)
    }

    /// Opens published weights from this cache. The file is checked against the publisher's hash, and against the hash
    /// that was recorded when the file was first seen here. Nothing is fetched. A file that is seen for the first time
    /// is recorded, if the cache can be written.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] if there is no such name, or its file is not in the cache; the message says where the
    /// file belongs and where to get it. [`Error::Changed`] if the file is not the expected one, [`Error::Quantized`]
    /// if its weights are integers; otherwise the errors of [`Weights::open`].
    pub fn open(&self, name: &str) -> Result<Weights> {
        let published = find(name)?;
        let path = self.checked(published)?;
        if published.quantized {
            let file = name.into();
            return Err(Error::Quantized { file });
        }
        let weights = read::read(File::read(&path)?)?;
        let weights = weights
            .require_alpha(published.config.alpha)?
            .require_classes(published.config.classes)?;
        Ok(Weights {
            config: published.config.clone(),
            crop: published.crop,
            filter: published.filter,
            ..weights
        })
    }

    /// Opens a published net of 8-bit integers from this cache; otherwise as [`open`](Self::open).
    ///
    /// # Errors
    /// The errors of [`open`](Self::open); [`Error::UnknownWeights`] also if the published weights are floats.
    pub fn open_quantized(&self, name: &str) -> Result<QuantizedNet> {
        let published = find(name)?;
        if !published.quantized {
            return Err(Error::UnknownWeights {
                name: name.into(),
                message: "its weights are floats: open it with `Weights::open`, and quantize them"
                    .into(),
            });
        }
        let path = self.checked(published)?;
        published.require(quantized_read::read(&File::read(&path)?)?)
    }

    /// The path of a published file that is here and is the expected one.
    fn checked(&self, published: &Published) -> Result<PathBuf> {
        let name = published.name;
        let path = self.path_of(published);
        if !path.is_file() {
            return Err(Error::UnknownWeights {
                name: name.into(),
                message: format!(
                    "not in the cache: put {} there as {}, or fetch it (with the feature `fetch`, or the command \
                     `weights fetch {name}`); the weights `bundled` need no file",
                    published.url,
                    files::shown_path(&path)
                ),
            });
        }
        self.verify(published)?;
        Ok(path)
    }

    /// Checks every file of a publication that is here, and notes those that were not noted before.
    pub(super) fn verify(&self, published: &Published) -> Result<()> {
        let folder = self.folder(published);
        let mut record = self.record(published)?;
        let before = record.clone();
        let main = published.file().to_string();
        let names: BTreeSet<String> = record.keys().cloned().chain([main.clone()]).collect();
        for name in names {
            let path = folder.join(&name);
            let seen = look(&path)?;
            let changed = |message| {
                Err(Error::Changed {
                    file: files::shown_path(&path).to_string(),
                    message,
                })
            };
            let publisher = published.sha256.filter(|_| name == main);
            if let Some(expected) = publisher.filter(|hash| *hash != seen.sha256) {
                return changed(format!(
                    "its SHA-256 is {}, that of the publisher's file {expected}: delete it and fetch it again",
                    seen.sha256
                ));
            }
            match record.get(&name) {
                Some(noted) if *noted != seen => {
                    return changed(format!(
                        "it had {} bytes with the SHA-256 {} when it was first used, and now has {} bytes with {}. If \
                         the change is intended, delete {}",
                        noted.size,
                        noted.sha256,
                        seen.size,
                        seen.sha256,
                        folder.join(RECORD).display()
                    ));
                }
                _ => record.insert(name, seen),
            };
        }
        if record == before {
            return Ok(());
        }
        // A cache that cannot be written (another user's, or on a disk mounted to be read only) still serves.
        match self.note(published, &record) {
            Err(Error::Io { source, .. }) if cannot_be_written(&source) => Ok(()),
            result => result,
        }
    }

    pub(super) fn record(&self, published: &Published) -> Result<BTreeMap<String, Seen>> {
        let path = self.folder(published).join(RECORD);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(source) => return Err(Error::Io { path, source }),
        };
        let record: BTreeMap<String, Seen> =
            serde_json::from_slice(&bytes).map_err(|e| Error::Format {
                file: files::shown_path(&path).to_string(),
                format: "record of a cache",
                message: format!("{e}; delete it, and the files are recorded anew"),
                source: Some(Box::new(e)),
            })?;
        if record
            .keys()
            .any(|name| name.contains(['/', '\\']) || name == "..")
        {
            return Err(Error::Format {
                file: files::shown_path(&path).to_string(),
                format: "record of a cache",
                message: "a name leads out of the folder".into(),
                source: None,
            });
        }
        Ok(record)
    }

    pub(super) fn note(
        &self,
        published: &Published,
        record: &BTreeMap<String, Seen>,
    ) -> Result<()> {
        let path = self.folder(published).join(RECORD);
        let json = serde_json::to_vec_pretty(record).unwrap_or_default();
        Ok(write_bytes(path, &json)?)
    }
}

fn cannot_be_written(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Size and hash of a file.
pub(super) fn look(path: &Path) -> Result<Seen> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => break,
            n => {
                hash.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
    Ok(Seen {
        size,
        sha256: hex(&hash.finalize()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_on_a_read_only_disk_serves_and_a_full_one_says_so() {
        let error = |code| std::io::Error::from_raw_os_error(code);
        if cfg!(target_os = "linux") {
            // EACCES, EROFS, ENOSPC
            assert!(cannot_be_written(&error(13)) && cannot_be_written(&error(30)));
            assert!(!cannot_be_written(&error(28)));
        }
    }
}
