use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Reads a file of at most `most` bytes. The limit applies to the bytes that arrive, because a pipe or a device does
/// not report a length.
///
/// # Errors
/// If the file cannot be read, or has more bytes ([`io::ErrorKind::FileTooLarge`]).
pub fn read_at_most(path: impl AsRef<Path>, most: u64) -> Result<Vec<u8>> {
    let path = path.as_ref();
    read(path, most).map_err(Error::at(path))
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // One read where the length is known.
    let length = file.metadata()?.len().min(most);
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message =
            format!("the file is larger than {most} bytes, which is the limit for such files");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
