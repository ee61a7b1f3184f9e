//! A set of sample images that is drawn only once.

use std::path::Path;

use super::write;
use crate::error::{Error, Result};

/// Does the same as [`write()`], unless the folder `dir` exists already. The folder gets its name only when all images
/// are in it, so that an interrupted set is drawn again. Returns whether the images were drawn by this call.
///
/// # Errors
/// [`Error::Io`] if a file or folder cannot be written.
pub fn write_once(dir: impl AsRef<Path>, images_per_class: usize, seed: u64) -> Result<bool> {
    let dir = dir.as_ref();
    if dir.exists() {
        return Ok(false);
    }
    let unfinished = dir.with_extension("part");
    write(&unfinished, images_per_class, seed)?;
    std::fs::rename(&unfinished, dir).map_err(Error::io(dir))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("images");
        assert!(write_once(&dir, 1, 7).unwrap());
        assert!(!write_once(&dir, 2, 7).unwrap());
        let names = |dir: &Path| std::fs::read_dir(dir).unwrap().count();
        assert_eq!((names(folder.path()), names(&dir.join("boat"))), (1, 1));
    }
}
