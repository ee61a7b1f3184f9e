//! Limits on the memory that a file may ask for.
// Formats that are left out use more of it.
#![cfg_attr(
    not(all(feature = "archives", feature = "protobuf", feature = "pytorch")),
    allow(dead_code)
)]

/// Largest file that is read into memory, in bytes. The widest net that this crate allows is smaller.
pub(super) const LARGEST: u64 = 1 << 30;

/// The number of values of a shape, if that many f32 numbers fit into [`LARGEST`] bytes.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .filter(|&n| n as u64 <= LARGEST / 4)
}

/// A shape as files store it, and its number of values.
pub(super) fn shape_of(dims: &[i64]) -> Result<(Vec<usize>, usize), String> {
    let shape = dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| format!("a dimension of {d}")))
        .collect::<Result<Vec<_>, _>>()?;
    let count = count(&shape).ok_or("a shape that does not fit into memory")?;
    Ok((shape, count))
}

/// What the tensors of a file may take in memory. Repeated values, strides of zero and compression let a small file
/// claim much, while the weights of a net can hardly be compressed.
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    /// Bytes of memory per byte of the file.
    const RATIO: u64 = 64;
    /// What the smallest file may take, in bytes.
    const LEAST: u64 = 1 << 20;

    pub fn of(file: &[u8]) -> Self {
        let share = (file.len() as u64).saturating_mul(Self::RATIO);
        Self {
            left: share.saturating_add(Self::LEAST).min(LARGEST),
        }
    }

    /// Bytes that are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes what this many f32 numbers need.
    pub fn take(&mut self, values: usize) -> Result<(), String> {
        let bytes = (values as u64).saturating_mul(4);
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| format!("{values} values are more than a file of this size can hold"))?;
        Ok(())
    }
}
