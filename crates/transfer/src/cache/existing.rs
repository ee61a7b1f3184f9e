use std::path::Path;

use super::log::{EmbeddingCache, FILE};
use crate::error::{Error, Result};

impl EmbeddingCache {
    /// Does the same as [`open`](Self::open), but creates nothing: a folder without a cache is an error.
    ///
    /// # Errors
    /// [`Error::File`] if there is no cache in the folder, and the errors of [`open`](Self::open).
    pub fn open_existing(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if folder.join(FILE).is_file() {
            return Self::open(folder);
        }
        let message = format!("no embedding cache ({FILE} is missing)");
        Err(Error::file(folder, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let error = EmbeddingCache::open_existing(&path).unwrap_err();
        assert!(error.to_string().contains("no embedding cache"), "{error}");
        assert!(!path.exists());
        EmbeddingCache::open(&path).unwrap();
        assert!(EmbeddingCache::open_existing(&path).unwrap().is_empty());
    }
}
