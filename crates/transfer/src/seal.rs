//! The digest of a file in its last 32 bytes: the SHA-256 of all bytes before them. No byte of such a file can change
//! without being noticed.

use sha2::{Digest, Sha256};

/// Length of a seal in bytes.
pub(crate) const LENGTH: usize = 32;
/// The name of the tensor that is a seal.
pub(crate) const TENSOR: &str = "seal";

/// How a kind of tensor file is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    /// By 32 bytes behind the tensors.
    Behind,
    /// By its last tensor, so that every reader of safetensors can read the file. Files of versions before `since` may
    /// have none.
    LastTensor {
        /// The first version of the format in which each file has a seal.
        since: u32,
    },
}

/// Writes the seal into the last 32 bytes, which hold something else until then.
pub(crate) fn write(bytes: &mut [u8]) {
    if let Some((content, seal)) = bytes.split_last_chunk_mut::<LENGTH>() {
        seal.copy_from_slice(&Sha256::digest(content));
    }
}

/// The bytes before the seal; `None` where it is not their seal.
pub(crate) fn content(bytes: &[u8]) -> Option<&[u8]> {
    let (content, seal) = bytes.split_last_chunk::<LENGTH>()?;
    (Sha256::digest(content)[..] == seal[..]).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_under_the_seal() {
        let mut sealed = b"content".to_vec();
        sealed.extend([0; LENGTH]);
        assert_eq!(content(&sealed), None);
        write(&mut sealed);
        assert_eq!(content(&sealed), Some(&b"content"[..]));
        for bit in 0..8 * sealed.len() {
            sealed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(content(&sealed), None, "bit {bit}");
            sealed[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(content(&sealed[1..]), None);
        assert_eq!(content(&[0; LENGTH - 1]), None);
    }
}
