use super::features::Features;
use super::path::{Path, Shared};
use super::preconditioner::Preconditioner;
use super::search;
use super::solve::Optimum;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::config::HeadConfig;
use crate::head::logistic_regression::choice::{Choice, FOLD_TOLERANCE, PASSES};
use crate::head::logistic_regression::config::LogisticRegression;
use crate::head::logistic_regression::folds::weights_of;
use crate::head::logistic_regression::watcher::Watcher;
use crate::head::network::Head;

/// A head for three classes or more, and how it was found.
pub(in crate::head::logistic_regression) struct Fit {
    pub(in crate::head::logistic_regression) head: Head,
    pub(in crate::head::logistic_regression) choice: Choice,
    pub(in crate::head::logistic_regression) optimum: Optimum,
}

/// Chooses the settings by cross-validation, then fits on all images.
pub(in crate::head::logistic_regression) fn fit(
    config: &HeadConfig,
    recipe: &LogisticRegression,
    images: &Embeddings,
    watcher: &mut Watcher<'_>,
) -> Result<Fit> {
    let features = Features::new(images);
    let shared = Shared {
        images,
        features: &features,
        preconditioner: &Preconditioner::new(&features),
        smoothing: config.label_smoothing,
    };
    let mut choice = search::choose(config, recipe, &shared, false, watcher)?;
    let (c, class_weights) = choice.setting(config, recipe);
    let weights = weights_of(images, class_weights);
    let rows: Vec<usize> = (0..images.len()).collect();
    let tolerance = watcher.final_tolerance(recipe);
    // In single precision to where it is exact enough for, and from there in double precision.
    let start = choice.near.take();
    let start = start.unwrap_or_else(|| vec![0.0; images.classes() * features.width()]);
    let near = Path::<f32>::new(&shared, &rows, weights.clone()).solve_from(
        start,
        c,
        (FOLD_TOLERANCE / images.classes() as f64).max(tolerance),
        PASSES,
        &mut |pass, gradient| watcher.tell_final(pass, gradient),
    );
    let mut optimum = Path::<f64>::new(&shared, &rows, weights).solve_from(
        near.parameters,
        c,
        tolerance,
        PASSES,
        &mut |pass, gradient| watcher.tell_final(near.evaluations + pass, gradient),
    );
    optimum.evaluations += near.evaluations;
    Ok(Fit {
        head: features.head(&optimum.parameters)?,
        choice,
        optimum,
    })
}
