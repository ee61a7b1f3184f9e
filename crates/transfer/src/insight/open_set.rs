use super::rows::{count_rows, unit_rows};
use super::similar::SimilarImages;
use crate::error::{Error, Result};
use crate::threads;

/// Detects out-of-distribution images: images of none of the classes that a head was trained on. Without it, a head
/// for boats and clouds calls a cat a boat, and may be confident.
///
/// The score of an image is the distance, on the unit sphere, from its embedding to the `k`-th nearest training
/// embedding ([Sun et al. 2022](https://arxiv.org/abs/2204.06507)), from 0 to 2. A training image counts as its own
/// nearest neighbor, so with `k` = 1 it has the score 0, up to rounding. The threshold is chosen on held-out images of
/// the known classes alone, since out-of-distribution images are not available beforehand.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::insight::OpenSet;
/// let (train, held_out) = ([1.0, 0.0, 1.0, 0.1, 1.0, 0.2], [1.0, 0.15, 1.0, 0.05]);
/// let known = OpenSet::fit(&train, &held_out, 2, 1, 0.95)?;
/// assert!(known.is_out_of_distribution(&[0.0, 1.0])?);
/// assert!(!known.is_out_of_distribution(&[2.0, 0.2])?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenSet {
    known: SimilarImages,
    dim: usize,
    k: usize,
    threshold: f64,
}

impl OpenSet {
    /// `train` and `held_out` are embeddings `[n, dim]` of known classes. `k` is at least 1; 10 is a good choice from some
    /// hundred images on. `accepted` is the share of held-out images that shall count as known, above 0 and at most 1,
    /// usually 0.95.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where there are fewer than `k` training images, no held-out images, or values that are not
    /// finite; [`Error::Setting`] where `accepted` is out of range.
    pub fn fit(
        train: &[f32],
        held_out: &[f32],
        dim: usize,
        k: usize,
        accepted: f64,
    ) -> Result<Self> {
        if !(accepted > 0.0 && accepted <= 1.0) {
            return Err(Error::setting(
                "accepted",
                accepted,
                "a share above 0 and at most 1",
            ));
        }
        let n = count_rows("training embeddings", train, dim)?;
        if k == 0 || n < k {
            return Err(Error::mismatch(
                "training images",
                format!("at least k = {k}, which is at least 1"),
                n,
            ));
        }
        let held = count_rows("held-out embeddings", held_out, dim)?;
        if held == 0 {
            return Err(Error::mismatch("held-out images", "at least 1", 0));
        }
        let mut open_set = Self {
            known: SimilarImages::new(train, dim)?,
            dim,
            k,
            threshold: f64::INFINITY,
        };
        let mut scores = open_set.scores(held_out)?;
        scores.sort_by(f64::total_cmp);
        let rank = (accepted * held as f64).ceil() as usize;
        open_set.threshold = scores[rank.clamp(1, held) - 1];
        Ok(open_set)
    }

    /// The scores of images `[n, dim]`: the larger the score, the less an image resembles the training images.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the length is no multiple of `dim` or a value is not finite.
    pub fn scores(&self, embeddings: &[f32]) -> Result<Vec<f64>> {
        count_rows("embeddings", embeddings, self.dim)?;
        let unit = unit_rows(embeddings, self.dim);
        let score = |row: &[f32]| {
            let nearest = self.known.nearest_unit(row, self.k);
            let cosine = nearest.last().map_or(-1.0, |n| n.similarity);
            (2.0 - 2.0 * cosine).max(0.0).sqrt()
        };
        Ok(threads::map(unit.chunks_exact(self.dim), score))
    }

    /// The score above which an image counts as out of distribution.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether one image, given by its embedding `[dim]`, is out of distribution: its score is above the threshold.
    ///
    /// # Errors
    /// As [`scores`](Self::scores).
    pub fn is_out_of_distribution(&self, embedding: &[f32]) -> Result<bool> {
        match self.scores(embedding)?[..] {
            [score] => Ok(score > self.threshold),
            _ => Err(Error::mismatch(
                "length of one embedding",
                self.dim,
                embedding.len(),
            )),
        }
    }
}
