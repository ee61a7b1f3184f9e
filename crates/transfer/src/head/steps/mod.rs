//! Training by gradient steps on batches.
//!
//! The state between two steps is the weights, the optimiser's moments and the number of the step: batches,
//! dropout and validation draws come from generators seeded by that number, so a run that stops anywhere can go
//! on from its state and end in the same bytes.

mod checkpoint;
mod passes;
mod state;
mod trainer;

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::checkpoint::Checkpoint;
use self::state::{Best, State};
use self::trainer::Trainer;
use super::{Dense, FitEvent, FitReport, Head, HeadConfig, StepsConfig, Stopped};
use crate::{Embeddings, Error, Result};

/// What a generator is for; the rest of its stream's number is the step or the round.
#[derive(Clone, Copy)]
enum Purpose {
    Start,
    Batch,
    Dropout,
    Look,
}

/// Gives the embeddings `[images, dim]` that a step shall learn from, for these training images.
pub(super) type Fresh<'a> = &'a mut dyn FnMut(usize, &[usize]) -> Result<Vec<f32>>;

/// Where a training begins, if not at random weights, and what it learns from, if not the embeddings as they are.
#[derive(Default)]
pub(super) struct Start<'a> {
    pub(super) head: Option<&'a Head>,
    pub(super) checkpoint: Option<&'a Checkpoint>,
    pub(super) fresh: Option<Fresh<'a>>,
}

pub(super) fn fit<'a>(
    config: &'a HeadConfig,
    recipe: &'a StepsConfig,
    training: &'a Embeddings,
    validation: &Embeddings,
    start: Start<'a>,
    mut watch: impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
) -> Result<(Head, FitReport)> {
    let file = start.checkpoint;
    let file = file.map(|c| c.of(config, training, validation, start.head));
    let resumed = file.as_ref().map_or(Ok(None), checkpoint::File::load)?;
    let mut state = match resumed {
        Some(state) => state,
        None => State::new(config, recipe, training, start.head)?,
    };
    let mut trainer = Trainer::new(config, recipe, training, start.fresh);
    let stopped = loop {
        if let Some(stopped) = step(recipe, validation, &mut trainer, &mut state, &mut watch)? {
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

/// Takes one step, with a look at it where one is due; says why the training ends, if it does.
fn step(
    recipe: &StepsConfig,
    validation: &Embeddings,
    trainer: &mut Trainer<'_>,
    state: &mut State,
    watch: &mut impl FnMut(FitEvent<'_>) -> ControlFlow<()>,
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
        return Err(Error::Setting {
            setting: "learning_rate",
            value: recipe.learning_rate.to_string(),
            hint: "the weights grew without bounds; choose a smaller one",
        });
    }
    let record = trainer.look(state, step, validation);
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

/// The generator for one purpose and one step.
fn generator(seed: u64, purpose: Purpose, step: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 60) | step);
    rng
}
