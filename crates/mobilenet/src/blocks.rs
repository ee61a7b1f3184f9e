use crate::config::BLOCKS;
use crate::{Error, Result};

/// A choice of blocks, 0 (the stem) to 13, whose pooled maps are joined to one embedding, in ascending order.
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
    /// These blocks; each counts once.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none, or one that no net has.
    pub fn new(blocks: impl IntoIterator<Item = usize>) -> Result<Self> {
        let mut bits = 0;
        for block in blocks {
            if block > BLOCKS.len() {
                let last = BLOCKS.len();
                return Err(Error::Config(format!(
                    "block {block}: a MobileNetV1 has the blocks 0 (stem) to {last}"
                )));
            }
            bits |= 1 << block;
        }
        if bits == 0 {
            return Err(Error::Config("no block is chosen: name one or more".into()));
        }
        Ok(Self(bits))
    }

    /// The blocks, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..=BLOCKS.len()).filter(move |&block| self.contains(block))
    }

    /// Whether a block is among them.
    pub fn contains(self, block: usize) -> bool {
        block <= BLOCKS.len() && self.0 >> block & 1 == 1
    }

    /// The last of them.
    pub fn last(self) -> usize {
        self.0.checked_ilog2().unwrap_or(0) as usize
    }

    /// Refuses blocks that a net of so many separable blocks does not have.
    pub(crate) fn check(self, blocks: usize) -> Result<()> {
        let block = self.last();
        if block > blocks {
            return Err(Error::Input(format!(
                "block {block} is asked for; this net has blocks 0 (stem) to {blocks}"
            )));
        }
        Ok(())
    }

    /// One block of a net that has it.
    pub(crate) fn only(block: usize) -> Self {
        Self(1 << block.min(BLOCKS.len()))
    }
}
