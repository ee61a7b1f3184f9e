use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::unfinished::Unfinished;

/// Links that are followed before they are taken for a circle, as Linux does.
const MOST_LINKS: usize = 40;

/// Writes a file that appears under its name only when it is complete. `write` receives a buffered writer.
///
/// What happens depends on what `path` is:
///
/// * **Nothing yet, or a regular file**: the bytes go to a temporary file in the same folder, which is synced to the
///   disk and then renamed. Until then readers see the old file, or none. A new file has the default permissions (the
///   umask applies). If a file is replaced, the new one has its permissions but not its owner, and other hard links
///   keep the old content. A write-protected file is replaced too, as the permissions of the folder allow it.
/// * **A symbolic link**: its target is treated as described here, and the link stays. If the target is missing, it is
///   created.
/// * **A device, a pipe or a socket**, such as `/dev/null` or a named pipe: the bytes are written into it, and it is
///   never replaced. Opening a named pipe waits for a reader. `/dev/stdout` and similar names belong here even if the
///   shell redirects them to a regular file: the bytes are appended to that file.
/// * **A folder**: refused.
/// * **A file in a folder that is missing or cannot be written to**: refused; the error names the folder. See
///   [`create_parent_folder`].
///
/// After an error (`write` failed, the disk is full) the old file is unchanged, and the temporary file is removed. Only
/// a program that is killed during the write leaves a temporary file behind
/// ([`remove_unfinished`](crate::remove_unfinished)).
///
/// # Errors
/// If the file cannot be written, and any error that `write` returns.
pub fn write_whole(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    match target(path).map_err(Error::at(path))? {
        Target::Stream { append } => {
            let file = OpenOptions::new().write(true).append(append).open(path);
            file.and_then(|mut file| buffered(&mut file, write))
                .map_err(Error::at(path))
        }
        Target::File { path, permissions } => replace(&path, permissions, write),
    }
}

/// Writes these bytes as [`write_whole`] does.
///
/// # Errors
/// If the file cannot be written.
pub fn write_bytes(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    write_whole(path, |file| file.write_all(bytes))
}

/// Creates the folder of a file, and the folders above it, if they are missing.
///
/// # Errors
/// If a folder cannot be made.
pub fn create_parent_folder(path: impl AsRef<Path>) -> Result<()> {
    let folder = folder_of(path.as_ref());
    fs::create_dir_all(folder).map_err(Error::at(folder))
}

/// What a path leads to.
pub(crate) enum Target {
    /// A regular file, or none yet, at a path that is no link.
    File {
        path: PathBuf,
        permissions: Option<Permissions>,
    },
    /// Something that bytes are written into.
    Stream { append: bool },
}

pub(crate) fn target(path: &Path) -> io::Result<Target> {
    let permissions = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return Ok(Target::Stream { append: false }),
        Ok(found) => Some(found.permissions()),
        // A link whose target is missing is followed below.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => (),
            _ => return Ok(Target::File { path, permissions }),
        }
        // The links there stand for open files and name no place to write to.
        if path.starts_with("/proc") {
            return Ok(Target::Stream { append: true });
        }
        // Joining an absolute path replaces the folder.
        path = folder_of(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::other("too many symbolic links"))
}

fn replace(
    path: &Path,
    permissions: Option<Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let folder = folder_of(path);
    let mut unfinished = Unfinished::new_in(folder).map_err(Error::at(folder))?;
    let fill = || {
        if let Some(permissions) = permissions {
            // Before there is content, which may be private.
            unfinished.file.set_permissions(permissions)?;
        }
        buffered(&mut unfinished.file, write)?;
        unfinished.file.sync_all()
    };
    fill()
        .and_then(|()| unfinished.rename(path))
        .map_err(Error::at(path))
}

fn buffered(
    file: &mut fs::File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = BufWriter::new(file);
    write(&mut buffer)?;
    buffer.flush()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
