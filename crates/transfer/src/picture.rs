//! A few bytes that identify an image: by its content, and by what it shows.

/// Images whose [hashes](PictureDigest::hashes) differ in at most this many of the 128 bits count as the same picture.
/// Among 1,679 photographs of boats and clouds no two are so near; copies that were resized or encoded again nearly
/// always are.
pub const NEAR_BITS: u32 = 4;

/// Hashes with fewer ones, or fewer zeros, than this are of images that show next to nothing, and resemble no other.
const DETAIL_BITS: u32 = 16;

/// Bytes of a digest in a file.
pub(crate) const DIGEST_BYTES: usize = 24;

/// The 24 bytes by which an image is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureDigest {
    /// The first 8 bytes of the SHA-256 of the file: the same for the same bytes, whatever the name.
    pub content: [u8; 8],
    /// The difference hashes along the rows and along the columns of the square that the network takes
    /// ([`dataset::difference_hash::difference_hashes`]); zeros if they are not known.
    pub hashes: [u64; 2],
}

impl PictureDigest {
    /// The digest for the SHA-256 of a file and the hashes of its image.
    pub(crate) fn new(sha256: &[u8; 32], hashes: [u64; 2]) -> Self {
        let mut content = [0; 8];
        content.copy_from_slice(&sha256[..8]);
        Self { content, hashes }
    }

    /// Whether the two images look the same: their hashes differ in at most [`NEAR_BITS`] bits. False for images
    /// without details, and if the hashes are not known.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.has_details() && other.has_details() && near(self.hashes, other.hashes)
    }

    /// Whether the hashes say enough to be compared.
    pub(crate) fn has_details(&self) -> bool {
        let ones: u32 = self.hashes.iter().map(|hash| hash.count_ones()).sum();
        (DETAIL_BITS..=128 - DETAIL_BITS).contains(&ones)
    }

    /// The bytes in a file: the content, then the hashes, little-endian.
    pub(crate) fn to_bytes(self) -> [u8; DIGEST_BYTES] {
        let mut bytes = [0; DIGEST_BYTES];
        bytes[..8].copy_from_slice(&self.content);
        bytes[8..16].copy_from_slice(&self.hashes[0].to_le_bytes());
        bytes[16..].copy_from_slice(&self.hashes[1].to_le_bytes());
        bytes
    }

    /// From the bytes in a file.
    pub(crate) fn from_bytes(bytes: &[u8; DIGEST_BYTES]) -> Self {
        let part = |at: usize| std::array::from_fn(|i| bytes[at + i]);
        Self {
            content: part(0),
            hashes: [8, 16].map(|at| u64::from_le_bytes(part(at))),
        }
    }
}

/// Whether two pairs of hashes differ in few bits.
pub(crate) fn near(a: [u64; 2], b: [u64; 2]) -> bool {
    let rows = (a[0] ^ b[0]).count_ones();
    rows <= NEAR_BITS && rows + (a[1] ^ b[1]).count_ones() <= NEAR_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: u64, columns: u64) -> PictureDigest {
        PictureDigest {
            content: [7; 8],
            hashes: [rows, columns],
        }
    }

    #[test]
    fn four_bits_apart_looks_the_same_and_five_do_not() {
        let image = digest(0xffff, 0xff);
        assert!(image.looks_like(&digest(0xffff ^ 0b11, 0xff ^ 0b1100)));
        assert!(!image.looks_like(&digest(0xffff ^ 0b11, 0xff ^ 0b11100)));
        assert!(!image.looks_like(&digest(0xffff ^ 0b1_1111, 0xff)));
    }

    #[test]
    fn images_without_details_look_like_no_other() {
        for flat in [digest(0, 0), digest(0, 0x7fff), digest(u64::MAX, u64::MAX)] {
            assert!(!flat.looks_like(&flat), "{flat:?}");
        }
        assert!(digest(0, 0xffff).looks_like(&digest(0, 0xffff)));
    }

    #[test]
    fn bytes_are_read_as_they_are_written() {
        let mut bytes = [0; DIGEST_BYTES];
        bytes.iter_mut().zip(1..).for_each(|(byte, i)| *byte = i);
        let read = PictureDigest::from_bytes(&bytes);
        assert_eq!(read.content, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(read.hashes[0], 0x100f_0e0d_0c0b_0a09);
        assert_eq!(read.to_bytes(), bytes);
    }
}
