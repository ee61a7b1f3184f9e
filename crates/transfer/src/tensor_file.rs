//! Files of tensors.

use std::path::Path;

use files::write_whole;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// The most bytes of a file with a digest: larger than any net and all that training keeps of it.
pub(crate) const MOST_SEALED: u64 = 1 << 33;

/// As [`write_whole`], with a digest at the end.
pub(crate) fn write_sealed(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(write_whole(path, |file| {
        file.write_all(bytes)?;
        file.write_all(&Sha256::digest(bytes))
    })?)
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
