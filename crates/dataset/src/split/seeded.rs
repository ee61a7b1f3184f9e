//! Splits by number: first fraction, stratified, folds.

use super::{Set, Split, check_percentages};
use crate::dice::{random, shuffle};
use crate::{Error, ImageFolder, Result};

/// The first part of each class, in the folder's order, for training and the rest for testing: the
/// original notebook's 80/20 with `training` = 0.8. Nothing is for validation. Not stable when
/// images are added; prefer [`HashedSplit`](super::HashedSplit).
///
/// # Errors
/// [`Error::Option`] unless 0 < `training` < 1; [`Error::EmptySet`].
pub fn first_fraction(folder: &ImageFolder, training: f64) -> Result<Split> {
    if !(training > 0.0 && training < 1.0) {
        let found = training.to_string();
        return Err(Error::Option {
            option: "training fraction",
            expected: "above 0 and below 1",
            found,
        });
    }
    let counts = folder.counts();
    let mut seen = vec![0; counts.len()];
    Split::by(folder, |item| {
        seen[item.class] += 1;
        let first = (counts[item.class] as f64 * training).floor() as usize;
        if seen[item.class] <= first {
            Set::Training
        } else {
            Set::Testing
        }
    })
    .check(folder, false, true)
}

/// A random split with the same shares in every class.
#[derive(Debug, Clone, PartialEq)]
pub struct StratifiedSplit {
    validation: f64,
    testing: f64,
    seed: u64,
}

impl StratifiedSplit {
    /// 10 % for validation and for testing; the seed decides which.
    pub fn new(seed: u64) -> Self {
        Self {
            validation: 10.0,
            testing: 10.0,
            seed,
        }
    }

    /// How much is for validation and for testing, in per cent; defaults to 10 and 10. Rounded in
    /// each class, but at least one image where the class has three.
    pub fn with_percentages(mut self, validation: f64, testing: f64) -> Self {
        (self.validation, self.testing) = (validation, testing);
        self
    }

    /// Divides a folder.
    ///
    /// # Errors
    /// As [`HashedSplit::apply`](super::HashedSplit::apply).
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        check_percentages(self.validation, self.testing)?;
        let counts = folder.counts();
        let share = |class: usize, percentage: f64| {
            let share = (counts[class] as f64 * percentage / 100.0).round() as usize;
            share.max(usize::from(percentage > 0.0 && counts[class] >= 3))
        };
        let ranks = ranks(&counts, self.seed);
        let mut seen = vec![0; counts.len()];
        Split::by(folder, |item| {
            let rank = ranks[item.class][seen[item.class]];
            seen[item.class] += 1;
            let validation = share(item.class, self.validation);
            if rank < validation {
                Set::Validation
            } else if rank < validation + share(item.class, self.testing) {
                Set::Testing
            } else {
                Set::Training
            }
        })
        .check(folder, self.validation > 0.0, self.testing > 0.0)
    }
}

/// `k` splits for cross-validation, stratified and random by the seed: each image is in the
/// validation set of one and in the training set of the others; nothing is for testing.
///
/// # Errors
/// [`Error::Option`] where `k` is below 2 or above the images of the smallest class.
pub fn k_fold(folder: &ImageFolder, k: usize, seed: u64) -> Result<Vec<Split>> {
    let counts = folder.counts();
    let smallest = counts.iter().copied().min().unwrap_or(0);
    if k < 2 || k > smallest {
        return Err(Error::Option {
            option: "number of folds",
            expected: "at least 2, at most the images of the smallest class",
            found: format!("{k}, with {smallest} images in the smallest class"),
        });
    }
    let ranks = ranks(&counts, seed);
    let split = |fold: usize| {
        let mut seen = vec![0; counts.len()];
        Split::by(folder, |item| {
            let rank = ranks[item.class][seen[item.class]];
            seen[item.class] += 1;
            if rank % k == fold {
                Set::Validation
            } else {
                Set::Training
            }
        })
    };
    Ok((0..k).map(split).collect())
}

/// For each class a random order of its images.
fn ranks(counts: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let of_class = |(class, &count): (usize, &usize)| {
        let mut ranks: Vec<_> = (0..count).collect();
        shuffle(&mut ranks, &mut random(seed, 0, class as u64));
        ranks
    };
    counts.iter().enumerate().map(of_class).collect()
}
