//! Files that are there whole or not at all.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

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

/// The most bytes of a file with a digest: larger than any net and all that training keeps of it.
pub(crate) const MOST_SEALED: u64 = 1 << 33;

/// As [`write_whole`], with a digest at the end.
pub(crate) fn write_sealed(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole(path, |file| {
        file.write_all(bytes)?;
        file.write_all(&Sha256::digest(bytes))
    })
}

/// What [`write_sealed`] was given; nothing where the file is not whole, or none of these.
pub(crate) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, digest) = bytes.split_last_chunk::<32>()?;
    (Sha256::digest(bytes)[..] == digest[..]).then_some(bytes)
}

/// Little-endian.
pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of at most so many bytes: what arrives counts, since a pipe says nothing of its length.
pub(crate) fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("larger than {most} bytes, as none of these files is");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
