use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The names of files that are being written start with this. A program that is killed can leave such a file behind.
pub const UNFINISHED_PREFIX: &str = ".part-";

/// Removes the unfinished files that interrupted programs left in a folder: all files whose names start with
/// [`UNFINISHED_PREFIX`]. Call it only if no other program is writing into the folder.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_unfinished(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    for entry in fs::read_dir(folder).map_err(Error::at(folder))? {
        let path = entry.map_err(Error::at(folder))?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(UNFINISHED_PREFIX.as_bytes()) {
            fs::remove_file(&path).map_err(Error::at(&path))?;
        }
    }
    Ok(())
}

/// A file under a temporary name, which is removed when this value is dropped before [`Unfinished::rename`].
pub(crate) struct Unfinished {
    pub(crate) file: File,
    path: PathBuf,
    renamed: bool,
}

impl Unfinished {
    /// A new, empty file with the permissions of any new file.
    pub(crate) fn new_in(folder: &Path) -> io::Result<Self> {
        loop {
            // The standard library seeds each of these at random.
            let number = RandomState::new().build_hasher().finish();
            let path = folder.join(format!("{UNFINISHED_PREFIX}{number:016x}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
                Err(error) => return Err(error),
                Ok(file) => {
                    let renamed = false;
                    return Ok(Self {
                        file,
                        path,
                        renamed,
                    });
                }
            }
        }
    }

    /// Gives the file its final name, in place of what has that name.
    pub(crate) fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.renamed {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}
