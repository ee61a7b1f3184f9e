use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The path of a file in a folder, where an untrusted source gave the name, such as a picture that a table names. The
/// name may contain sub-folders and `..`, and may go through symbolic links, as long as the final file is in the
/// folder. The folder itself may be a link.
///
/// The result is the path of the file itself, without links and `..`. Anyone who can write in the folder can still
/// replace that file afterwards.
///
/// # Errors
/// If the name is empty, starts at a root or a drive (`/etc/passwd`, `C:\boat.jpg`, `\\server\boat.jpg`; on every
/// operating system), leads out of the folder, or does not exist. The path in the error is the folder followed by the
/// name.
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
