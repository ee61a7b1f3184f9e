use super::config::LogisticRegression;
use super::cross_validation::{self, FOLD_TOLERANCE, PASSES};
use super::objective::{Data, Problem};
use super::watcher::Watcher;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::config::HeadConfig;
use crate::head::report::{FitEvent, FitReport, Fitted, Search, Stopped};
use crate::head::training::Watch;

/// Passes that the final fit makes at least, so that a cancelled training still gives a usable head.
const FEWEST_PASSES: usize = 20;

/// Chooses the settings by cross-validation, then fits on all images.
pub(in crate::head) fn fit(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    images: &Embeddings,
    watch: Watch<'_>,
) -> Result<Fitted> {
    images.check_no_class_is_empty()?;
    let data = Data::new(images, config.label_smoothing);
    let mut watch = Watcher::new(watch);
    let choice = cross_validation::choose(config, recipe, images, &data, &mut watch)?;
    let best = choice.best.and_then(|index| choice.candidates.get(index));
    let (c, class_weights) = match best {
        Some(best) => (best.c, &best.class_weights),
        None => (recipe.regularization[0], &config.class_weights),
    };
    let per_class = class_weights.per_class(images.targets(), images.classes());
    let targets = images.targets().iter().enumerate();
    let weights = targets
        .map(|(row, &t)| per_class[t] * images.weight(row))
        .collect();
    // A cancelled choice still gives a head: the best setting so far, to the folds' tolerance.
    let tolerance = if watch.cancelled {
        FOLD_TOLERANCE.max(recipe.tolerance)
    } else {
        recipe.tolerance
    };
    let problem = Problem { weights, c };
    let solution = data
        .solve(&[problem], None, tolerance, PASSES, |pass, gradient| {
            let event = FitEvent::Pass {
                search: Search::Final,
                pass,
                gradient,
            };
            watch.tell(event) || pass < FEWEST_PASSES
        })
        .remove(0);
    let stopped = match (watch.cancelled, solution.converged) {
        (true, _) => Stopped::Cancelled,
        (false, true) => Stopped::Converged,
        (false, false) => Stopped::PassLimit,
    };
    let head = data.head(&solution)?;
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
    Ok(Fitted { head, report })
}
