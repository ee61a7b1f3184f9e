//! The weights of a net in memory.

use sha2::{Digest, Sha256};

use super::dense::DenseLayer;
use super::formats::contents::Contents;
use super::formats::table::WeightsFormat;
use super::model_metadata::ModelMetadata;
use super::parameters::{Arrays, Parameter, check_parameter, parameters};
use super::preprocessing::{Filter, Preprocessing};
use super::schemes::Scheme;
use crate::compiled::{CompileOptions, CompiledMobileNet};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};

/// The tensors of a MobileNetV1, read from a file and checked.
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
    pub(super) source: String,
    pub(super) format: WeightsFormat,
    pub(super) config: MobileNetConfig,
    pub(super) arrays: Arrays,
    pub(super) scheme: &'static Scheme,
    pub(super) crop: f64,
    pub(super) filter: Filter,
    pub(super) head: Option<DenseLayer>,
    pub(super) metadata: Option<ModelMetadata>,
}

impl Weights {
    /// What a reader of `format` found in `source`.
    pub(super) fn new(source: String, format: WeightsFormat, contents: Contents) -> Self {
        Self {
            source,
            format,
            config: contents.config,
            arrays: contents.arrays,
            scheme: contents.scheme,
            crop: contents.crop,
            filter: contents.filter,
            head: contents.head,
            metadata: contents.metadata,
        }
    }

    /// Weights that came from no file, by our names.
    pub(super) fn in_memory(config: MobileNetConfig, arrays: Arrays) -> Self {
        let scheme = &super::schemes::OURS;
        Self {
            source: "a net in memory".into(),
            format: WeightsFormat::Safetensors,
            config,
            arrays,
            scheme,
            crop: scheme.crop,
            filter: scheme.filter,
            head: None,
            metadata: None,
        }
    }

    /// Where the weights came from: a path, `bundled`, or the name that was given with bytes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The format of the file that they came from.
    pub fn format(&self) -> WeightsFormat {
        self.format
    }

    /// The configuration of the net.
    pub fn config(&self) -> &MobileNetConfig {
        &self.config
    }

    /// How an image becomes the input of the net in the publisher's evaluation of the weights.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing::new(&self.config, self.crop, self.filter)
    }

    /// Whether class 0 is background, as in TensorFlow's nets with 1001 classes.
    pub fn background(&self) -> bool {
        self.config.classes == 1001
    }

    /// The layer that `retrain.py` trained on top of the net, on its logits or its embedding, if the file is one of the
    /// script's graphs.
    pub fn head(&self) -> Option<&DenseLayer> {
        self.head.as_ref()
    }

    /// What an exported classifier says of its classes and of the preparation of images, if the file is one that
    /// [`Export`](super::Export) wrote.
    pub fn metadata(&self) -> Option<&ModelMetadata> {
        self.metadata.as_ref()
    }

    /// The tensors as (name, shape, values), sorted by name. Names are paths in the Burn module (`stem.conv.weight`,
    /// `blocks.0.depthwise.bn.running_var`, `classifier.bias`). Kernels are `[out, in / groups, k, k]`, the classifier
    /// is `[in, classes]`, and all are row-major.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.arrays
            .iter()
            .map(|(name, array)| (&name[..], &array.shape[..], &array.data[..]))
    }

    /// Cuts the net off after `blocks` separable blocks (0 to 13). With fewer than 13 the classifier is cut off too.
    /// The file does not need to have the parts that are cut off.
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 13 blocks.
    pub fn with_blocks(mut self, blocks: usize) -> Result<Self> {
        self.config = self.config.with_blocks(blocks);
        self.config.check()?;
        let wanted: Vec<_> = parameters(&self.config)
            .iter()
            .map(Parameter::name)
            .collect();
        self.arrays.retain(|name, _| wanted.contains(name));
        Ok(self)
    }

    /// Removes the classifier.
    pub fn without_classifier(mut self) -> Self {
        self.config.classes = 0;
        self.arrays
            .retain(|name, _| !name.starts_with("classifier."));
        self
    }

    /// Returns an error for weights with another width multiplier.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with both width multipliers.
    pub fn require_alpha(self, alpha: f64) -> Result<Self> {
        if (self.config.alpha - alpha).abs() < 1e-9 {
            return Ok(self);
        }
        Err(Error::Mismatch {
            message: format!(
                "these weights have alpha {}, and alpha {alpha} was expected",
                self.config.alpha
            ),
            file: self.source,
        })
    }

    /// Returns an error for weights with another number of classes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with both numbers.
    pub fn require_classes(self, classes: usize) -> Result<Self> {
        if self.config.classes == classes {
            return Ok(self);
        }
        Err(Error::Mismatch {
            message: format!(
                "these weights have {} classes, and {classes} were expected",
                self.config.classes
            ),
            file: self.source,
        })
    }

    /// SHA-256 over the configuration and all tensors (this crate's names, shapes, f32 bytes), in hexadecimal. It is
    /// the same for the same net, whatever the format of the file.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&self.config).unwrap_or_default());
        for (name, array) in &self.arrays {
            hash.update(name.as_bytes());
            for &n in &array.shape {
                hash.update((n as u64).to_le_bytes());
            }
            for chunk in array.data.chunks(4096) {
                hash.update(super::numbers::bytes_of(chunk));
            }
        }
        files::hex(&hash.finalize())
    }

    /// Prepares the weights for this processor, with the instruction set that
    /// [`InstructionSet::detect`](crate::InstructionSet::detect) finds: see [`CompiledMobileNet`].
    ///
    /// # Errors
    /// The errors of [`compile_with`](Self::compile_with).
    pub fn compile(&self) -> Result<CompiledMobileNet> {
        self.compile_with(&CompileOptions::new())
    }

    /// Does the same as [`compile`](Self::compile), with options.
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
    /// [`Error::MissingTensor`] if there is no such tensor, [`Error::Tensor`] if the number of values is wrong, a value
    /// is not finite, or a variance is negative.
    pub fn with_tensor(mut self, name: &str, values: Vec<f32>) -> Result<Self> {
        let parameters = parameters(&self.config);
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
        check_parameter(&self.source, name, p, &p.shape, array)?;
        Ok(self)
    }

    /// Refuses weights that lack a tensor of the net.
    pub(super) fn complete(&self) -> Result<()> {
        self.scheme
            .complete(&self.source, &self.config, &self.arrays)
    }
}
