use serde::{Deserialize, Serialize};

use crate::checks::{check_flat, check_length, check_probabilities};
use crate::conformal::classifier::calibration_samples;
use crate::conformal::options::Conformal;
use crate::conformal::quantile::{TOLERANCE, check_enough};
use crate::conformal::sets::PredictionSets;
use crate::error::{Error, Place, Result};
use crate::predictions::Predictions;

/// What [`Predictions::cross_conformal`] learned from out-of-fold answers (CV+). To make the sets of new samples it needs the
/// answers of the classifiers of all folds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CrossConformal {
    options: Conformal,
    classes: Vec<String>,
    /// For each group of classes (one, or one for each class) and each fold, the scores in ascending order.
    scores: Vec<Vec<Vec<f64>>>,
}

impl Predictions {
    /// Calibrates prediction sets on out-of-fold answers: the probabilities of each sample are those of the classifier that
    /// was trained on all folds but the one that the sample is in. `folds` has the fold of each sample, from 0.
    ///
    /// The coverage of the sets is at least `1 - 2(1 - c) - sqrt(2/n)` for a promise of `c`, and in practice about `c`; see
    /// [`crate::conformal`].
    ///
    /// # Errors
    /// The errors of [`Predictions::conformal`], if there is not one fold for each sample, or if there are fewer than two
    /// folds or one of them has no samples.
    pub fn cross_conformal(&self, folds: &[usize], options: &Conformal) -> Result<CrossConformal> {
        options.check(self)?;
        check_length("folds", self.len(), folds.len())?;
        let count = folds.iter().max().map_or(0, |last| last.saturating_add(1));
        if !(2..=self.len()).contains(&count) {
            let expected = "at least 2, and at most one for each sample; they are counted from 0";
            return Err(Error::setting("number of folds", count, expected));
        }
        if let Some(fold) = (0..count).find(|fold| !folds.contains(fold)) {
            let expected = format!("a sample in each of the {count} folds");
            return Err(Error::setting("fold without samples", fold, expected));
        }
        let groups = if options.per_class {
            self.classes.len()
        } else {
            1
        };
        let mut scores = vec![vec![Vec::new(); count]; groups];
        for (sample, (&target, &fold)) in self.targets.iter().zip(folds).enumerate() {
            let group = if options.per_class { target } else { 0 };
            scores[group][fold].push(options.of_target(self, sample));
        }
        for (group, folds) in scores.iter_mut().enumerate() {
            let n = folds.iter().map(Vec::len).sum();
            check_enough(n, options.coverage, || {
                calibration_samples(options, &self.classes, group)
            })?;
            for fold in folds {
                fold.sort_unstable_by(f64::total_cmp);
            }
        }
        Ok(CrossConformal {
            options: *options,
            classes: self.classes.clone(),
            scores,
        })
    }
}

impl CrossConformal {
    /// The settings.
    pub fn options(&self) -> &Conformal {
        &self.options
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Number of folds.
    pub fn folds(&self) -> usize {
        self.scores[0].len()
    }

    /// The sets of new samples. `probabilities` has, for each fold, the answers of its classifier to all samples, row after
    /// row.
    ///
    /// A class is in the set unless at least `(n + 1) c` of the calibration samples have a lower score than the class has by
    /// the classifier of their fold.
    ///
    /// # Errors
    /// If the answers of a fold are missing, lengths differ, or a row is not one of probabilities.
    pub fn sets(&self, probabilities: &[&[f64]]) -> Result<PredictionSets> {
        let k = self.classes.len();
        if probabilities.len() != self.folds() {
            let (found, expected) = (probabilities.len(), self.folds().to_string());
            return Err(Error::setting(
                "number of folds with answers",
                found,
                expected,
            ));
        }
        let samples = probabilities[0].len() / k;
        for answers in probabilities {
            check_flat(samples, answers.len(), k)?;
            for (row, values) in answers.chunks_exact(k).enumerate() {
                check_probabilities(Place::Row(row), values)?;
            }
        }
        let mut included = Vec::with_capacity(samples * k);
        let mut below = vec![0_usize; k];
        for sample in 0..samples {
            let u = self.options.u(sample as u64);
            below.fill(0);
            for (fold, answers) in probabilities.iter().enumerate() {
                let row = &answers[sample * k..(sample + 1) * k];
                let scores = self.options.score.scores(row, u);
                for (class, score) in scores.into_iter().enumerate() {
                    let of_fold = &self.group(class)[fold];
                    below[class] += of_fold.partition_point(|&other| other < score - TOLERANCE);
                }
            }
            included.extend(below.iter().enumerate().map(|(class, &below)| {
                let n: usize = self.group(class).iter().map(Vec::len).sum();
                // 0.55 times 100 is a little more than 55.
                (below as f64) < (n + 1) as f64 * self.options.coverage - 1e-9
            }));
        }
        Ok(PredictionSets::new(self.classes.clone(), included))
    }

    /// The scores to compare those of a class with.
    fn group(&self, class: usize) -> &[Vec<f64>] {
        &self.scores[if self.options.per_class { class } else { 0 }]
    }
}
