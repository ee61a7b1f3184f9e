//! The weights file that a folder stands for.

use std::path::{Path, PathBuf};

use super::formats::table::rank;
use crate::error::{Error, Result};

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
