//! Files that are there whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::{Error, Result};

/// Writes a file so that it is visible under its name only when whole: temporary file, sync, rename.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut options = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // As for any new file; the umask takes away what it must.
        use std::os::unix::fs::PermissionsExt;
        options.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = options
        .prefix(".part-")
        .tempfile_in(folder)
        .map_err(Error::io(folder))?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    write(&mut buffer)
        .and_then(|()| buffer.flush())
        .map_err(Error::io(path))?;
    drop(buffer);
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path)
        .map_err(|error| Error::io(path)(error.error))?;
    Ok(())
}
