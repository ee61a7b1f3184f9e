use std::path::{Path, PathBuf};

use crate::shown::shown_path;

/// What the operating system reported, and for which file or folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("{}: {source}", shown_path(path))]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause.
    pub source: std::io::Error,
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self {
            path: path.into(),
            source,
        }
    }
}
