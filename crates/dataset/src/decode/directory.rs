//! The first directory of a file that is made like a TIFF.

/// The numbers of a TIFF in its byte order, and the tags of its first directory, as far as they are in these bytes.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    first: usize,
    count: usize,
}

impl<'a> Directory<'a> {
    /// The directory that the header names; one without entries if it is not in these bytes.
    pub(super) fn first(bytes: &'a [u8]) -> Self {
        let mut directory = Self {
            bytes,
            little: bytes.starts_with(b"I"),
            first: 0,
            count: 0,
        };
        directory.first = directory.long(4).unwrap_or(0);
        directory.count = directory.short(directory.first).unwrap_or(0).into();
        directory
    }

    /// The number of 16 bits at a place.
    pub(super) fn short(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little {
            u16::from_le_bytes(two)
        } else {
            u16::from_be_bytes(two)
        })
    }

    /// The number of 32 bits at a place.
    pub(super) fn long(&self, at: usize) -> Option<usize> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        } as usize)
    }

    /// A number of 16 bits in the byte order of the file.
    #[cfg(feature = "tiff")]
    pub(super) fn encoded(&self, number: u16) -> [u8; 2] {
        if self.little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }

    /// Where the value of a tag is, or where it says where the values are: behind the tag, the type and their number.
    pub(super) fn value(&self, tag: u16) -> Option<usize> {
        let mut entries = (0..self.count).map(|i| self.first + 2 + 12 * i);
        let entry = entries.find(|at| self.short(*at) == Some(tag))?;
        Some(entry + 8)
    }
}
