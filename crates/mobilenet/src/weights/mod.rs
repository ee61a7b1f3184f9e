//! Weights: from files to nets and back.
//!
//! A reader of a format produces [`parameters::Arrays`] under the file's own names; a [`schemes::Scheme`] (names,
//! layout) and its one strict import do the rest. A new format is a file here and a line in the table of `format.rs`.

mod archive;
mod bundled;
mod cache;
mod chain;
#[cfg(feature = "fetch")]
mod fetch;
mod format;
mod frozen_graph;
mod graph;
#[cfg(feature = "hdf5")]
mod hdf5;
mod keras;
mod manifest;
#[cfg(feature = "burn")]
mod module;
pub(crate) mod parameters;
mod preprocessing;
mod pytorch;
mod registry;
mod safetensors;
mod schemes;
mod source;
#[cfg(test)]
mod tests;
mod tfjs;
mod tflite;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use cache::Cache;
#[cfg(feature = "fetch")]
pub use fetch::{Event, Fetch};
pub use format::Format;
pub use preprocessing::{Filter, Preprocessing};
pub use registry::Published;

use crate::compiled::{CompileOptions, CompiledMobileNet};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use parameters::Arrays;
use schemes::Scheme;
use source::File;

/// A last layer found behind a net: what `retrain.py` trained, on the net's logits or its embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadTensors {
    /// Row-major `[inputs, classes]`.
    pub weight: Vec<f32>,
    /// One value a class.
    pub bias: Vec<f32>,
    /// Number of inputs.
    pub inputs: usize,
}

/// The tensors of a MobileNetV1, read and checked, not yet on a device.
///
/// ```no_run
/// # fn main() -> mobilenet::Result<()> {
/// use mobilenet::Weights;
/// let net = Weights::open("model.json")?.compile()?;
/// let backbone = Weights::open("retrained_graph.pb")?.with_blocks(12)?.compile()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Weights {
    source: String,
    format: Format,
    config: MobileNetConfig,
    arrays: Arrays,
    scheme: &'static Scheme,
    crop: f64,
    filter: Filter,
    head: Option<HeadTensors>,
}

impl Weights {
    /// Every set of weights that is known by name.
    pub fn all() -> &'static [Published] {
        registry::ALL
    }

    /// Opens `bundled`, a file, a folder that holds one set of weights, or the name of a publication ([`Weights::all`])
    /// that is in the user's cache. The format is found from the content. Nothing is fetched: [`Fetch`](crate::Fetch),
    /// with the feature `fetch`, does that.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] where there is neither such a file nor such a name, or the publication is not in the
    /// cache; otherwise what is wrong with the file, naming it and the tensor. A tensor that is *missing* is reported
    /// by [`Weights::load`], since a net may be cut before it.
    pub fn open(name_or_path: impl AsRef<Path>) -> Result<Self> {
        let path = name_or_path.as_ref();
        if path.exists() {
            return format::open(File::read(&only_weights_of(path)?)?);
        }
        let name = path.display().to_string();
        if name == "bundled" {
            return bundled::open();
        }
        cache::find(&name)?;
        Cache::user()?.open(&name)
    }

    /// Reads any format from memory; `file` is what errors call it. What lies beside a file (the shards of a
    /// `model.json`) cannot be reached from there.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self> {
        format::open(File::memory(file, bytes))
    }

    /// Reads safetensors from memory; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_safetensors(file: &str, bytes: &[u8]) -> Result<Self> {
        safetensors::open(File::memory(file, bytes))
    }

    /// Strict import of a file's tensors: the common end of every format.
    fn import(
        file: String,
        format: Format,
        scheme: &'static Scheme,
        config: MobileNetConfig,
        arrays: Arrays,
        head: Option<HeadTensors>,
    ) -> Result<Self> {
        let config = scheme.detect(&file, &arrays, config)?;
        let arrays = scheme.import(&file, &config, arrays)?;
        Ok(Self {
            source: file,
            format,
            config,
            arrays,
            scheme,
            crop: scheme.crop,
            filter: scheme.filter,
            head,
        })
    }

    /// Weights that came from no file, by our names.
    #[cfg(feature = "burn")]
    fn in_memory(config: MobileNetConfig, arrays: Arrays) -> Self {
        Self {
            source: "a net in memory".into(),
            format: Format::Safetensors,
            config,
            arrays,
            scheme: &schemes::OURS,
            crop: schemes::OURS.crop,
            filter: schemes::OURS.filter,
            head: None,
        }
    }

    /// Where the weights came from: a path, or `bundled`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The kind of file that they came from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The net that the weights are for.
    pub fn config(&self) -> &MobileNetConfig {
        &self.config
    }

    /// What has to happen to an image before the net sees it, as the weights' publisher evaluated them.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            input_size: self.config.input_size,
            mean: self.config.mean,
            std: self.config.std,
            crop: self.crop,
            filter: self.filter,
        }
    }

    /// Whether class 0 is background, as in TensorFlow's nets of 1001 classes.
    pub fn background(&self) -> bool {
        self.config.classes == 1001
    }

    /// The last layer that `retrain.py` put behind the net, where the file is one of its graphs.
    pub fn head(&self) -> Option<&HeadTensors> {
        self.head.as_ref()
    }

    /// The tensors as (name, shape, values), sorted by name: names are paths in the Burn module
    /// (`stem.conv.weight`, `blocks.0.depthwise.bn.running_var`, `classifier.bias`), kernels
    /// `[out, in / groups, k, k]`, the classifier `[in, classes]`, all row-major.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.arrays
            .iter()
            .map(|(name, array)| (&name[..], &array.shape[..], &array.data[..]))
    }

    /// Cuts the net after `blocks` separable blocks (0 to 13); below 13 the classifier goes too. Files that lack
    /// what is cut off load.
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 13 blocks.
    pub fn with_blocks(mut self, blocks: usize) -> Result<Self> {
        self.config = self.config.with_blocks(blocks);
        self.config.check()?;
        let wanted: Vec<_> = parameters::parameters(&self.config)
            .iter()
            .map(parameters::Parameter::name)
            .collect();
        self.arrays.retain(|name, _| wanted.contains(name));
        Ok(self)
    }

    /// Leaves the classifier out.
    pub fn without_classifier(mut self) -> Self {
        self.config.classes = 0;
        self.arrays
            .retain(|name, _| !name.starts_with("classifier."));
        self
    }

    /// Refuses weights of another width.
    ///
    /// # Errors
    /// [`Error::Mismatch`] naming both.
    pub fn require_alpha(self, alpha: f64) -> Result<Self> {
        if (self.config.alpha - alpha).abs() < 1e-9 {
            return Ok(self);
        }
        Err(Error::Mismatch {
            message: format!(
                "these weights are of alpha {}, alpha {alpha} was asked for",
                self.config.alpha
            ),
            file: self.source,
        })
    }

    /// Refuses weights with another number of classes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] naming both.
    pub fn require_classes(self, classes: usize) -> Result<Self> {
        if self.config.classes == classes {
            return Ok(self);
        }
        Err(Error::Mismatch {
            message: format!(
                "these weights are of {} classes, {classes} were asked for",
                self.config.classes
            ),
            file: self.source,
        })
    }

    /// SHA-256 over the configuration and all tensors (our names, shapes, f32 bytes), in hexadecimal: the same for
    /// the same net, whatever file format it came in.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&self.config).unwrap_or_default());
        for (name, array) in &self.arrays {
            hash.update(name.as_bytes());
            hash.update(
                array
                    .shape
                    .iter()
                    .flat_map(|&n| (n as u64).to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
            for chunk in array.data.chunks(4096) {
                hash.update(
                    chunk
                        .iter()
                        .flat_map(|v| v.to_le_bytes())
                        .collect::<Vec<u8>>(),
                );
            }
        }
        files::hex(&hash.finalize())
    }

    /// Prepares the weights for this processor, on the instruction set that
    /// [`InstructionSet::detect`](crate::InstructionSet::detect) finds: see [`CompiledMobileNet`].
    ///
    /// # Errors
    /// As [`compile_with`](Self::compile_with).
    pub fn compile(&self) -> Result<CompiledMobileNet> {
        self.compile_with(&CompileOptions::new())
    }

    /// As [`compile`](Self::compile), with options.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] if the file lacks something that the net needs, [`Error::Setting`] if this processor does
    /// not have the instruction set, [`Error::Mismatch`] if values leave the range of f32 when batch normalizations are
    /// folded into the convolutions.
    pub fn compile_with(&self, options: &CompileOptions) -> Result<CompiledMobileNet> {
        self.complete()?;
        CompiledMobileNet::of(&self.config, &self.arrays, options)
    }

    /// Replaces the values of one tensor, which keeps its name (see [`tensors`](Self::tensors)) and its shape.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] if there is no such tensor, [`Error::Tensor`] if the number of values is another, a value
    /// is not finite, or a variance is negative.
    pub fn with_tensor(mut self, name: &str, values: Vec<f32>) -> Result<Self> {
        let parameters = parameters::parameters(&self.config);
        let parameter = parameters.iter().find(|p| p.name() == name);
        let (Some(p), Some(array)) = (parameter, self.arrays.get_mut(name)) else {
            return Err(Error::MissingTensor {
                file: self.source,
                tensor: name.into(),
                shape: Vec::new(),
                found: format!("{} other tensors", self.arrays.len()),
            });
        };
        array.data = values;
        parameters::check_parameter(&self.source, name, p, &p.shape, array)?;
        Ok(self)
    }

    /// Writes this crate's own safetensors, visible under its name only when whole. Same weights, same bytes. A retrained
    /// last layer, [`head`](Self::head), is not in it.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] where the weights are not complete, [`Error::Io`] where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, precision: FloatType) -> Result<()> {
        Ok(files::write_bytes(path, &self.to_safetensors(precision)?)?)
    }

    /// The bytes that [`Weights::save`] writes.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] where the weights are not complete.
    pub fn to_safetensors(&self, precision: FloatType) -> Result<Vec<u8>> {
        self.complete()?;
        safetensors::serialize(self, precision)
    }

    fn complete(&self) -> Result<()> {
        match parameters::missing(&self.config, &self.arrays) {
            None => Ok(()),
            Some(p) => Err(Error::MissingTensor {
                file: self.source.clone(),
                tensor: (self.scheme.name)(&p),
                found: format!(
                    "{} of the net's tensors, complete up to block {}",
                    self.arrays.len(),
                    p.block().saturating_sub(1).min(self.config.blocks)
                ),
                shape: p.shape,
            }),
        }
    }
}

/// Width of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloatType {
    /// IEEE half precision, rounded to nearest even. The file has half the size; MobileNetV1's logits change by up to
    /// 9e-3 of the largest.
    F16,
    /// Single precision, as trained. The default.
    #[default]
    F32,
}

/// A file as it is; of a folder its `model.json`, or the weights file that an archive's reader would take.
fn only_weights_of(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.into());
    }
    let manifest = path.join("model.json");
    if manifest.exists() {
        return Ok(manifest);
    }
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if let Some(rank) = format::rank(&name) {
            found.push((rank, file));
        }
    }
    found.sort();
    let wrong = |message: String| {
        Err(Error::UnknownWeights {
            name: path.display().to_string(),
            message,
        })
    };
    match &found[..] {
        [] => wrong(
            "no weights file is in this folder; expected a `model.json`, or a file of another format"
                .into(),
        ),
        [(first, one), (second, other), ..] if first == second => wrong(format!(
            "both {} and {} may be meant; name one of them",
            one.display(),
            other.display()
        )),
        [(_, file), ..] => Ok(file.clone()),
    }
}
