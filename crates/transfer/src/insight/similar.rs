use super::rows::{count_rows, dot, unit_rows};
use crate::error::{Error, Result};
use crate::threads;

/// An image that resembles another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Row of the image.
    pub index: usize,
    /// Cosine of the angle between the two embeddings: 1 for the same picture. Measured on photographs of boats and clouds
    /// (alpha 1.0), it is 0.65 to 0.82 for the nearest other picture (5th to 95th percentile), 0.91 to 0.98 for a
    /// recompressed, mirrored or trimmed copy, and 0.82 to 0.92 for a copy of half the size.
    pub similarity: f64,
}

/// Two images that resemble each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Row in the first set.
    pub first: usize,
    /// Row in the second.
    pub second: usize,
    /// Cosine of the angle between their embeddings.
    pub similarity: f64,
}

/// Finds images that look alike, by the cosine of the angle between their embeddings. The search is exact: every image
/// is compared.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::insight::SimilarImages;
/// let images = SimilarImages::new(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.1], 2)?;
/// let nearest = images.nearest(&[2.0, 0.0], 2)?;
/// assert_eq!([nearest[0].index, nearest[1].index], [0, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarImages {
    unit: Vec<f32>,
    dim: usize,
}

impl SimilarImages {
    /// Makes the index from `embeddings` `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the length is no multiple of `dim` or a value is not finite.
    pub fn new(embeddings: &[f32], dim: usize) -> Result<Self> {
        count_rows("embeddings", embeddings, dim)?;
        Ok(Self {
            unit: unit_rows(embeddings, dim),
            dim,
        })
    }

    /// From rows of length 1, as they are.
    pub(super) fn from_unit_rows(unit: Vec<f32>, dim: usize) -> Self {
        Self { unit, dim }
    }

    /// The embeddings, each divided by its length: `[n, dim]`.
    pub(super) fn unit_rows(&self) -> &[f32] {
        &self.unit
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.unit.len() / self.dim
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.unit.is_empty()
    }

    /// The `k` images nearest to `embedding`, the nearest first, or all images if there are fewer than `k`. Among
    /// equally near images the earlier row comes first.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if `embedding` has not `dim` finite values.
    pub fn nearest(&self, embedding: &[f32], k: usize) -> Result<Vec<Neighbor>> {
        if count_rows("embedding", embedding, self.dim)? != 1 {
            return Err(Error::mismatch(
                "length of one embedding",
                self.dim,
                embedding.len(),
            ));
        }
        Ok(self.nearest_unit(&unit_rows(embedding, self.dim), k))
    }

    pub(super) fn nearest_unit(&self, unit: &[f32], k: usize) -> Vec<Neighbor> {
        let mut all: Vec<Neighbor> = self
            .unit
            .chunks_exact(self.dim)
            .enumerate()
            .map(|(index, row)| Neighbor {
                index,
                similarity: dot(row, unit),
            })
            .collect();
        let order = |a: &Neighbor, b: &Neighbor| {
            b.similarity
                .total_cmp(&a.similarity)
                .then(a.index.cmp(&b.index))
        };
        let k = k.min(all.len());
        if k > 0 && k < all.len() {
            all.select_nth_unstable_by(k - 1, order);
        }
        all.truncate(k);
        all.sort_by(order);
        all
    }

    /// Does the same as [`pairs`](Self::pairs) for pairs of images of this set: each pair once, the earlier row first.
    pub fn pairs_within(&self, threshold: f64) -> Vec<Pair> {
        let mut pairs = self.pairs_with(self, threshold);
        pairs.retain(|pair| pair.first < pair.second);
        pairs
    }

    /// All pairs of an image of this set and an image of `other` whose cosine is at least `threshold`, in the order of
    /// their rows. Use it to find copies and near-duplicates across a split. A threshold of 0.9 finds pictures that
    /// were recompressed, mirrored or trimmed by a few percent, and hardly any others. A person must look at pairs with
    /// a lower cosine (see [`Neighbor::similarity`]).
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the two differ in `dim`.
    pub fn pairs(&self, other: &Self, threshold: f64) -> Result<Vec<Pair>> {
        if self.dim != other.dim {
            return Err(Error::mismatch(
                "length of an embedding",
                self.dim,
                other.dim,
            ));
        }
        Ok(self.pairs_with(other, threshold))
    }

    fn pairs_with(&self, other: &Self, threshold: f64) -> Vec<Pair> {
        let near = |(first, row): (usize, &[f32])| -> Vec<Pair> {
            let similar = other
                .unit
                .chunks_exact(other.dim)
                .map(|o| dot(row, o))
                .enumerate();
            similar
                .filter(|&(_, similarity)| similarity >= threshold)
                .map(|(second, similarity)| Pair {
                    first,
                    second,
                    similarity,
                })
                .collect()
        };
        threads::map(self.unit.chunks_exact(self.dim).enumerate(), near).concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_within_a_set_come_once() {
        let images = SimilarImages::new(&[1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0], 2).unwrap();
        let pairs = images.pairs_within(0.9);
        let rows: Vec<_> = pairs.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(rows, [(0, 2), (1, 3)]);
        assert_eq!(images.pairs(&images, 0.9).unwrap().len(), 8);
    }
}
