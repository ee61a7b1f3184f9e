use super::choice::{Choice, PASSES};
use super::config::LogisticRegression;
use super::cross_validation;
use super::folds::weights_of;
use super::multinomial;
use super::objective::{Data, Problem};
use super::watcher::Watcher;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::config::HeadConfig;
use crate::head::network::Head;
use crate::head::report::{FitReport, Fitted, Stopped};
use crate::head::training::Watch;

/// How the search for the final head ended.
struct End {
    converged: bool,
    evaluations: usize,
    gradient_norm: f64,
}

/// Chooses the settings by cross-validation, then fits on all images.
pub(in crate::head) fn fit(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    images: &Embeddings,
    watch: Watch<'_>,
) -> Result<Fitted> {
    images.check_no_class_is_empty()?;
    let mut watcher = Watcher::new(watch);
    let (head, choice, end) = if images.classes() == 2 {
        of_two_classes(config, recipe, images, &mut watcher)?
    } else {
        let found = multinomial::fit::fit(config, recipe, images, &mut watcher)?;
        let end = End {
            converged: found.optimum.converged,
            evaluations: found.optimum.evaluations,
            gradient_norm: found.optimum.gradient_norm,
        };
        (found.head, found.choice, end)
    };
    let stopped = match (watcher.cancelled, end.converged) {
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
        steps: end.evaluations,
        gradient: Some(end.gradient_norm),
    };
    Ok(Fitted { head, report })
}

/// Two classes share one vector, so all settings and folds are searched in the same passes over the images.
fn of_two_classes(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    images: &Embeddings,
    watcher: &mut Watcher<'_>,
) -> Result<(Head, Choice, End)> {
    let data = Data::new(images, config.label_smoothing);
    let choice = cross_validation::choose(config, recipe, images, &data, watcher)?;
    let (c, class_weights) = choice.setting(config, recipe);
    let weights = weights_of(images, class_weights);
    let tolerance = watcher.final_tolerance(recipe);
    let problem = Problem { weights, c };
    let tell = |pass, gradient| watcher.tell_final(pass, gradient);
    let solution = data
        .solve(&[problem], None, tolerance, PASSES, tell)
        .remove(0);
    let head = data.head(&solution)?;
    let end = End {
        converged: solution.converged,
        evaluations: solution.evaluations,
        gradient_norm: solution.gradient_norm,
    };
    Ok((head, choice, end))
}
