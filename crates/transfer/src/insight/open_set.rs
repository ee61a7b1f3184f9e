use super::rows::{count_rows, unit_rows};
use super::similar::SimilarImages;
use crate::error::{Error, Result};
use crate::threads;

/// Of so many images one is held out by [`OpenSet::of`].
const HELD_OUT: usize = 10;

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

    /// As [`fit`](Self::fit), from one set of embeddings `[n, dim]`: every tenth image is held out, and of the held-out
    /// images 95 percent shall count as known. `k` is 10, or the number of the other images if there are fewer.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where there are fewer than 10 images, or values that are not finite.
    pub fn of(embeddings: &[f32], dim: usize) -> Result<Self> {
        let images = count_rows("embeddings", embeddings, dim)?;
        if images < HELD_OUT {
            return Err(Error::mismatch(
                "images",
                format!("at least {HELD_OUT}, of which one is held out"),
                images,
            ));
        }
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        for (row, values) in embeddings.chunks_exact(dim).enumerate() {
            if row % HELD_OUT == HELD_OUT - 1 {
                held_out.extend_from_slice(values);
            } else {
                train.extend_from_slice(values);
            }
        }
        let k = (train.len() / dim).min(10);
        Self::fit(&train, &held_out, dim, k, 0.95)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_image_is_held_out() {
        // Rows 9 and 19 are held out; they are further from the other rows than these from each other.
        let angle = |i: usize| if i % 10 == 9 { 0.3 } else { 0.01 * i as f32 };
        let embeddings: Vec<f32> = (0..20)
            .flat_map(|i| [angle(i).cos(), angle(i).sin()])
            .collect();
        let found = OpenSet::of(&embeddings, 2).unwrap();
        let (train, held_out): (Vec<usize>, Vec<usize>) = (0..20).partition(|i| i % 10 != 9);
        let rows = |rows: &[usize]| -> Vec<f32> {
            let row = |&i: &usize| embeddings[2 * i..2 * i + 2].to_vec();
            rows.iter().flat_map(row).collect()
        };
        let expected = OpenSet::fit(&rows(&train), &rows(&held_out), 2, 10, 0.95).unwrap();
        assert_eq!(found.threshold(), expected.threshold());
        assert!(found.is_out_of_distribution(&[-1.0, 0.0]).unwrap());
        assert!(OpenSet::of(&embeddings[..18], 2).is_err());
    }
}
