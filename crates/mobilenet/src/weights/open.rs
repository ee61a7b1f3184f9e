//! Weights by name or path.

use std::path::{Path, PathBuf};

#[cfg(feature = "cache")]
use super::cache::Cache;
use super::file::File;
use super::formats::table::rank;
use super::model_weights::Weights;
use super::registry::{self, Published};
use super::{bundled, read};
use crate::error::{Error, Result};

impl Weights {
    /// Every published set of weights that is known by name.
    pub fn all() -> &'static [Published] {
        registry::ALL
    }

    /// Opens `bundled`, a file, a folder that holds one set of weights, or published weights ([`Weights::all`]) by
    /// their name, if they are in the user's cache. The format is recognized by the content. Nothing is fetched;
    /// `Fetch`, with the feature `fetch`, does that.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] if there is neither such a file nor such a name, or the published weights are not in
    /// the cache. Otherwise the error says what is wrong with the file, and names the file and the tensor. A *missing*
    /// tensor is reported only when the net is made, because the net may be cut off before it.
    pub fn open(name_or_path: impl AsRef<Path>) -> Result<Self> {
        let path = name_or_path.as_ref();
        if path.exists() {
            return read::read(File::read(&only_weights_of(path)?)?);
        }
        let name = files::shown_path(path).to_string();
        if name == "bundled" {
            return bundled::open();
        }
        registry::find(&name)?;
        published(&name)
    }
}

#[cfg(feature = "cache")]
fn published(name: &str) -> Result<Weights> {
    Cache::user()?.open(name)
}

#[cfg(not(feature = "cache"))]
fn published(name: &str) -> Result<Weights> {
    Err(Error::UnknownWeights {
        name: name.into(),
        message: "this program opens published weights by name only with the feature `cache` of mobilenet".into(),
    })
}

/// A file as it is; of a folder its `model.json`, or the weights file that would be chosen in an archive.
pub(super) fn only_weights_of(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.into());
    }
    let manifest = path.join("model.json");
    if manifest.exists() {
        return Ok(manifest);
    }
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if let Some(rank) = rank(&name) {
            found.push((rank, file));
        }
    }
    found.sort();
    let wrong = |message: String| {
        Err(Error::UnknownWeights {
            name: files::shown_path(path).to_string(),
            message,
        })
    };
    match &found[..] {
        [] => wrong(
            "no weights file is in this folder; expected a `model.json`, or a file of another format"
                .into(),
        ),
        [(first, one), (second, other), ..] if first == second => wrong(format!(
            "both {} and {} may be meant; name one of them",
            one.display(),
            other.display()
        )),
        [(_, file), ..] => Ok(file.clone()),
    }
}
