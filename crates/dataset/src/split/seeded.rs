//! Splits by the number of images per class: the first fraction, stratified, and folds.

use super::sets::{Percentages, Split};
use super::subset::Subset;
use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::rng::{shuffle, stream};

/// Assigns the first part of each class, in the folder's order, to training, and the rest to testing. No image is
/// assigned to validation. With `training` = 0.8 it is the split of the notebook that belongs to `retrain.py`. Images
/// change their subset when others are added; [`HashedSplit`](super::HashedSplit) avoids that.
///
/// # Errors
/// [`Error::Setting`] unless 0 < `training` < 1; [`Error::EmptySubset`] if a class would have no image for training, or
/// if there would be no image for testing.
pub fn first_fraction(folder: &ImageFolder, training: f64) -> Result<Split> {
    if !(training > 0.0 && training < 1.0) {
        return Err(Error::setting(
            "training fraction",
            training,
            "above 0 and below 1",
        ));
    }
    let counts = folder.counts();
    let mut seen = vec![0; counts.len()];
    Split::by(folder, |item| {
        seen[item.class] += 1;
        let first = (counts[item.class] as f64 * training).floor() as usize;
        if seen[item.class] <= first {
            Subset::Training
        } else {
            Subset::Testing
        }
    })
    .check(folder, &[Subset::Testing])
}

/// A random split with the same shares in every class.
#[derive(Debug, Clone, PartialEq)]
pub struct StratifiedSplit {
    percentages: Percentages,
    seed: u64,
}

impl StratifiedSplit {
    /// A split with 10 % of each class for validation and 10 % for testing; the seed decides which images these are.
    pub fn new(seed: u64) -> Self {
        Self {
            percentages: Percentages::default(),
            seed,
        }
    }

    /// Sets the shares for validation and testing, in percent of each class; defaults to 10 and 10. The numbers of
    /// images are rounded, but a class with three images or more has at least one image in each of the two.
    pub fn with_percentages(mut self, validation: f64, testing: f64) -> Self {
        self.percentages = Percentages {
            validation,
            testing,
        };
        self
    }

    /// Divides a folder.
    ///
    /// # Errors
    /// Those of [`HashedSplit::apply`](super::HashedSplit::apply).
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        let counts = folder.counts();
        let share = |class: usize, percentage: f64| {
            let share = (counts[class] as f64 * percentage / 100.0).round() as usize;
            share.max(usize::from(percentage > 0.0 && counts[class] >= 3))
        };
        let ranks = ranks(&counts, self.seed);
        let mut seen = vec![0; counts.len()];
        self.percentages.divide(folder, |item| {
            let rank = ranks[item.class][seen[item.class]];
            seen[item.class] += 1;
            let validation = share(item.class, self.percentages.validation);
            if rank < validation {
                Subset::Validation
            } else if rank < validation + share(item.class, self.percentages.testing) {
                Subset::Testing
            } else {
                Subset::Training
            }
        })
    }
}

/// The `k` splits of a stratified cross-validation, random by the seed. Each image is in validation once and in
/// training in all other splits. No image is in testing.
///
/// # Errors
/// [`Error::Setting`] if `k` is below 2 or above the number of images in the smallest class.
pub fn k_fold(folder: &ImageFolder, k: usize, seed: u64) -> Result<Vec<Split>> {
    let counts = folder.counts();
    let smallest = counts.iter().copied().min().unwrap_or(0);
    if k < 2 || k > smallest {
        return Err(Error::setting(
            "number of folds",
            k,
            format!("at least 2, at most the {smallest} images of the smallest class"),
        ));
    }
    let ranks = ranks(&counts, seed);
    let split = |fold: usize| {
        let mut seen = vec![0; counts.len()];
        Split::by(folder, |item| {
            let rank = ranks[item.class][seen[item.class]];
            seen[item.class] += 1;
            if rank % k == fold {
                Subset::Validation
            } else {
                Subset::Training
            }
        })
    };
    Ok((0..k).map(split).collect())
}

/// For each class the ranks of its images in a random order.
fn ranks(counts: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let of_class = |(class, &count): (usize, &usize)| {
        let mut ranks: Vec<_> = (0..count).collect();
        shuffle(&mut ranks, &mut stream(seed, 0, class as u64));
        ranks
    };
    counts.iter().enumerate().map(of_class).collect()
}
