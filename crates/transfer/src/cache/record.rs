use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Identifies one embedding: a digest of the image's bytes and of everything that turns them into numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(super) [u8; 32]);

impl Key {
    /// Makes the key from two SHA-256 digests: of the image's bytes, and of the description of how it is embedded
    /// (preprocessing, weights, layer, engine).
    pub fn new(image: &[u8; 32], recipe: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(image);
        hash.update(recipe);
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Bytes before the values: key, number of values, checksum of both.
pub(super) const HEAD: usize = 32 + 4 + 4;
/// Bytes after them: their checksum.
pub(super) const TAIL: usize = 4;
/// More values than any layer gives; a larger number is a broken file.
const MOST: usize = 1 << 20;

/// Appends a record's bytes: `key[32] count[4] crc32c(key count)[4] values[4 count] crc32c(values)[4]`, all
/// numbers little-endian.
pub(super) fn write(key: &Key, values: &[f32], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&key.0);
    out.extend_from_slice(&(values.len() as u32).to_le_bytes());
    let head = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&head.to_le_bytes());
    let start = out.len();
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    let tail = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&tail.to_le_bytes());
}

/// Key and number of values of the record that starts here; `None` if what is there is no whole head.
pub(super) fn read_head(from: &mut impl Read) -> io::Result<Option<(Key, usize)>> {
    let mut bytes = [0; HEAD];
    match from.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    Ok(head(&bytes))
}

/// Key and number of values, if these [`HEAD`] bytes are a head.
pub(super) fn head(bytes: &[u8]) -> Option<(Key, usize)> {
    let (mut key, mut count, mut crc) = ([0; 32], [0; 4], [0; 4]);
    key.copy_from_slice(bytes.get(..32)?);
    count.copy_from_slice(bytes.get(32..36)?);
    crc.copy_from_slice(bytes.get(36..HEAD)?);
    let count = u32::from_le_bytes(count) as usize;
    let whole = count <= MOST && crc32c::crc32c(&bytes[..36]) == u32::from_le_bytes(crc);
    whole.then_some((Key(key), count))
}

/// The values that follow a head; `None` if they do not match their checksum.
pub(super) fn read_values(from: &mut impl Read, count: usize) -> io::Result<Option<Vec<f32>>> {
    let mut bytes = vec![0; 4 * count + TAIL];
    match from.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (values, crc) = bytes.split_at(4 * count);
    let mut expected = [0; 4];
    expected.copy_from_slice(crc);
    if crc32c::crc32c(values) != u32::from_le_bytes(expected) {
        return Ok(None);
    }
    let values = values
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Ok(Some(values.collect()))
}

/// Bytes of a record with so many values.
pub(super) fn size(count: usize) -> u64 {
    (HEAD + 4 * count + TAIL) as u64
}
