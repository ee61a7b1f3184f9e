//! The classifier file: see `FORMAT.md`.

use std::collections::HashMap;
use std::path::Path;

use dataset::{ResizeFilter, ResizePolicy};
use files::{hex, read_at_most, write_bytes};
use mobilenet::{FloatType, Weights};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::reference::{self, Answer};
use super::{Calibration, Classifier, Provenance};
use crate::head::HeadShape;
use crate::tensor_file::bytes_of;
use crate::{Backbone, Dense, Error, FitReport, Head, Layer, Result};

/// Version of the format.
const VERSION: u32 = 1;
/// The one metadata key of a classifier file; several would come in any order.
const KEY: &str = "classifier";
/// The metadata key of mobilenet's own files.
const BACKBONE_KEY: &str = "mobilenet";
/// Tensors of the backbone begin with this.
const BACKBONE: &str = "backbone.";
/// The tensor of the picture that the self-test asks about.
const REFERENCE: &str = "reference.pixels";
/// The largest file that is read, a hundred times the largest MobileNetV1.
const MOST_BYTES: u64 = 1 << 31;

/// What a file says beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    classes: Vec<String>,
    layer: Layer,
    resize: ResizePolicy,
    /// Left out where it is bilinear.
    #[serde(default, skip_serializing_if = "is_default")]
    filter: ResizeFilter,
    size: u32,
    head: HeadShape,
    /// Of the head's tensors; not in the first files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head_digest: Option<String>,
    backbone: BackboneDescription,
    reference: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<FitReport>,
    #[serde(default)]
    provenance: Provenance,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackboneDescription {
    /// Configuration, as mobilenet's own safetensors have it.
    config: Value,
    /// Digest of the weights.
    digest: String,
    /// Where the weights are, if they are not in the file: a name that [`Weights::open`] knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Only this is read of a file of another version.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

impl Classifier {
    /// Writes one file, visible under its name only when whole. Same classifier, same bytes.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path.as_ref(), None)
    }

    /// As [`save`](Self::save), without the backbone's weights: the file is small, and holds their `name` (what
    /// [`Weights::open`] takes: `bundled`, or a publication's name) and digest. Whoever loads it must have them.
    ///
    /// # Errors
    /// Where these are not the weights of that name, and as [`save`](Self::save).
    pub fn save_linked(&self, path: impl AsRef<Path>, name: &str) -> Result<()> {
        let config = self.backbone.weights().config();
        let named = linked(name, config.blocks, config.classes)?;
        if named.digest() != self.backbone.digest() {
            return Err(Error::mismatch(
                format!("weights `{name}`"),
                format!("those of the backbone, digest {}", self.backbone.digest()),
                format!("digest {}", named.digest()),
            ));
        }
        self.write(path.as_ref(), Some(name))
    }

    fn write(&self, path: &Path, name: Option<&str>) -> Result<()> {
        let wrong = |message: String| file_error(path, message);
        let reference = reference::image(self.backbone.size());
        let (backbone, config) = backbone(self.backbone.weights()).map_err(&wrong)?;
        let description = Description {
            version: VERSION,
            classes: self.classes.clone(),
            layer: self.backbone.layer(),
            resize: self.backbone.resize(),
            filter: self.backbone.filter(),
            size: self.backbone.size(),
            head: self.head.shape(),
            head_digest: Some(digest(&self.head)),
            backbone: BackboneDescription {
                config,
                digest: self.backbone.digest().into(),
                name: name.map(String::from),
            },
            reference: Answer::of(self, &reference)?,
            calibration: self.calibration,
            thresholds: self.thresholds.clone(),
            report: self.report.clone(),
            provenance: self.provenance.clone(),
        };
        let mut tensors = if name.is_some() {
            Tensors::new()
        } else {
            backbone
        };
        for (i, layer) in self.head.layers().iter().enumerate() {
            let (outputs, inputs) = (layer.outputs(), layer.inputs());
            let parts = [
                ("weight", vec![outputs, inputs], layer.weights()),
                ("bias", vec![outputs], layer.bias()),
            ];
            for (part, shape, values) in parts {
                let bytes = bytes_of(values);
                tensors.push((format!("head.{i}.{part}"), Dtype::F32, shape, bytes));
            }
        }
        let side = self.backbone.size() as usize;
        tensors.push((REFERENCE.into(), Dtype::U8, vec![side, side, 3], reference));
        let json = serde_json::to_string(&description).map_err(|e| wrong(e.to_string()))?;
        let bytes = serialize(&tensors, json).map_err(wrong)?;
        Ok(write_bytes(path, &bytes)?)
    }

    /// Reads a file that [`save`](Self::save) wrote, and checks its answer for the reference image in it. The backbone
    /// is compiled for this machine's CPU, as by [`Backbone::new`].
    ///
    /// # Errors
    /// If the file is not a classifier of a known version, lacks something, holds something more, or answers otherwise
    /// than when it was saved: logits off by more than 0.001 of the largest (or of 1), or probabilities off by more than
    /// 0.001.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::read(path.as_ref(), Backbone::new)
    }

    /// As [`load`](Self::load), with Burn running the backbone on `device`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    #[cfg(feature = "burn")]
    pub fn load_on(path: impl AsRef<Path>, device: &burn::tensor::Device) -> Result<Self> {
        Self::read(path.as_ref(), |weights| Backbone::on(weights, device))
    }

    fn read(path: &Path, backbone: impl FnOnce(Weights) -> Result<Backbone>) -> Result<Self> {
        let wrong = |message: String| file_error(path, message);
        // What is wrong with the backbone's tensors names the file already.
        let begin = format!("{}: ", path.display());
        let named = |error: Error| match error {
            Error::File { .. } | Error::Io { .. } => error,
            error if error.to_string().starts_with(&begin) => error,
            error => wrong(error.to_string()),
        };
        let bytes = read_at_most(path, MOST_BYTES)?;
        let about = describe(&bytes).map_err(&wrong)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.to_string()))?;
        let layers = 1 + usize::from(about.head.hidden.is_some());
        check_names(&tensors, layers, about.backbone.name.is_none()).map_err(&wrong)?;

        let weights = if let Some(name) = &about.backbone.name {
            let size = |field: &str| {
                let size = about.backbone.config.get(field).and_then(Value::as_u64);
                let size = size.and_then(|size| usize::try_from(size).ok());
                size.ok_or_else(|| wrong(format!("no `{field}` in the backbone's `config`")))
            };
            linked(name, size("blocks")?, size("classes")?).map_err(named)?
        } else {
            let bytes = embedded(&tensors, &about.backbone).map_err(&wrong)?;
            Weights::from_safetensors(&path.display().to_string(), &bytes)?
        };
        let mut backbone = backbone(weights)
            .map_err(named)?
            .with_resize(about.resize)
            .with_filter(about.filter)
            .with_layer(about.layer)
            .map_err(named)?;
        if backbone.digest() != about.backbone.digest {
            return Err(wrong(format!(
                "the backbone's weights have the digest {}, those it was saved with {}",
                backbone.digest(),
                about.backbone.digest
            )));
        }
        backbone.set_size(about.size).map_err(named)?;

        let head = head(&tensors, about.head).map_err(named)?;
        if about.head_digest.is_some_and(|said| said != digest(&head)) {
            return Err(wrong(
                "damaged: the head is not the one that was saved".into(),
            ));
        }
        let classifier = Self::new(backbone, head, about.classes).map_err(named)?;
        let classifier = match about.thresholds {
            Some(thresholds) => classifier.with_thresholds(thresholds).map_err(named)?,
            None => classifier,
        };
        let classifier = Self {
            calibration: about.calibration,
            report: about.report,
            provenance: about.provenance,
            ..classifier
        };
        let reference = tensors
            .tensor(REFERENCE)
            .map_err(|e| wrong(e.to_string()))?;
        let found = Answer::of(&classifier, reference.data()).map_err(named)?;
        about.reference.check(&found).map_err(wrong)?;
        Ok(classifier)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_default(filter: &ResizeFilter) -> bool {
    *filter == ResizeFilter::default()
}

/// SHA-256 of a head's weights and biases, in order.
fn digest(head: &Head) -> String {
    let mut hash = Sha256::new();
    for layer in head.layers() {
        hash.update(bytes_of(layer.weights()));
        hash.update(bytes_of(layer.bias()));
    }
    hex(&hash.finalize())
}

fn file_error(path: &Path, message: String) -> Error {
    let path = path.into();
    Error::File { path, message }
}

fn describe(bytes: &[u8]) -> Result<Description, String> {
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|e| format!("not a classifier file (no safetensors header: {e})"))?;
    let json = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let json = json.ok_or("not a classifier file (no `classifier` in its metadata)")?;
    let damaged = |e: serde_json::Error| format!("its description is damaged: {e}");
    let Version { version } = serde_json::from_str(json).map_err(damaged)?;
    if version != VERSION {
        return Err(format!(
            "version {version} of the format; this program reads {VERSION}"
        ));
    }
    serde_json::from_str(json).map_err(damaged)
}

/// Every tensor has a meaning; that none is missing shows where they are read.
fn check_names(tensors: &SafeTensors<'_>, layers: usize, embedded: bool) -> Result<(), String> {
    let known = |name: &str| {
        let head = |i| {
            ["weight", "bias"]
                .iter()
                .any(|part| name == format!("head.{i}.{part}"))
        };
        name == REFERENCE || (0..layers).any(head) || (embedded && name.starts_with(BACKBONE))
    };
    match tensors.names().into_iter().find(|name| !known(name)) {
        Some(name) => Err(format!(
            "tensor `{name}` has no place in a classifier file like this"
        )),
        None => Ok(()),
    }
}

/// The tensors and configuration that mobilenet would write: in half precision where that loses nothing.
fn backbone(weights: &Weights) -> Result<(Tensors, Value), String> {
    let write = |precision| weights.to_safetensors(precision).map_err(|e| e.to_string());
    let half = write(FloatType::F16).ok().filter(|half| {
        let same = |read: Weights| read.digest() == weights.digest();
        Weights::from_safetensors("", half).is_ok_and(same)
    });
    let bytes = match half {
        Some(half) => half,
        None => write(FloatType::F32)?,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| e.to_string())?;
    let config = header.metadata().as_ref().and_then(|m| m.get(BACKBONE_KEY));
    let config = config.ok_or("mobilenet wrote no configuration")?;
    let config = serde_json::from_str(config).map_err(|e| e.to_string())?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| e.to_string())?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let (shape, bytes) = (view.shape().to_vec(), view.data().to_vec());
        (format!("{BACKBONE}{name}"), view.dtype(), shape, bytes)
    };
    Ok((tensors.tensors().into_iter().map(tensor).collect(), config))
}

fn serialize(tensors: &Tensors, json: String) -> Result<Vec<u8>, String> {
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect();
    let metadata = HashMap::from([(KEY.to_string(), json)]);
    safetensors::serialize(views.map_err(|e| e.to_string())?, Some(metadata))
        .map_err(|e| e.to_string())
}

/// The backbone in the file as one of mobilenet's own.
fn embedded(tensors: &SafeTensors<'_>, about: &BackboneDescription) -> Result<Vec<u8>, String> {
    let views: Vec<_> = tensors
        .tensors()
        .into_iter()
        .filter_map(|(name, view)| Some((name.strip_prefix(BACKBONE)?.to_string(), view)))
        .collect();
    let metadata = HashMap::from([(BACKBONE_KEY.to_string(), about.config.to_string())]);
    safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
}

/// The weights of that name, cut as those in use are.
fn linked(name: &str, blocks: usize, classes: usize) -> Result<Weights> {
    let weights = Weights::open(name)?.with_blocks(blocks)?;
    Ok(match classes {
        0 => weights.without_classifier(),
        _ => weights,
    })
}

fn head(tensors: &SafeTensors<'_>, shape: HeadShape) -> Result<Head> {
    let floats = |name: String, shape: &[usize]| -> Result<Vec<f32>> {
        let wrong = |found: String| {
            let expected = format!("F32 {shape:?}");
            Error::mismatch(format!("tensor `{name}`"), expected, found)
        };
        let view = tensors.tensor(&name).map_err(|e| wrong(e.to_string()))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            return Err(wrong(format!("{:?} {:?}", view.dtype(), view.shape())));
        }
        let words = view.data().chunks_exact(4);
        Ok(words
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    };
    let widths: Vec<usize> = [Some(shape.inputs), shape.hidden, Some(shape.classes)]
        .into_iter()
        .flatten()
        .collect();
    let layers = widths.windows(2).enumerate().map(|(i, width)| {
        let (inputs, outputs) = (width[0], width[1]);
        let weights = floats(format!("head.{i}.weight"), &[outputs, inputs])?;
        Dense::new(
            inputs,
            weights,
            floats(format!("head.{i}.bias"), &[outputs])?,
        )
    });
    Head::new(layers.collect::<Result<_>>()?)
}
