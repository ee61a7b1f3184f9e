//! The folds of cross-validation.

use std::collections::{HashMap, HashSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::LogisticRegression;
use crate::embeddings::{Embeddings, class_counts};
use crate::error::{Error, Result};
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;

/// The fold of each image.
pub(super) struct Folds {
    pub(super) of: Vec<usize>,
    pub(super) count: usize,
}

impl Folds {
    /// As given, or drawn.
    pub(super) fn new(
        config: &HeadConfig,
        recipe: &LogisticRegression,
        images: &Embeddings,
    ) -> Result<Self> {
        let of = match &recipe.fold_of {
            Some(given) => given.clone(),
            None => drawn_folds(config.seed, recipe.folds, images),
        };
        let count = of.iter().max().map_or(0, |&fold| fold + 1);
        if count < 2 || count > images.len() {
            return Err(Error::mismatch(
                "folds",
                format!("2 to {}, numbered from 0", images.len()),
                count,
            ));
        }
        let folds = Self { of, count };
        (0..count).try_for_each(|fold| folds.check(fold, images))?;
        Ok(folds)
    }

    /// Targets of the images outside a fold.
    fn targets_without(&self, fold: usize, images: &Embeddings) -> Vec<usize> {
        let rows = images.targets().iter().zip(&self.of);
        let outside = rows.filter(|(_, of)| **of != fold);
        outside.map(|(&target, _)| target).collect()
    }

    /// Checks that every class has an image outside the fold.
    fn check(&self, fold: usize, images: &Embeddings) -> Result<()> {
        let counts = class_counts(&self.targets_without(fold, images), images.classes());
        let Some(class) = counts.iter().position(|&n| n == 0) else {
            return Ok(());
        };
        let rows = (0..images.len()).filter(|&row| images.targets()[row] == class);
        let of_class: HashSet<_> = rows.map(|row| images.names().get(row).ok_or(row)).collect();
        let (found, class) = (of_class.len(), images.class_name(class));
        Err(if found < 2 {
            Error::TooFewImages {
                class,
                found,
                needed: 2,
            }
        } else {
            Error::mismatch(
                format!("fold {fold}"),
                "images of every class outside of it",
                match images.groups() {
                    [] => format!("all {found} of class `{class}` in it"),
                    _ => format!(
                        "all {found} of class `{class}` in it, since their groups must not be divided"
                    ),
                },
            )
        })
    }

    /// The rows outside a fold, and the weight of each.
    pub(super) fn weights_without(
        &self,
        fold: usize,
        images: &Embeddings,
        class_weights: &ClassWeights,
    ) -> (Vec<usize>, Vec<f64>) {
        let targets = self.targets_without(fold, images);
        let per_class = class_weights.per_class(&targets, images.classes());
        let rows: Vec<usize> = (0..self.of.len())
            .filter(|&row| self.of[row] != fold)
            .collect();
        let weights = targets.into_iter().zip(&rows);
        let weights = weights.map(|(target, &row)| per_class[target] * images.weight(row));
        let weights = weights.collect();
        (rows, weights)
    }

    /// The rows of a fold.
    pub(super) fn rows_of(&self, fold: usize) -> Vec<usize> {
        (0..self.of.len())
            .filter(|&row| self.of[row] == fold)
            .collect()
    }
}

/// The weight of each image: that of its class, times its own.
pub(super) fn weights_of(images: &Embeddings, class_weights: &ClassWeights) -> Vec<f64> {
    let per_class = class_weights.per_class(images.targets(), images.classes());
    let targets = images.targets().iter().enumerate();
    targets
        .map(|(row, &target)| per_class[target] * images.weight(row))
        .collect()
}

/// Deals the images of each class out in a random order, so that every class is in every fold. Rows of one group, and rows of
/// one name, which are variants of an image, share a fold.
pub(crate) fn drawn_folds(seed: u64, folds: usize, images: &Embeddings) -> Vec<usize> {
    let classes = images.classes();
    let mut firsts = HashMap::new();
    let first_of: Vec<usize> = (0..images.len())
        .map(|row| {
            let group = images.groups().get(row).filter(|group| !group.is_empty());
            let shared = group.or_else(|| images.names().get(row));
            let key = shared.map(|shared| (group.is_some(), shared));
            key.map_or(row, |key| *firsts.entry(key).or_insert(row))
        })
        .collect();
    let dealt = |row: &usize| images.groups().is_empty() || first_of[*row] == *row;
    let dealt = (0..images.len())
        .filter(dealt)
        .map(|row| images.targets()[row]);
    let counts = class_counts(&dealt.collect::<Vec<_>>(), classes);
    let smallest = counts.into_iter().min().unwrap_or(0);
    let count = folds.min(smallest).max(2);
    let mut of = vec![0; images.len()];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut next = 0;
    for class in 0..classes {
        let mut rows: Vec<usize> = (0..images.len())
            .filter(|&row| images.targets()[row] == class && first_of[row] == row)
            .collect();
        rows.shuffle(&mut rng);
        for row in rows {
            of[row] = next % count;
            next += 1;
        }
    }
    first_of.into_iter().map(|first| of[first]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five images of each of eight groups, of which the last has both classes.
    #[test]
    fn groups_are_not_divided() {
        let groups: Vec<String> = (0..40).map(|row| format!("patient {}", row / 5)).collect();
        let target = |row: usize| usize::from(row >= 20 || row == 0);
        let set = Embeddings::new(vec![0.0; 40], 1, (0..40).map(target).collect()).unwrap();
        let set = set.with_groups(groups).unwrap();
        for folds in [2, 3, 5] {
            let of = drawn_folds(7, folds, &set);
            assert!(
                of.chunks(5)
                    .all(|group| group.iter().all(|fold| *fold == group[0]))
            );
            for class in 0..2 {
                let folds: HashSet<usize> = (0..40)
                    .filter(|&row| target(row) == class)
                    .map(|row| of[row])
                    .collect();
                assert!(folds.len() > 1, "{of:?}");
            }
        }
        // A class of one group is in one fold, which cannot be judged.
        let one = set.select(&[0, 1, 2, 3, 4, 20, 21, 22, 25, 26]);
        let one = one
            .with_groups(
                (0..10)
                    .map(|row| usize::from(row > 4).to_string())
                    .collect(),
            )
            .unwrap();
        let error = Folds::new(&HeadConfig::new(), &LogisticRegression::new(), &one);
        let error = error
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("their groups must not be divided"),
            "{error}"
        );
    }
}
