//! The choice of `C` and of the class weights by cross-validation, for two classes: all settings and folds share each pass
//! over the images.

use super::choice::{Choice, FOLD_TOLERANCE, PASSES, RISES, candidate, weightings};
use super::config::LogisticRegression;
use super::folds::Folds;
use super::objective::{Data, Problem, Solution};
use super::watcher::Watcher;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;
use crate::head::network::{score, softmax};
use crate::head::report::{Candidate, FitEvent, Search};

/// Passes that a search makes about, weighted by how many settings and folds still take part.
const EXPECTED_PASSES: usize = 200;

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
    let mut weightings = starts(weightings(&config.class_weights, images.targets()));
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
    watcher.expect(EXPECTED_PASSES);
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

fn starts(weightings: Vec<ClassWeights>) -> Vec<Weighting> {
    let start = |class_weights| Weighting {
        class_weights,
        solutions: Vec::new(),
        last_log_loss: f64::INFINITY,
        rises: 0,
    };
    weightings.into_iter().map(start).collect()
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
        let outside = |fold| problem_without(folds, fold, images, &weighting.class_weights, c);
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
    let candidate = candidate(c, class_weights, &losses, right);
    Ok((candidate, probabilities))
}

/// The fit on the images outside a fold.
fn problem_without(
    folds: &Folds,
    fold: usize,
    images: &Embeddings,
    class_weights: &ClassWeights,
    c: f64,
) -> Problem {
    let mut weights = vec![0.0; images.len()];
    let (rows, outside) = folds.weights_without(fold, images, class_weights);
    for (row, weight) in rows.into_iter().zip(outside) {
        weights[row] = weight;
    }
    Problem { weights, c }
}
