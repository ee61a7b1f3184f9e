//! How far two maps agree.

use crate::attribution::Attribution;
use crate::check;
use crate::error::Result;

/// Spearman's rank correlation of two maps, each summed over channels: 1 if they rank the pixels alike, 0 if the ranks
/// are unrelated, -1 if one ranking is the reverse of the other. Equal values share their mean rank.
///
/// `None` if a map has the same value everywhere, because it ranks nothing.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) if the maps differ in height or width.
///
/// ```
/// use attribution::{Attribution, trust::rank_correlation};
/// let map = |values: [f64; 4]| Attribution::new("mine", values.to_vec(), [2, 2, 1], 0.0);
/// let (a, b) = (map([1.0, 2.0, 3.0, 4.0])?, map([10.0, 20.0, 40.0, 30.0])?);
/// assert!((rank_correlation(&a, &b)?.unwrap() - 0.8).abs() < 1e-12);
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn rank_correlation(a: &Attribution, b: &Attribution) -> Result<Option<f64>> {
    check::same_size("the second map", b.shape(), a.shape())?;
    Ok(spearman(&a.per_pixel(), &b.per_pixel()))
}

/// Spearman's correlation of two lists of the same length.
pub(crate) fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        let (x, y) = (x - mean, y - mean);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa.sqrt() * bb.sqrt()))
}

/// Ranks from 0; equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let rank = first as f64 + (tied.len() - 1) as f64 / 2.0;
        for &i in tied {
            ranks[i] = rank;
        }
        first += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank_as_in_scipy() {
        // scipy 1.17.1: spearmanr([1, 2, 2, 0], [3, 1, 4, 4])
        let found = spearman(&[1.0, 2.0, 2.0, 0.0], &[3.0, 1.0, 4.0, 4.0]).unwrap();
        assert!((found + 0.388_888_888_888_888_9).abs() < 1e-12, "{found}");
        assert_eq!(spearman(&[1.0, 1.0], &[0.0, 1.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }
}
