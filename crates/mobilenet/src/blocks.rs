use crate::error::{Error, Result};

/// Number of the last block of a whole MobileNetV1.
const LAST: usize = 13;

/// A set of blocks whose pooled maps are concatenated, in ascending order, to one embedding. Block 0 is the stem;
/// blocks 1 to 13 are the separable blocks.
///
/// ```
/// # fn main() -> mobilenet::Result<()> {
/// let blocks = mobilenet::Blocks::new([13, 11])?;
/// assert_eq!(blocks.iter().collect::<Vec<_>>(), [11, 13]);
/// assert_eq!(mobilenet::MobileNetConfig::new().joined_dim(blocks), 512 + 1024);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blocks(u16);

impl Blocks {
    /// A set of these blocks; repeated blocks count once.
    ///
    /// # Errors
    /// [`Error::Setting`] if no block is given, or a block above 13.
    pub fn new(blocks: impl IntoIterator<Item = usize>) -> Result<Self> {
        let mut bits = 0;
        for block in blocks {
            if block > LAST {
                let expected = format!("0 (the stem) to {LAST}");
                return Err(Error::setting("block", block, expected));
            }
            bits |= 1 << block;
        }
        if bits == 0 {
            return Err(Error::setting("blocks", "empty", "one or more blocks"));
        }
        Ok(Self(bits))
    }

    /// The blocks in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..=LAST).filter(move |&block| self.contains(block))
    }

    /// Whether the set contains a block.
    pub fn contains(self, block: usize) -> bool {
        block <= LAST && self.0 >> block & 1 == 1
    }

    /// The last block of the set.
    pub fn last(self) -> usize {
        self.0.checked_ilog2().unwrap_or(0) as usize
    }

    /// One block of a net that has it.
    pub(crate) fn only(block: usize) -> Self {
        Self(1 << block.min(LAST))
    }
}

/// Refuses a block that a net of `blocks` separable blocks does not have.
pub(crate) fn check_block(block: usize, blocks: usize) -> Result<()> {
    if block > blocks {
        return Err(Error::Input(format!(
            "block {block} is requested; this net has the blocks 0 (the stem) to {blocks}"
        )));
    }
    Ok(())
}
