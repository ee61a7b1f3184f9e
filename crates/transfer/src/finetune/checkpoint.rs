//! The state of a fine-tuning as a tensor file with a digest at its end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use dataset::ImageItem;
use files::hex;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::config::FineTuneConfig;
use super::optimizer::Moments;
use super::record::EpochRecord;
use super::state::{Epoch, State};
use super::trainable::floats;
use crate::classifier::Classifier;
use crate::error::Result;
use crate::file_kind::FileKind;
use crate::head::{Checkpoint, Validation};
use crate::seal::Seal;
use crate::tensor_file::{MAX_STATE_BYTES, TensorFormat, TensorReader, TensorWriter, bytes_of};

const FORMAT: TensorFormat = TensorFormat {
    kind: FileKind::FineTuningCheckpoint,
    version: 1,
    oldest: 1,
    limit: MAX_STATE_BYTES,
    seal: Seal::Behind,
    other_run: "this is the state of another fine-tuning (other images, settings, seed, device or classifier)",
    advice: "; delete it to start from the beginning",
};
/// Numbers in a row of the history.
const RECORD: usize = 8;

/// A checkpoint of one fine-tuning.
pub(super) struct File<'a> {
    checkpoint: &'a Checkpoint,
    /// Digest of everything that the result depends on.
    run: String,
}

/// What the file holds beside its tensors. Numbers that must keep every bit are tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    run: String,
    steps: usize,
    kept: Option<usize>,
    /// Number of steps in the moving average.
    averaged: u32,
    /// Number of steps of each parameter.
    times: BTreeMap<String, usize>,
}

impl<'a> File<'a> {
    /// The checkpoint of one fine-tuning. `penalty` is that on the head's weights, which can come from the classifier's
    /// report.
    pub(super) fn new(
        checkpoint: &'a Checkpoint,
        config: &FineTuneConfig,
        classifier: &Classifier,
        penalty: f64,
        sets: [&[ImageItem]; 2],
        devices: &[Device],
    ) -> Self {
        let mut hash = Sha256::new();
        // Threads and memory change no byte of the result.
        let config = config.clone().with_threads(1).with_memory(0);
        hash.update(serde_json::to_vec(&config).unwrap_or_default());
        hash.update(classifier.backbone().recipe());
        hash.update(penalty.to_le_bytes());
        let temperature = classifier.calibration().map_or(1.0, |c| c.temperature);
        hash.update(temperature.to_le_bytes());
        for layer in classifier.head().layers() {
            hash.update((layer.inputs() as u64).to_le_bytes());
            hash.update(bytes_of(layer.weights()));
            hash.update(bytes_of(layer.bias()));
        }
        hash.update(format!("{devices:?}"));
        for items in sets {
            hash.update((items.len() as u64).to_le_bytes());
            let contents: Vec<_> = items.par_iter().map(|item| content(&item.path)).collect();
            for (item, content) in items.iter().zip(contents) {
                hash.update((item.class as u64).to_le_bytes());
                // An image that cannot be read is left out of the training.
                hash.update(content.unwrap_or_default());
            }
        }
        Self {
            checkpoint,
            run: hex(&hash.finalize()),
        }
    }

    /// The state in the file, or the given new state where there is no file.
    pub(super) fn load(&self, new: State, device: &Device) -> Result<State> {
        let path = self.checkpoint.path();
        let Some(bytes) = FORMAT.read(path)? else {
            return Ok(new);
        };
        let (about, tensors) = FORMAT.open(path, &bytes, &self.run)?;
        let state = restore(new, &tensors, &about, device)?;
        tensors.finish()?;
        Ok(state)
    }

    /// Saves the state if it is time for it ([`Checkpoint::with_every`]).
    pub(super) fn save_if_due(&self, state: &State) -> Result<()> {
        if state.steps.is_multiple_of(self.checkpoint.every()) {
            self.save(state)?;
        }
        Ok(())
    }

    pub(super) fn save(&self, state: &State) -> Result<()> {
        // `valid` brings the statistics of batch normalizations up to date.
        let tail = Parameters::of(&state.layers.valid())?;
        let mut tensors = TensorWriter::default();
        let mut put = |part: &str, name: &str, values: &[f32]| {
            tensors.put_list(format!("{part}/{name}"), values);
        };
        let mut times = BTreeMap::new();
        for (name, id, values) in &tail {
            put("tail", name, values);
            if let Some(moments) = state.optimizer.moments.get(id) {
                put("first", name, &floats(moments.first.clone())?);
                put("second", name, &floats(moments.second.clone())?);
                times.insert(name.clone(), moments.time);
            }
            if let Some(average) = state.average.values.get(id) {
                put("average", name, &floats(average.clone())?);
            }
        }
        for (name, _, values) in Parameters::of(&state.best)? {
            put("best", &name, &values);
        }
        let Epoch { loss, images, rate } = state.epoch;
        let history: Vec<f64> = state.history.iter().flat_map(row_of).collect();
        tensors.put_list("before", &validation_row(state.before));
        tensors.put_list("epoch", &[loss, images as f64, rate]);
        tensors.put_list("history", &history);
        let about = Description {
            version: FORMAT.version,
            run: self.run.clone(),
            steps: state.steps,
            kept: state.kept,
            averaged: state.average.steps,
            times,
        };
        FORMAT.write(self.checkpoint.path(), &about, &tensors)
    }
}

/// Puts the contents of a file into a new state of the same fine-tuning.
fn restore(
    mut state: State,
    tensors: &TensorReader<'_>,
    about: &Description,
    device: &Device,
) -> Result<State> {
    for (part, tail) in [("tail", &mut state.layers), ("best", &mut state.best)] {
        let mut restore = Restore {
            tensors,
            path: vec![],
            part,
            failed: Ok(()),
        };
        *tail = tail.clone().map(&mut restore);
        restore.failed?;
    }
    for (name, id, values) in Parameters::of(&state.layers.valid())? {
        let flat = |part: &str| -> Result<Tensor<1>> {
            let shape = [values.len()];
            let found: Vec<f32> = tensors.get(&format!("{part}/{name}"), &shape)?;
            Ok(Tensor::from_data(TensorData::new(found, shape), device))
        };
        if let Some(&time) = about.times.get(&name) {
            let (first, second) = (flat("first")?, flat("second")?);
            let moments = Moments {
                time,
                first,
                second,
            };
            state.optimizer.moments.insert(id, moments);
        }
        if tensors.has(&format!("average/{name}")) {
            state.average.values.insert(id, flat("average")?);
        }
    }
    let epoch: Vec<f64> = tensors.get_list("epoch")?;
    let at = |i: usize| epoch.get(i).copied().unwrap_or_default();
    state.epoch = Epoch {
        loss: at(0),
        images: at(1) as usize,
        rate: at(2),
    };
    state.before = validation_of(&tensors.get_list::<f64>("before")?);
    let history: Vec<f64> = tensors.get_list("history")?;
    state.history = history.chunks_exact(RECORD).map(record_of).collect();
    state.average.steps = about.averaged;
    state.steps = about.steps;
    state.kept = about.kept.filter(|&epoch| epoch < state.history.len());
    Ok(state)
}

/// The names (such as `blocks.0.depthwise.conv.weight`) and values of a module's parameters, statistics included.
struct Parameters {
    path: Vec<String>,
    found: Vec<(String, ParamId, Vec<f32>)>,
    failed: Result<()>,
}

impl Parameters {
    fn of(module: &impl Module) -> Result<Vec<(String, ParamId, Vec<f32>)>> {
        let mut parameters = Self {
            path: vec![],
            found: vec![],
            failed: Ok(()),
        };
        module.visit(&mut parameters);
        parameters.failed.map(|()| parameters.found)
    }
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match floats(param.val()) {
            Ok(values) => self.found.push((self.path.join("."), param.id, values)),
            Err(error) => self.failed = Err(error),
        }
    }
}

/// Gives each parameter its values from a file.
struct Restore<'a> {
    tensors: &'a TensorReader<'a>,
    path: Vec<String>,
    part: &'static str,
    failed: Result<()>,
}

impl ModuleMapper for Restore<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = format!("{}/{}", self.part, self.path.join("."));
        let shape = param.val().shape();
        match self.tensors.get::<f32>(&name, &[shape.num_elements()]) {
            Ok(values) => param.map(|old| {
                let device = old.device();
                let data = TensorData::new(values, shape);
                let new = Tensor::from_data(data, &device.clone().without_autodiff());
                if device.is_autodiff() {
                    Tensor::from_inner(new).set_require_grad(old.is_require_grad())
                } else {
                    new
                }
            }),
            Err(error) => {
                self.failed = Err(error);
                param
            }
        }
    }
}

/// SHA-256 of a file.
fn content(path: &Path) -> std::io::Result<[u8; 32]> {
    let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn validation_row(validation: Option<Validation>) -> [f64; 4] {
    match validation {
        Some(v) => [1.0, v.accuracy, v.cross_entropy, v.images as f64],
        None => [0.0; 4],
    }
}

fn validation_of(row: &[f64]) -> Option<Validation> {
    match row {
        &[1.0, accuracy, cross_entropy, images] => Some(Validation {
            accuracy,
            cross_entropy,
            images: images as usize,
        }),
        _ => None,
    }
}

fn row_of(record: &EpochRecord) -> [f64; RECORD] {
    let [is, accuracy, cross_entropy, images] = validation_row(record.validation);
    [
        record.epoch as f64,
        record.blocks as f64,
        record.learning_rate,
        record.train_loss,
        is,
        accuracy,
        cross_entropy,
        images,
    ]
}

fn record_of(row: &[f64]) -> EpochRecord {
    let at = |i: usize| row.get(i).copied().unwrap_or_default();
    EpochRecord {
        epoch: at(0) as usize,
        blocks: at(1) as usize,
        learning_rate: at(2),
        train_loss: at(3),
        validation: validation_of(row.get(4..).unwrap_or_default()),
    }
}
