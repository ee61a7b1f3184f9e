//! Agreement of two maps.

use crate::attribution::Attribution;
use crate::error::{Error, Result};

/// Spearman's rank correlation of two maps, each summed over channels: 1 where they rank the pixels alike, 0 where they
/// have nothing to do with each other, -1 where one is the other upside down. Ties share their mean rank.
///
/// `None` where a map is the same everywhere: it ranks nothing.
///
/// # Errors
/// [`Error::Shape`] where the maps differ in height or width.
///
/// ```
/// use attribution::{Attribution, rank_correlation};
/// let map = |values: [f64; 4]| Attribution::from_map("mine", values.to_vec(), [2, 2, 1], 0.0);
/// let (a, b) = (map([1.0, 2.0, 3.0, 4.0])?, map([10.0, 20.0, 40.0, 30.0])?);
/// assert!((rank_correlation(&a, &b)?.unwrap() - 0.8).abs() < 1e-12);
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn rank_correlation(a: &Attribution, b: &Attribution) -> Result<Option<f64>> {
    if a.shape()[..2] != b.shape()[..2] {
        return Err(Error::Shape {
            what: "the second map",
            expected: a.shape(),
            found: b.shape(),
        });
    }
    Ok(spearman(&a.per_pixel(), &b.per_pixel()))
}

/// Spearman's correlation of two lists of one length.
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

/// Ranks from 0; ties share their mean.
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
