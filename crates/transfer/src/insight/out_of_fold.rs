use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::{Embeddings, Error, HeadConfig, Result};

/// Probabilities `[n, classes]` of every image, each by a head that was fitted without it: what
/// [`label_noise`](super::label_noise()) needs, and an honest estimate of how good a head on these images is.
///
/// `folds` (at least 2; 5 is usual) stratified by class, drawn from `seed`. `config` should not choose its
/// regularisation anew in each fold: [`ConvergedConfig::with_regularisation`](crate::ConvergedConfig::with_regularisation)
/// with one value.
///
/// # Errors
/// [`Error::Setting`] where there are too few folds; [`Error::TooFewImages`] where a class has fewer images than there
/// are folds; as [`HeadConfig::fit`].
pub fn out_of_fold(
    set: &Embeddings,
    config: &HeadConfig,
    folds: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    if folds < 2 {
        return Err(Error::Setting {
            setting: "folds",
            value: folds.to_string(),
            hint: "2 or more",
        });
    }
    let classes = set.classes();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut fold_of = vec![0; set.len()];
    for class in 0..classes {
        let mut members: Vec<usize> = (0..set.len())
            .filter(|&i| set.targets()[i] == class)
            .collect();
        if members.len() < folds {
            return Err(Error::TooFewImages {
                class,
                found: members.len(),
                needed: folds,
            });
        }
        members.shuffle(&mut random);
        for (position, image) in members.into_iter().enumerate() {
            fold_of[image] = position % folds;
        }
    }
    let none = set.select(&[]);
    let mut probabilities = vec![0.0; set.len() * classes];
    for fold in 0..folds {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..set.len()).partition(|&i| fold_of[i] == fold);
        let (head, _) = config.fit(&set.select(&rest), &none)?;
        let found = head.probabilities(set.select(&held).values())?;
        for (&image, row) in held.iter().zip(found.chunks_exact(classes)) {
            probabilities[image * classes..][..classes].copy_from_slice(row);
        }
    }
    Ok(probabilities)
}
