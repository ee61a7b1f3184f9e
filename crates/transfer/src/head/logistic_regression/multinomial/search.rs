//! The choice of `C` and of the class weights by cross-validation, for three classes or more.
//!
//! All settings are tried on the first fold. Those that are worse there than the best by more than chance are dropped, and
//! the other folds judge the rest.

use std::mem;

use super::path::{Path, Shared, probabilities};
use crate::error::Result;
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;
use crate::head::logistic_regression::choice::{
    Choice, FOLD_TOLERANCE, PASSES, RISES, candidate, weightings,
};
use crate::head::logistic_regression::config::LogisticRegression;
use crate::head::logistic_regression::folds::Folds;
use crate::head::logistic_regression::watcher::Watcher;
use crate::head::network::score;
use crate::head::report::{FitEvent, Search};

/// A setting is dropped where its log loss on the first fold is higher by more than so many standard errors of the
/// difference.
const ERRORS: f64 = 4.0;
/// With fewer images in the first fold, nothing is dropped.
const FEWEST: usize = 30;
/// The optimum for a `C` that is only on the way to others may be so much less exact.
const ON_THE_WAY: f64 = 10.0;

/// Passes over the first fold, about, and over each of the others; the fit on all images takes as many as those.
const FIRST_PASSES: usize = 150;
const LATER_PASSES: usize = 60;

/// Single precision is far more exact than the folds' tolerance.
type Precision = f32;

/// What the images of one fold say about a setting.
#[derive(Clone)]
struct Judged {
    losses: Vec<f64>,
    right: usize,
    /// `[images of the fold, classes]`.
    probabilities: Vec<f64>,
}

/// A setting that was tried on the first fold.
struct Tried {
    c: f64,
    weighting: usize,
    judged: Judged,
}

/// The search, with the path of each fold along `C`.
struct Race<'a, 'w> {
    shared: &'a Shared<'a>,
    folds: Folds,
    /// Ascending.
    grid: Vec<f64>,
    weightings: Vec<ClassWeights>,
    tolerance: f64,
    /// Settings that need no further work.
    done: usize,
    watcher: &'a mut Watcher<'w>,
}

/// Judges the settings on held-out folds. Where `all` is set, none is dropped.
pub(in crate::head::logistic_regression) fn choose(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    shared: &Shared<'_>,
    all: bool,
    watcher: &mut Watcher<'_>,
) -> Result<Choice> {
    let images = shared.images;
    let weightings = weightings(&config.class_weights, images.targets());
    let mut grid = recipe.regularization.clone();
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    if grid.len() * weightings.len() == 1 {
        return Ok(Choice::default());
    }
    let mut race = Race {
        shared,
        folds: Folds::new(config, recipe, images)?,
        grid,
        weightings,
        // A class has its share of the images in each entry of its gradient.
        tolerance: (FOLD_TOLERANCE / images.classes() as f64).max(recipe.tolerance),
        done: 0,
        watcher,
    };
    let folds = race.folds.count;
    race.watcher
        .expect(FIRST_PASSES + (folds - 1) * LATER_PASSES);
    let tried = race.first_fold(all);
    let so_far = tried.get(best(&tried)).map(|tried| tried.c);
    let choice = race.other_folds(tried);
    Ok(Choice { so_far, ..choice })
}

impl<'a> Race<'a, '_> {
    /// The settings that may be the best, by the images of the first fold.
    fn first_fold(&mut self, all: bool) -> Vec<Tried> {
        let mut tried: Vec<Tried> = Vec::new();
        for weighting in 0..self.weightings.len() {
            // A weighting hardly changes which `C` is best.
            let grid: Vec<f64> = if weighting == 0 {
                self.grid.clone()
            } else {
                tried.iter().map(|tried| tried.c).collect()
            };
            let mut path = self.path(0, weighting);
            self.approach(&mut path, grid.first().copied());
            let mut worse = 0;
            for c in grid {
                let Some(judged) = self.judge(&mut path, 0, c) else {
                    return tried;
                };
                tried.push(Tried {
                    c,
                    weighting,
                    judged,
                });
                let best = &tried[best(&tried)].judged;
                let is_worse = |tried: &Tried| !all && is_worse(&tried.judged, best);
                self.done = tried.iter().filter(|tried| is_worse(tried)).count();
                worse = match tried.last() {
                    Some(newest) if is_worse(newest) => worse + 1,
                    _ => 0,
                };
                if worse == RISES {
                    break;
                }
            }
            if !all {
                for dropped in drop_worse(&mut tried) {
                    let Judged { losses, right, .. } = &dropped.judged;
                    let weights = &self.weightings[dropped.weighting];
                    let found = candidate(dropped.c, weights, losses, *right);
                    self.watcher.tell(FitEvent::Dropped(&found));
                }
            }
        }
        self.done = self.grid.len() * self.weightings.len() - tried.len();
        tried.sort_by(|a, b| a.c.total_cmp(&b.c).then(a.weighting.cmp(&b.weighting)));
        tried
    }

    /// Judges what is left on the other folds, from the smallest `C` up.
    fn other_folds(&mut self, tried: Vec<Tried>) -> Choice {
        let mut choice = Choice::default();
        let mut paths: Vec<Vec<Path<'a, Precision>>> = Vec::new();
        for weighting in 0..self.weightings.len() {
            let first = tried.iter().find(|tried| tried.weighting == weighting);
            let first = first.map(|tried| tried.c);
            let mut of_folds = Vec::new();
            for fold in 1..self.folds.count {
                if first.is_none() {
                    break;
                }
                let mut path = self.path(fold, weighting);
                self.approach(&mut path, first);
                of_folds.push(path);
            }
            paths.push(of_folds);
        }
        let mut last = vec![(f64::INFINITY, 0); self.weightings.len()];
        for Tried {
            c,
            weighting,
            judged,
        } in tried
        {
            if last[weighting].1 == RISES {
                self.done += 1;
                continue;
            }
            let mut folds = vec![judged];
            for fold in 1..self.folds.count {
                let Some(judged) = self.judge(&mut paths[weighting][fold - 1], fold, c) else {
                    return choice;
                };
                folds.push(judged);
            }
            let losses: Vec<f64> = folds
                .iter()
                .flat_map(|fold| &fold.losses)
                .copied()
                .collect();
            let right = folds.iter().map(|fold| fold.right).sum();
            let found = candidate(c, &self.weightings[weighting], &losses, right);
            self.watcher.tell(FitEvent::Candidate(&found));
            let (before, rises) = last[weighting];
            let rises = if found.log_loss > before {
                rises + 1
            } else {
                0
            };
            last[weighting] = (found.log_loss, rises);
            self.done += 1;
            if choice.add(found, self.out_of_fold(&folds)) {
                choice.near = mean(paths[weighting].iter().filter_map(Path::newest));
            }
            if self.watcher.cancelled {
                break;
            }
        }
        choice
    }

    fn path(&self, fold: usize, weighting: usize) -> Path<'a, Precision> {
        let images = self.shared.images;
        let class_weights = &self.weightings[weighting];
        let (rows, weights) = self.folds.weights_without(fold, images, class_weights);
        Path::new(self.shared, &rows, weights)
    }

    /// Takes a path near to its first `C`, by every second of the smaller ones.
    fn approach(&mut self, path: &mut Path<'_, Precision>, first: Option<f64>) {
        let Some(at) = self.grid.iter().position(|&c| Some(c) == first) else {
            return;
        };
        for on_the_way in (at % 2..at).step_by(2) {
            let tolerance = ON_THE_WAY * self.tolerance;
            self.go_to(path, self.grid[on_the_way], tolerance);
        }
    }

    fn go_to(&mut self, path: &mut Path<'_, Precision>, c: f64, tolerance: f64) -> Vec<f64> {
        let (tried, most) = (self.done, self.grid.len() * self.weightings.len());
        let watcher = &mut *self.watcher;
        let mut watch = |pass, gradient| {
            watcher.tell(FitEvent::Pass {
                search: Search::CrossValidation { c, tried, most },
                pass,
                gradient,
            })
        };
        path.go_to(c, tolerance, PASSES, &mut watch).parameters
    }

    /// The losses of a fold's images for one more `C`; `None` where the training was cancelled.
    fn judge(&mut self, path: &mut Path<'_, Precision>, fold: usize, c: f64) -> Option<Judged> {
        if self.watcher.cancelled {
            return None;
        }
        let parameters = self.go_to(path, c, self.tolerance);
        if self.watcher.cancelled {
            return None;
        }
        let images = self.shared.images;
        let rows = self.folds.rows_of(fold);
        let probabilities = probabilities::<Precision>(self.shared, &rows, &parameters);
        let answers = rows
            .iter()
            .zip(probabilities.chunks_exact(images.classes()));
        let scores: Vec<(bool, f64)> = answers
            .map(|(&row, answer)| score(answer, images.targets()[row]))
            .collect();
        Some(Judged {
            right: scores.iter().filter(|(right, _)| *right).count(),
            losses: scores.into_iter().map(|(_, loss)| loss).collect(),
            probabilities,
        })
    }

    /// The probabilities of all images, in their order.
    fn out_of_fold(&self, folds: &[Judged]) -> Vec<f64> {
        let classes = self.shared.images.classes();
        let mut all = vec![0.0; self.shared.images.len() * classes];
        for (fold, judged) in folds.iter().enumerate() {
            let answers = judged.probabilities.chunks_exact(classes);
            for (row, answer) in self.folds.rows_of(fold).into_iter().zip(answers) {
                all[row * classes..(row + 1) * classes].copy_from_slice(answer);
            }
        }
        all
    }
}

/// The mean of the optima of folds, of which each lacks a fifth of the images or so.
fn mean<'p>(optima: impl Iterator<Item = &'p [f64]>) -> Option<Vec<f64>> {
    let optima: Vec<_> = optima.collect();
    let (first, others) = optima.split_first()?;
    let mut mean = first.to_vec();
    for optimum in others {
        mean.iter_mut().zip(*optimum).for_each(|(m, v)| *m += v);
    }
    mean.iter_mut().for_each(|m| *m /= optima.len() as f64);
    Some(mean)
}

/// The index of the lowest log loss.
fn best(tried: &[Tried]) -> usize {
    let mean = |tried: &Tried| tried.judged.losses.iter().sum::<f64>();
    let order = (0..tried.len()).min_by(|&a, &b| mean(&tried[a]).total_cmp(&mean(&tried[b])));
    order.unwrap_or(0)
}

/// Takes out what is worse than the best beyond chance, but for its neighbors.
fn drop_worse(tried: &mut Vec<Tried>) -> Vec<Tried> {
    let best = best(tried);
    let judged = tried[best].judged.clone();
    let weighting = tried[best].weighting;
    let (dropped, kept): (Vec<_>, Vec<_>) =
        mem::take(tried)
            .into_iter()
            .enumerate()
            .partition(|(at, tried)| {
                let near = tried.weighting == weighting && at + 1 >= best && *at <= best + 1;
                !near && is_worse(&tried.judged, &judged)
            });
    tried.extend(kept.into_iter().map(|(_, tried)| tried));
    dropped.into_iter().map(|(_, tried)| tried).collect()
}

/// Whether the losses are higher than the best ones by more than chance.
fn is_worse(judged: &Judged, best: &Judged) -> bool {
    let n = judged.losses.len();
    let differences = || judged.losses.iter().zip(&best.losses).map(|(a, b)| a - b);
    let mean = differences().sum::<f64>() / n as f64;
    let variance = differences().map(|d| (d - mean) * (d - mean)).sum::<f64>();
    let error = (variance / (n as f64 * (n as f64 - 1.0))).sqrt();
    n >= FEWEST && mean > ERRORS * error
}
