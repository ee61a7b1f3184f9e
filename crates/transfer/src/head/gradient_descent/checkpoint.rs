use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use files::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::state::{Best, State};
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::file_kind::FileKind;
use crate::head::config::HeadConfig;
use crate::head::network::{Dense, Head};
use crate::head::report::{StepRecord, Validation};
use crate::seal::Seal;
use crate::tensor_file::{MAX_STATE_BYTES, TensorFormat, TensorReader, TensorWriter, bytes_of};

const FORMAT: TensorFormat = TensorFormat {
    kind: FileKind::HeadCheckpoint,
    version: 2,
    oldest: 2,
    limit: MAX_STATE_BYTES,
    seal: Seal::Behind,
    other_run: "this is the state of another training (other images, recipe, seed, distortions or start)",
    advice: "; delete it to start from the beginning",
};
/// Numbers in a row of the history.
const RECORD: usize = 8;

/// The file to which gradient descent or fine-tuning writes its state from time to time. A training that was
/// interrupted at any moment (by a signal, a kill, a loss of power, or its caller) continues from the file, and its
/// result has the same bytes as that of a training that was not interrupted.
///
/// A finished training leaves its last state in the file, and the same call then returns the result at once. So the
/// result is not lost before it is saved. [Remove](Self::remove) the file afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    path: PathBuf,
    every: usize,
    context: String,
}

impl<P: Into<PathBuf>> From<P> for Checkpoint {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

impl Checkpoint {
    /// A checkpoint at this path, written every 500 steps (and after each epoch of a fine-tuning), without a
    /// [context](Self::with_context).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            every: 500,
            context: String::new(),
        }
    }

    /// The number of steps between two writes, at least 1; default 500.
    pub fn with_every(mut self, steps: usize) -> Self {
        self.every = steps.max(1);
        self
    }

    #[cfg(feature = "burn")]
    pub(crate) fn every(&self) -> usize {
        self.every
    }

    /// Describes what else the result depends on, besides recipe, seed and embeddings: for a training on
    /// [varied](crate::head::HeadTraining::varied) rows, how they are made. The state of a training with another
    /// context is refused. Default: empty.
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.context = context.into();
        self
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, if it exists.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be removed.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&self.path)(error)),
            _ => Ok(()),
        }
    }

    /// For one training: all that its result depends on is part of the file.
    pub(super) fn of(
        &self,
        config: &HeadConfig,
        training: &Embeddings,
        validation: &Embeddings,
        start: Option<&Head>,
    ) -> File<'_> {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(config).unwrap_or_default());
        hash.update((self.context.len() as u64).to_le_bytes());
        hash.update(&self.context);
        let layers = start.map_or(&[][..], Head::layers);
        hash.update((layers.len() as u64).to_le_bytes());
        for layer in layers {
            hash.update((layer.inputs() as u64).to_le_bytes());
            hash.update((layer.outputs() as u64).to_le_bytes());
            hash.update(bytes_of(layer.weights()));
            hash.update(bytes_of(layer.bias()));
        }
        for set in [training, validation] {
            hash.update((set.dim() as u64).to_le_bytes());
            hash.update((set.len() as u64).to_le_bytes());
            for target in set.targets() {
                hash.update((*target as u64).to_le_bytes());
            }
            for values in set.values().chunks(4096) {
                hash.update(bytes_of(values));
            }
        }
        File {
            checkpoint: self,
            run: hex(&hash.finalize()),
        }
    }
}

/// A checkpoint of one training.
pub(super) struct File<'a> {
    checkpoint: &'a Checkpoint,
    run: String,
}

/// What the file says beside its tensors. Numbers that must come back to the last bit are tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    /// Digest of the recipe, the seed, the context, the head to start from and the images.
    run: String,
    steps: usize,
    stale: usize,
    layers: usize,
    moments: usize,
    best_steps: Option<usize>,
}

impl File<'_> {
    /// The state of a run that was stopped, if there is one.
    pub(super) fn load(&self) -> Result<Option<State>> {
        let path = self.checkpoint.path();
        let Some(bytes) = FORMAT.read(path)? else {
            return Ok(None);
        };
        let (about, tensors) = FORMAT.open(path, &bytes, &self.run)?;
        let state = get(&tensors, &about)?;
        tensors.finish()?;
        Ok(Some(state))
    }

    pub(super) fn save_now_and_then(&self, state: &State) -> Result<()> {
        if state.steps.is_multiple_of(self.checkpoint.every) {
            self.save(state)?;
        }
        Ok(())
    }

    pub(super) fn save(&self, state: &State) -> Result<()> {
        let about = Description {
            version: FORMAT.version,
            run: self.run.clone(),
            steps: state.steps,
            stale: state.stale,
            layers: state.layers.len(),
            moments: state.moments.len(),
            best_steps: state.best.as_ref().map(|best| best.steps),
        };
        FORMAT.write(self.checkpoint.path(), &about, &put(state))
    }
}

fn put(state: &State) -> TensorWriter {
    let mut tensors = TensorWriter::default();
    let best = state.best.iter().map(|best| ("best", &best.layers));
    for (what, layers) in best.chain([("layer", &state.layers)]) {
        for (i, layer) in layers.iter().enumerate() {
            tensors.put_list(format!("{what}.{i}.weight"), layer.weights());
            tensors.put_list(format!("{what}.{i}.bias"), layer.bias());
        }
    }
    for (i, (first, second)) in state.moments.iter().enumerate() {
        tensors.put_list(format!("moment.{i}.first"), first);
        tensors.put_list(format!("moment.{i}.second"), second);
    }
    let loss: Vec<f64> = state.best.iter().map(|best| best.loss).collect();
    tensors.put_list("best.loss", &loss);
    let history: Vec<f64> = state.history.iter().flat_map(row_of).collect();
    tensors.put_list("history", &history);
    tensors
}

fn get(tensors: &TensorReader<'_>, about: &Description) -> Result<State> {
    let layers = |what: &str| -> Result<Vec<Dense>> {
        let layer = |i: usize| {
            let weights: Vec<f32> = tensors.get_list(&format!("{what}.{i}.weight"))?;
            let bias: Vec<f32> = tensors.get_list(&format!("{what}.{i}.bias"))?;
            Dense::new(weights.len() / bias.len().max(1), weights, bias)
                .map_err(|error| tensors.caused(error))
        };
        (0..about.layers).map(layer).collect()
    };
    let moment = |i: usize| -> Result<_> {
        let first = tensors.get_list(&format!("moment.{i}.first"))?;
        Ok((first, tensors.get_list(&format!("moment.{i}.second"))?))
    };
    let loss: Vec<f64> = tensors.get_list("best.loss")?;
    let best = match (about.best_steps, loss.first()) {
        (Some(steps), Some(&loss)) => Some(Best {
            layers: layers("best")?,
            loss,
            steps,
        }),
        _ => None,
    };
    let history: Vec<f64> = tensors.get_list("history")?;
    Ok(State {
        steps: about.steps,
        layers: layers("layer")?,
        moments: (0..about.moments).map(moment).collect::<Result<_>>()?,
        best,
        stale: about.stale,
        history: history.chunks_exact(RECORD).map(record_of).collect(),
    })
}

fn row_of(record: &StepRecord) -> [f64; RECORD] {
    let (is, accuracy, cross_entropy, images) = match record.validation {
        Some(v) => (1.0, v.accuracy, v.cross_entropy, v.images),
        None => (0.0, 0.0, 0.0, 0),
    };
    [
        record.step as f64,
        f64::from(record.learning_rate),
        record.train_accuracy,
        record.train_cross_entropy,
        is,
        accuracy,
        cross_entropy,
        images as f64,
    ]
}

fn record_of(row: &[f64]) -> StepRecord {
    let at = |i: usize| row.get(i).copied().unwrap_or_default();
    StepRecord {
        step: at(0) as usize,
        learning_rate: at(1) as f32,
        train_accuracy: at(2),
        train_cross_entropy: at(3),
        validation: (at(4) == 1.0).then(|| Validation {
            accuracy: at(5),
            cross_entropy: at(6),
            images: at(7) as usize,
        }),
    }
}
