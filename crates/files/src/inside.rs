use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The path of what a stranger names in a folder, such as a picture that a table names. The name may hold sub-folders and
/// `..`, and may lead over links, as long as what it leads to is in the folder. The folder itself may be a link.
///
/// The path is that of the file itself: without links and `..`. Whoever can write in the folder can change what it leads
/// to afterwards.
///
/// # Errors
/// If the name is empty or begins at a root or a drive (`/etc/passwd`, `C:\boat.jpg`, `\\server\boat.jpg`; on every
/// operating system), leads out of the folder, or does not exist. The path of the error is the folder with the name
/// behind it.
pub fn inside(folder: impl AsRef<Path>, name: impl AsRef<Path>) -> Result<PathBuf> {
    let (folder, name) = (folder.as_ref(), name.as_ref());
    // `join` would drop the folder where the name begins at a root.
    let mut shown = folder.as_os_str().to_os_string();
    shown.push("/");
    shown.push(name);
    find(folder, name).map_err(Error::at(Path::new(&shown)))
}

fn find(folder: &Path, name: &Path) -> io::Result<PathBuf> {
    let refused = |reason: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    if name.as_os_str().is_empty() {
        return refused("the name is empty");
    }
    if is_absolute(name) {
        return refused("the name must begin in the folder, not at a root or a drive");
    }
    let folder = fs::canonicalize(folder)?;
    let found = fs::canonicalize(folder.join(name))?;
    if found.starts_with(&folder) {
        Ok(found)
    } else {
        refused("the name leads out of the folder")
    }
}

/// Whether a name begins at a root or a drive, on this operating system or on another.
fn is_absolute(name: &Path) -> bool {
    let begins = matches!(
        name.components().next(),
        Some(Component::Prefix(_) | Component::RootDir)
    );
    let bytes = name.as_os_str().as_encoded_bytes();
    begins
        || matches!(bytes, [b'/' | b'\\', ..])
        || matches!(bytes, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}
