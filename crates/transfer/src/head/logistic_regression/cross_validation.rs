//! The choice of `C` and of the class weights by cross-validation.

use std::collections::{HashMap, HashSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::LogisticRegression;
use super::objective::{Data, Problem, Solution};
use super::watcher::Watcher;
use crate::embeddings::{Embeddings, class_counts};
use crate::error::{Error, Result};
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;
use crate::head::network::{score, softmax};
use crate::head::report::{Candidate, FitEvent, Search};

/// The folds' fits need not be as close to the optimum as the final one.
pub(super) const FOLD_TOLERANCE: f64 = 1e-4;
/// Passes over the data before a search is given up as not converged.
pub(super) const PASSES: usize = 5000;
/// Rises of the log loss in a row after which larger `C` are not tried.
const RISES: usize = 2;

/// What cross-validation found.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) candidates: Vec<Candidate>,
    /// Index of the candidate with the lowest log loss.
    pub(super) best: Option<usize>,
    /// Its probabilities of the images held out.
    pub(super) out_of_fold: Vec<f64>,
}

impl Choice {
    fn add(&mut self, candidate: Candidate, probabilities: Vec<f64>) {
        let best = self.best.and_then(|index| self.candidates.get(index));
        if candidate.log_loss < best.map_or(f64::INFINITY, |best| best.log_loss) {
            self.best = Some(self.candidates.len());
            self.out_of_fold = probabilities;
        }
        self.candidates.push(candidate);
    }
}

/// One way to weight the classes, tried with larger and larger `C`.
struct Weighting {
    class_weights: ClassWeights,
    /// The folds' solutions for the last `C`, from which the next search starts.
    solutions: Vec<Solution>,
    last_log_loss: f64,
    /// Rises of the log loss in a row.
    rises: usize,
}

/// Judges the settings on held-out folds, from the smallest `C` up; all folds and class weightings at once.
pub(super) fn choose(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    images: &Embeddings,
    data: &Data<'_>,
    watcher: &mut Watcher<'_>,
) -> Result<Choice> {
    let mut weightings = weightings(&config.class_weights);
    let mut grid = recipe.regularization.clone();
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let mut choice = Choice::default();
    let most = grid.len() * weightings.len();
    if most == 1 {
        return Ok(choice);
    }
    let folds = Folds::new(config, recipe, images)?;
    let tolerance = FOLD_TOLERANCE.max(recipe.tolerance);
    for c in grid {
        let tried = choice.candidates.len();
        let tell = |pass, gradient| {
            watcher.tell(FitEvent::Pass {
                search: Search::CrossValidation { c, tried, most },
                pass,
                gradient,
            })
        };
        solve(&mut weightings, images, data, &folds, c, tolerance, tell);
        if watcher.cancelled {
            break;
        }
        for weighting in &mut weightings {
            let class_weights = &weighting.class_weights;
            let (candidate, probabilities) =
                judge(data, &weighting.solutions, images, &folds, c, class_weights)?;
            watcher.tell(FitEvent::Candidate(&candidate));
            let rises = candidate.log_loss > weighting.last_log_loss;
            weighting.rises = if rises { weighting.rises + 1 } else { 0 };
            weighting.last_log_loss = candidate.log_loss;
            choice.add(candidate, probabilities);
        }
        weightings.retain(|weighting| weighting.rises < RISES);
        if weightings.is_empty() || watcher.cancelled {
            break;
        }
    }
    Ok(choice)
}

fn weightings(class_weights: &ClassWeights) -> Vec<Weighting> {
    let tried = match class_weights {
        ClassWeights::Auto => vec![ClassWeights::None, ClassWeights::Balanced],
        other => vec![other.clone()],
    };
    let start = |class_weights| Weighting {
        class_weights,
        solutions: Vec::new(),
        last_log_loss: f64::INFINITY,
        rises: 0,
    };
    tried.into_iter().map(start).collect()
}

/// Solves the problems of all weightings and folds for one `C` together.
fn solve(
    weightings: &mut [Weighting],
    images: &Embeddings,
    data: &Data<'_>,
    folds: &Folds,
    c: f64,
    tolerance: f64,
    tell: impl FnMut(usize, f64) -> bool,
) {
    let mut problems = Vec::new();
    let mut starts = Vec::new();
    for weighting in weightings.iter_mut() {
        let outside = |fold| folds.problem_without(fold, images, &weighting.class_weights, c);
        problems.extend((0..folds.count).map(outside));
        starts.append(&mut weighting.solutions);
    }
    let start = (!starts.is_empty()).then_some(&starts[..]);
    let mut solutions = data
        .solve(&problems, start, tolerance, PASSES, tell)
        .into_iter();
    for weighting in weightings {
        weighting.solutions = solutions.by_ref().take(folds.count).collect();
    }
}

/// The log loss and accuracy of one setting on the images held out, and their probabilities.
fn judge(
    data: &Data<'_>,
    solutions: &[Solution],
    images: &Embeddings,
    folds: &Folds,
    c: f64,
    class_weights: &ClassWeights,
) -> Result<(Candidate, Vec<f64>)> {
    let classes = images.classes();
    let mut probabilities = vec![0.0; images.len() * classes];
    let mut losses = Vec::with_capacity(images.len());
    let mut right = 0;
    for (fold, solution) in solutions.iter().enumerate() {
        let head = data.head(solution)?;
        for (index, row) in images.values().chunks_exact(images.dim()).enumerate() {
            if folds.of[index] != fold {
                continue;
            }
            let mut p = head.logits(row)?;
            softmax(&mut p, 1.0);
            let (named, loss) = score(&p, images.targets()[index]);
            right += usize::from(named);
            losses.push(loss);
            probabilities[index * classes..(index + 1) * classes].copy_from_slice(&p);
        }
    }
    let n = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / n;
    let variance = losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let candidate = Candidate {
        c,
        class_weights: class_weights.clone(),
        log_loss: mean,
        standard_error: (variance / n).sqrt(),
        accuracy: right as f64 / n,
    };
    Ok((candidate, probabilities))
}

/// The fold of each image.
struct Folds {
    of: Vec<usize>,
    count: usize,
}

impl Folds {
    /// As given, or drawn.
    fn new(config: &HeadConfig, recipe: &LogisticRegression, images: &Embeddings) -> Result<Self> {
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

    /// The fit on the images outside a fold.
    fn problem_without(
        &self,
        fold: usize,
        images: &Embeddings,
        class_weights: &ClassWeights,
        c: f64,
    ) -> Problem {
        let targets = self.targets_without(fold, images);
        let per_class = class_weights.per_class(&targets, images.classes());
        let weight = |(row, (&target, &of)): (usize, (&usize, &usize))| {
            if of == fold {
                0.0
            } else {
                per_class[target] * images.weight(row)
            }
        };
        let rows = std::iter::zip(images.targets(), &self.of).enumerate();
        let weights = rows.map(weight).collect();
        Problem { weights, c }
    }
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
