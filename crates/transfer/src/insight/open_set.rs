use super::rows::{count_rows, unit_rows};
use super::similar::SimilarImages;
use crate::error::{Error, Result};
use crate::threads;

/// Of so many images one is held out by [`OpenSet::of`].
const HELD_OUT: usize = 10;
/// Parts of the images in [`OpenSet::of_classes`].
const FOLDS: usize = 5;

/// Detects out-of-distribution images: images that belong to none of the classes that a head was trained on. Without
/// such a test, a head for boats and clouds classifies a cat as a boat, and may be confident.
///
/// The score of an image is the distance, on the unit sphere, from its embedding to the `k`-th nearest training
/// embedding ([Sun et al. 2022](https://arxiv.org/abs/2204.06507)), from 0 to 2. A training image counts as its own
/// nearest neighbor, so with `k` = 1 it has the score 0, up to rounding. The threshold is chosen on held-out images of
/// the known classes alone, because out-of-distribution images are not available beforehand.
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
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSet {
    known: SimilarImages,
    dim: usize,
    k: usize,
    threshold: f64,
}

impl OpenSet {
    /// The smallest number of images per class for [`of_classes`](Self::of_classes): one for each fold.
    pub const FOLDS: usize = FOLDS;

    /// Fits the detector on embeddings `[n, dim]` of known classes, `train` and `held_out`. `k` is at least 1; 10 is a
    /// good choice from a few hundred images on. `accepted` is the share of held-out images that must count as known,
    /// above 0 and at most 1, usually 0.95.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are fewer than `k` training images, no held-out images, or values that are not
    /// finite; [`Error::Setting`] if `accepted` is out of range.
    pub fn fit(
        train: &[f32],
        held_out: &[f32],
        dim: usize,
        k: usize,
        accepted: f64,
    ) -> Result<Self> {
        check_accepted(accepted)?;
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
        open_set.threshold = quantile(&mut open_set.scores(held_out)?, accepted);
        Ok(open_set)
    }

    /// Does the same as [`fit`](Self::fit) with one set of embeddings `[n, dim]`: every tenth image is held out, and 95
    /// percent of the held-out images must count as known. `k` is 10, or the number of the other images if there are
    /// fewer.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are fewer than 10 images, or values that are not finite.
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

    /// Does the same as [`fit`](Self::fit) with `k` = 1 and the mean direction of each class instead of the training
    /// images. So it keeps as many rows as there are classes, and none of them is an image. `embeddings` is `[n, dim]`,
    /// and `targets` has the class of each row. No held-out images are needed: each image is compared with the means of
    /// the other four fifths of the images, and the share `accepted` of these scores, above 0 and at most 1, must count
    /// as known.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a class has fewer than 5 images, there is not one target for each row, or values are not
    /// finite; [`Error::Setting`] if `accepted` is out of range.
    pub fn of_classes(
        embeddings: &[f32],
        dim: usize,
        targets: &[usize],
        accepted: f64,
    ) -> Result<Self> {
        check_accepted(accepted)?;
        let images = count_rows("embeddings", embeddings, dim)?;
        if images != targets.len() {
            return Err(Error::mismatch("targets", images, targets.len()));
        }
        let mut counts = vec![0; targets.iter().max().map_or(0, |&target| target + 1)];
        // Each class goes round the folds, so that each fold has all classes.
        let folds: Vec<usize> = targets
            .iter()
            .map(|&target| {
                counts[target] += 1;
                counts[target] % FOLDS
            })
            .collect();
        if counts.is_empty() || counts.iter().any(|&count| count < FOLDS) {
            let found = counts.iter().min().copied().unwrap_or(0);
            let what = "images of the smallest class";
            return Err(Error::mismatch(what, format!("at least {FOLDS}"), found));
        }
        let unit = unit_rows(embeddings, dim);
        let means = |wanted: &dyn Fn(usize) -> bool| {
            let rows = unit.chunks_exact(dim).enumerate();
            let rows = rows.filter(|(row, _)| wanted(*row));
            let means = mean_rows(
                rows.map(|(row, values)| (targets[row], values)),
                counts.len(),
                dim,
            );
            Self {
                known: SimilarImages::from_unit_rows(unit_rows(&means, dim), dim),
                dim,
                k: 1,
                threshold: f64::INFINITY,
            }
        };
        let mut scores = Vec::with_capacity(images);
        for fold in 0..FOLDS {
            let others = means(&|row| folds[row] != fold);
            let held = unit.chunks_exact(dim).zip(&folds);
            let held = held.filter(|(_, of)| **of == fold).map(|(row, _)| row);
            scores.extend(threads::map(held, |row| others.score_unit(row)));
        }
        let mut open_set = means(&|_| true);
        open_set.threshold = quantile(&mut scores, accepted);
        Ok(open_set)
    }

    /// From what [`rows`](Self::rows), [`neighbors`](Self::neighbors) and [`threshold`](Self::threshold) gave.
    pub(crate) fn from_parts(unit: Vec<f32>, dim: usize, k: usize, threshold: f64) -> Result<Self> {
        let n = count_rows("rows of the open-set test", &unit, dim)?;
        if k == 0 || n < k {
            let expected = format!("at least k = {k}, which is at least 1");
            return Err(Error::mismatch("rows of the open-set test", expected, n));
        }
        if !threshold.is_finite() {
            return Err(Error::mismatch(
                "threshold of the open-set test",
                "a number",
                threshold,
            ));
        }
        Ok(Self {
            known: SimilarImages::from_unit_rows(unit, dim),
            dim,
            k,
            threshold,
        })
    }

    /// What images are compared with, `[n, dim]`: rows of length 1.
    pub(crate) fn rows(&self) -> &[f32] {
        self.known.unit_rows()
    }

    /// The number `k` of [`fit`](Self::fit).
    pub(crate) fn neighbors(&self) -> usize {
        self.k
    }

    pub(crate) fn check_dim(&self, dim: usize) -> Result<()> {
        if dim == self.dim {
            return Ok(());
        }
        Err(Error::mismatch(
            "values in a row of the open-set test",
            dim,
            self.dim,
        ))
    }

    /// The scores of images `[n, dim]`, 0 to 2: the larger the score, the less an image resembles the training images.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the length is no multiple of `dim` or a value is not finite.
    pub fn scores(&self, embeddings: &[f32]) -> Result<Vec<f64>> {
        count_rows("embeddings", embeddings, self.dim)?;
        let unit = unit_rows(embeddings, self.dim);
        let score = |row: &[f32]| self.score_unit(row);
        Ok(threads::map(unit.chunks_exact(self.dim), score))
    }

    /// The score of one image, given by its embedding `[dim]`.
    ///
    /// # Errors
    /// The errors of [`scores`](Self::scores).
    pub fn score(&self, embedding: &[f32]) -> Result<f64> {
        match self.scores(embedding)?[..] {
            [score] => Ok(score),
            _ => Err(Error::mismatch(
                "length of one embedding",
                self.dim,
                embedding.len(),
            )),
        }
    }

    fn score_unit(&self, row: &[f32]) -> f64 {
        let nearest = self.known.nearest_unit(row, self.k);
        let cosine = nearest.last().map_or(-1.0, |n| n.similarity);
        (2.0 - 2.0 * cosine).max(0.0).sqrt()
    }

    /// The score above which an image counts as out of distribution.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether one image, given by its embedding `[dim]`, is out of distribution: its score is above the threshold.
    ///
    /// # Errors
    /// The errors of [`scores`](Self::scores).
    pub fn is_out_of_distribution(&self, embedding: &[f32]) -> Result<bool> {
        Ok(self.score(embedding)? > self.threshold)
    }
}

fn check_accepted(accepted: f64) -> Result<()> {
    if accepted > 0.0 && accepted <= 1.0 {
        return Ok(());
    }
    let expected = "a share above 0 and at most 1";
    Err(Error::setting("accepted", accepted, expected))
}

/// The least score that the share `accepted` of the scores, of which there is one at least, does not exceed.
fn quantile(scores: &mut [f64], accepted: f64) -> f64 {
    scores.sort_by(f64::total_cmp);
    let rank = (accepted * scores.len() as f64).ceil() as usize;
    scores[rank.clamp(1, scores.len()) - 1]
}

/// The mean of the rows of each class, `[classes, dim]`.
fn mean_rows<'a>(
    rows: impl Iterator<Item = (usize, &'a [f32])>,
    classes: usize,
    dim: usize,
) -> Vec<f32> {
    let mut sums = vec![0.0; classes * dim];
    let mut counts = vec![0u32; classes];
    for (class, row) in rows {
        counts[class] += 1;
        let sums = &mut sums[class * dim..][..dim];
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let mean = |(at, sum): (usize, f64)| (sum / f64::from(counts[at / dim].max(1))) as f32;
    sums.into_iter().enumerate().map(mean).collect()
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

    /// Two classes around two directions: what lies between them is of neither, and the threshold is a score that the
    /// given share of the images keeps to.
    #[test]
    fn classes_are_known_by_their_means() {
        let angle = |i: usize| {
            let around = if i.is_multiple_of(2) { 0.0 } else { 1.5 };
            around + 0.002 * (i % 50) as f32
        };
        let row = |angle: f32| [3.0 * angle.cos(), 3.0 * angle.sin()];
        let embeddings: Vec<f32> = (0..200).flat_map(|i| row(angle(i))).collect();
        let targets: Vec<usize> = (0..200).map(|i| i % 2).collect();
        let found = OpenSet::of_classes(&embeddings, 2, &targets, 0.9).unwrap();
        assert_eq!(found.rows().len(), 4);
        let beyond = found.scores(&embeddings).unwrap();
        let beyond = beyond.iter().filter(|&&s| s > found.threshold()).count();
        assert!((10..=30).contains(&beyond), "{beyond} of 200");
        assert!(found.is_out_of_distribution(&row(0.75)).unwrap());
        assert!(!found.is_out_of_distribution(&row(1.55)).unwrap());
        let again = OpenSet::from_parts(
            found.rows().to_vec(),
            2,
            found.neighbors(),
            found.threshold(),
        );
        assert_eq!(again.unwrap(), found);

        let refused = |targets: &[usize], accepted: f64| {
            OpenSet::of_classes(
                &embeddings[..2 * targets.len().min(200)],
                2,
                targets,
                accepted,
            )
            .unwrap_err()
            .to_string()
        };
        assert!(refused(&[0, 0, 0, 0, 0, 1, 1, 1, 1], 0.9).contains("at least 5, found 4"));
        assert!(refused(&[0; 201], 0.9).contains("targets"));
        assert!(refused(&targets, 1.1).contains("accepted"));
        assert!(refused(&[], 0.9).contains("found 0"));
    }
}
