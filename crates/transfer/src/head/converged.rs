//! The converged recipe: choose by cross-validation, then fit on everything.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::counts;
use super::logistic::{Data, Problem, Solution, outputs};
use super::network::softmax;
use super::{
    Candidate, ClassWeights, ConvergedConfig, Dense, FitEvent, FitReport, Head, HeadConfig, Stopped,
};
use crate::{Embeddings, Error, Result};

/// The folds' fits need not be as close to the optimum as the final one.
const FOLD_TOLERANCE: f64 = 1e-4;
/// Passes over the data before a search is given up as not converged.
const PASSES: usize = 5000;
/// Rises of the log loss in a row after which larger `C` are not tried.
const RISES: usize = 2;

pub(super) fn fit(
    config: &HeadConfig,
    recipe: &ConvergedConfig,
    images: &Embeddings,
    mut watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
) -> Result<(Head, FitReport)> {
    let classes = images.classes();
    let data = Data::new(
        images.values(),
        images.dim(),
        images.targets(),
        classes,
        config.label_smoothing,
    );
    let mut cancelled = false;
    let choice = choose(config, recipe, images, &data, &mut watch, &mut cancelled)?;
    let best = choice.best.and_then(|index| choice.candidates.get(index));
    let (c, class_weights) = match best {
        Some(best) => (best.c, best.class_weights.clone()),
        None => (recipe.regularisation[0], config.class_weights.clone()),
    };
    let by_class = HeadConfig::weights(&class_weights, images.targets(), classes);
    let weights = images.targets().iter().map(|&t| by_class[t]).collect();
    // A cancelled choice still gives a head: the best setting so far, to the folds' tolerance.
    let tolerance = if cancelled {
        FOLD_TOLERANCE.max(recipe.tolerance)
    } else {
        recipe.tolerance
    };
    let solution = data
        .solve(
            &[Problem { weights, c }],
            None,
            tolerance,
            PASSES,
            |pass, gradient| {
                cancelled |= watch(FitEvent::Pass { pass, gradient }).is_break();
                !cancelled || pass < 20
            },
        )
        .remove(0);
    let stopped = match (cancelled, solution.converged) {
        (true, _) => Stopped::Cancelled,
        (false, true) => Stopped::Converged,
        (false, false) => Stopped::PassLimit,
    };
    let report = FitReport {
        config: config.clone(),
        images: images.len(),
        candidates: choice.candidates,
        choice: choice.best,
        out_of_fold: choice.out_of_fold,
        history: Vec::new(),
        stopped,
        steps: solution.evaluations,
        gradient: Some(solution.gradient_norm),
    };
    Ok((head(&data, &solution, images.dim(), classes)?, report))
}

/// What cross-validation found.
#[derive(Default)]
struct Choice {
    candidates: Vec<Candidate>,
    /// Index of the one with the lowest log loss.
    best: Option<usize>,
    /// Its probabilities of the images held out.
    out_of_fold: Vec<f64>,
}

/// Judges the settings on held-out folds, from the smallest `C` up; all folds and class weightings at once.
fn choose(
    config: &HeadConfig,
    recipe: &ConvergedConfig,
    images: &Embeddings,
    data: &Data<'_>,
    watch: &mut impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
    cancelled: &mut bool,
) -> Result<Choice> {
    let found = counts(images.targets(), images.classes());
    if let Some(class) = found.iter().position(|&n| n == 0) {
        return Err(Error::TooFewImages {
            class: images.class_name(class),
            found: 0,
            needed: 1,
        });
    }
    let mut weightings = match &config.class_weights {
        ClassWeights::Auto => vec![ClassWeights::None, ClassWeights::Balanced],
        other => vec![other.clone()],
    };
    let mut grid = recipe.regularisation.clone();
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    if grid.len() * weightings.len() == 1 {
        return Ok(Choice::default());
    }
    let folds = folds(config, recipe, images)?;
    let fold_count = folds.iter().max().map_or(0, |&f| f + 1);
    let mut choice = Choice::default();
    let mut lowest = f64::INFINITY;
    let mut starts: Vec<Solution> = Vec::new();
    let mut rises = vec![(f64::INFINITY, 0); weightings.len()];
    for c in grid {
        let problems: Vec<Problem> = weightings
            .iter()
            .flat_map(|weighting| {
                (0..fold_count)
                    .map(|fold| problem(weighting, images, &folds, fold, c))
                    .collect::<Vec<_>>()
            })
            .collect();
        let tolerance = FOLD_TOLERANCE.max(recipe.tolerance);
        let start = (!starts.is_empty()).then_some(&starts[..]);
        starts = data.solve(&problems, start, tolerance, PASSES, |pass, gradient| {
            *cancelled |= watch(FitEvent::Pass { pass, gradient }).is_break();
            !*cancelled
        });
        if *cancelled {
            break;
        }
        let mut keep = Vec::new();
        for (index, solutions) in starts.chunks_exact(fold_count).enumerate() {
            let (candidate, probabilities) =
                judge(data, solutions, images, &folds, c, &weightings[index])?;
            *cancelled |= watch(FitEvent::Candidate(&candidate)).is_break();
            let (last, rise) = &mut rises[index];
            *rise = if candidate.log_loss > *last {
                *rise + 1
            } else {
                0
            };
            *last = candidate.log_loss;
            keep.push(*rise < RISES);
            if candidate.log_loss < lowest {
                lowest = candidate.log_loss;
                choice.best = Some(choice.candidates.len());
                choice.out_of_fold = probabilities;
            }
            choice.candidates.push(candidate);
        }
        let mut each = keep.iter();
        weightings.retain(|_| each.next().copied().unwrap_or(false));
        let mut each = keep.iter();
        rises.retain(|_| each.next().copied().unwrap_or(false));
        let mut each = keep.iter().flat_map(|k| std::iter::repeat_n(k, fold_count));
        starts.retain(|_| each.next().copied().unwrap_or(false));
        if weightings.is_empty() || *cancelled {
            break;
        }
    }
    Ok(choice)
}

/// The images outside a fold, weighted.
fn problem(
    weighting: &ClassWeights,
    images: &Embeddings,
    folds: &[usize],
    fold: usize,
    c: f64,
) -> Problem {
    let inside: Vec<usize> = images
        .targets()
        .iter()
        .zip(folds)
        .filter(|(_, f)| **f != fold)
        .map(|(&t, _)| t)
        .collect();
    let by_class = HeadConfig::weights(weighting, &inside, images.classes());
    let weights = images
        .targets()
        .iter()
        .zip(folds)
        .map(|(&target, &f)| if f == fold { 0.0 } else { by_class[target] })
        .collect();
    Problem { weights, c }
}

fn judge(
    data: &Data<'_>,
    solutions: &[Solution],
    images: &Embeddings,
    folds: &[usize],
    c: f64,
    class_weights: &ClassWeights,
) -> Result<(Candidate, Vec<f64>)> {
    let classes = images.classes();
    let mut probabilities = vec![0.0; images.len() * classes];
    let mut losses = Vec::with_capacity(images.len());
    let mut right = 0;
    for (fold, solution) in solutions.iter().enumerate() {
        let head = head(data, solution, images.dim(), classes)?;
        for (index, row) in images.values().chunks_exact(images.dim()).enumerate() {
            if folds[index] != fold {
                continue;
            }
            let target = images.targets()[index];
            let mut p = head.logits(row)?;
            softmax(&mut p, 1.0);
            let (named, loss) = score(&p, target);
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

/// The fold of each row: as given, or dealt out class by class in a random order, so that every class is in every
/// fold. Rows of one name, which are variants of an image, share a fold.
fn folds(config: &HeadConfig, recipe: &ConvergedConfig, images: &Embeddings) -> Result<Vec<usize>> {
    let classes = images.classes();
    let folds = if let Some(given) = &recipe.fold_of {
        given.clone()
    } else {
        let smallest = counts(images.targets(), classes)
            .into_iter()
            .min()
            .unwrap_or(0);
        let count = recipe.folds.min(smallest).max(2);
        let mut firsts = HashMap::new();
        let first_of: Vec<usize> = (0..images.len())
            .map(|row| {
                let name = images.names().get(row);
                name.map_or(row, |name| *firsts.entry(name).or_insert(row))
            })
            .collect();
        let mut folds = vec![0; images.len()];
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut next = 0;
        for class in 0..classes {
            let mut rows: Vec<usize> = (0..images.len())
                .filter(|&row| images.targets()[row] == class && first_of[row] == row)
                .collect();
            rows.shuffle(&mut rng);
            for row in rows {
                folds[row] = next % count;
                next += 1;
            }
        }
        first_of.into_iter().map(|first| folds[first]).collect()
    };
    let count = folds.iter().max().map_or(0, |&f| f + 1);
    if count < 2 || count > images.len() {
        return Err(Error::mismatch(
            "folds",
            format!("2 to {}, numbered from 0", images.len()),
            count,
        ));
    }
    for fold in 0..count {
        let outside = images
            .targets()
            .iter()
            .zip(&folds)
            .filter(|(_, f)| **f != fold)
            .map(|(&t, _)| t);
        let counts = counts(&outside.collect::<Vec<_>>(), classes);
        if let Some(class) = counts.iter().position(|&n| n == 0) {
            let rows = (0..images.len()).filter(|&row| images.targets()[row] == class);
            let of_class: HashSet<_> = rows.map(|row| images.names().get(row).ok_or(row)).collect();
            let (found, class) = (of_class.len(), images.class_name(class));
            return Err(if found < 2 {
                Error::TooFewImages {
                    class,
                    found,
                    needed: 2,
                }
            } else {
                Error::mismatch(
                    format!("fold {fold}"),
                    "images of every class outside of it",
                    format!("all {found} of class `{class}` in it"),
                )
            });
        }
    }
    Ok(folds)
}

/// A solution as a head. Two classes share one vector: half of it each, with opposite signs.
fn head(data: &Data<'_>, solution: &Solution, dim: usize, classes: usize) -> Result<Head> {
    let (w, b) = data.uncentred(solution);
    let narrow = |values: &[f64], scale: f64| {
        values
            .iter()
            .map(|v| (v * scale) as f32)
            .collect::<Vec<f32>>()
    };
    let (weights, bias) = if outputs(classes) == 1 {
        (
            [narrow(&w, -0.5), narrow(&w, 0.5)].concat(),
            [narrow(&b, -0.5), narrow(&b, 0.5)].concat(),
        )
    } else {
        (narrow(&w, 1.0), narrow(&b, 1.0))
    };
    Head::new(vec![Dense::new(dim, weights, bias)?])
}

/// The first of the largest values: where classes tie, the first of them is named, everywhere.
pub(crate) fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// Whether a row of probabilities names the target, and its cross-entropy, which is finite (clipped as scikit-learn
/// does).
pub(crate) fn score(probabilities: &[f64], target: usize) -> (bool, f64) {
    let own = probabilities.get(target).copied().unwrap_or(0.0);
    (argmax(probabilities) == target, -own.max(f64::EPSILON).ln())
}

#[cfg(test)]
mod tests {
    use super::{argmax, score};

    #[test]
    fn of_classes_that_tie_the_first_is_named() {
        assert_eq!(argmax(&[0.2f32, 0.4, 0.4]), 1);
        assert!(score(&[0.2, 0.4, 0.4], 1).0);
        assert!(!score(&[0.2, 0.4, 0.4], 2).0);
        assert_eq!(score(&[1.0, 0.0], 1), (false, -f64::EPSILON.ln()));
    }
}
