use super::checkpoint::File;
use super::config::GradientDescent;
use super::state::{Best, State};
use super::trainer::Trainer;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::network::Dense;
use crate::head::report::{FitEvent, Fitted, Stopped};
use crate::head::training::{HeadTraining, Watch};

pub(in crate::head) fn fit(recipe: &GradientDescent, request: HeadTraining<'_>) -> Result<Fitted> {
    let HeadTraining {
        config,
        training,
        validation,
        start,
        checkpoint,
        rows,
        mut watch,
    } = request;
    let file = checkpoint.map(|c| c.of(config, training, &validation, start));
    let resumed = file.as_ref().map_or(Ok(None), File::load)?;
    let mut state = match resumed {
        Some(state) => state,
        None => State::new(config, recipe, training, start)?,
    };
    let mut trainer = Trainer::new(config, recipe, training, rows);
    let stopped = loop {
        if let Some(stopped) = step(recipe, &validation, &mut trainer, &mut state, &mut watch)? {
            break stopped;
        }
        if let Some(file) = &file {
            file.save_now_and_then(&state)?;
        }
    };
    if let Some(file) = file {
        // What was cancelled can go on; what is done is there until the caller has saved it.
        file.save(&state)?;
    }
    state.finish(config, training.len(), stopped)
}

/// Takes one step, and evaluates it where that is due. Returns why the training ends, if it does.
fn step(
    recipe: &GradientDescent,
    validation: &Embeddings,
    trainer: &mut Trainer<'_>,
    state: &mut State,
    watch: &mut Watch<'_>,
) -> Result<Option<Stopped>> {
    // A state that was saved at its end.
    if state.steps >= recipe.steps {
        return Ok(Some(Stopped::Steps));
    }
    if recipe.patience.is_some_and(|looks| state.stale >= looks) {
        return Ok(Some(Stopped::Early));
    }
    let step = state.steps;
    trainer.step(state)?;
    state.steps += 1;
    let last = state.steps == recipe.steps;
    if !step.is_multiple_of(recipe.eval_interval) && !last {
        return Ok(None);
    }
    let mut weights = state.layers.iter().flat_map(Dense::weights);
    if weights.any(|w| !w.is_finite()) {
        return Err(Error::setting(
            "learning_rate",
            recipe.learning_rate,
            "a smaller one: with this one the weights grow without bounds",
        ));
    }
    let record = trainer.evaluate(state, step, validation);
    let ended = watch(FitEvent::Step {
        record: &record,
        layers: &state.layers,
        steps: recipe.steps,
    })
    .is_break();
    let loss = record.validation.map_or(f64::INFINITY, |v| v.cross_entropy);
    state.history.push(record);
    if let Some(patience) = recipe.patience {
        if state.best.as_ref().is_none_or(|best| loss < best.loss) {
            state.best = Some(Best {
                layers: state.layers.clone(),
                loss,
                steps: state.steps,
            });
            state.stale = 0;
        } else {
            state.stale += 1;
        }
        if state.stale >= patience && !last {
            return Ok(Some(Stopped::Early));
        }
    }
    Ok(match (last, ended) {
        (true, _) => Some(Stopped::Steps),
        (false, true) => Some(Stopped::Cancelled),
        (false, false) => None,
    })
}
