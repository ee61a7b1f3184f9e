//! The backbone in a classifier file: its weights, or their name.

use std::path::Path;

use mobilenet::{FloatType, Precision, QuantizedNet, Weights};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backbone::Backbone;
use crate::error::{BoxError, Error, Result};
use crate::tensor_file::{TensorReader, TensorWriter};

/// The metadata key of mobilenet's own files.
const KEY: &str = "mobilenet";
/// The same of its quantized nets.
const INTEGERS_KEY: &str = "mobilenet-quantized";
/// The names of the backbone's tensors begin with this.
const PREFIX: &str = "backbone.";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackboneDescription {
    /// Configuration, as mobilenet's own safetensors have it.
    pub(super) config: Value,
    /// Digest of the weights.
    pub(super) digest: String,
    /// What [`Weights::open`] takes, if the weights are not in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Left out where it is f32.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) precision: Precision,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_default(precision: &Precision) -> bool {
    *precision == Precision::default()
}

/// The configuration of weights. Their tensors are added to `tensors`, if there is one, in half precision where that
/// loses nothing.
pub(super) fn put(weights: &Weights, tensors: Option<&mut TensorWriter>) -> Result<Value> {
    let source = weights.source();
    let wrong = |cause: BoxError| Error::file_caused(source, cause.to_string(), cause);
    let half = weights.to_safetensors(FloatType::F16).ok().filter(|half| {
        let same = |read: Weights| read.digest() == weights.digest();
        Weights::from_safetensors("", half).is_ok_and(same)
    });
    let bytes = match half {
        Some(half) => half,
        None => weights.to_safetensors(FloatType::F32)?,
    };
    add(&bytes, KEY, tensors).map_err(wrong)
}

/// As [`put`], for a network of integers.
pub(super) fn put_integers(
    net: &QuantizedNet,
    tensors: Option<&mut TensorWriter>,
) -> Result<Value> {
    let added = add(&net.to_safetensors()?, INTEGERS_KEY, tensors);
    added.map_err(|cause| Error::file_caused("a quantized net", cause.to_string(), cause))
}

/// What mobilenet's own file has under its metadata `key`; its tensors are added to `tensors`.
fn add(bytes: &[u8], key: &str, tensors: Option<&mut TensorWriter>) -> Result<Value, BoxError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let config = header.metadata().as_ref().and_then(|m| m.get(key));
    let config = config.ok_or("mobilenet wrote no configuration")?;
    if let Some(tensors) = tensors {
        for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
            tensors.put_view(format!("{PREFIX}{name}"), &view);
        }
    }
    Ok(serde_json::from_str(config)?)
}

/// The backbone that a file describes, which `make` makes of its weights.
pub(super) fn get(
    about: &BackboneDescription,
    tensors: &TensorReader<'_>,
    path: &Path,
    make: impl FnOnce(Weights) -> Result<Backbone>,
) -> Result<Backbone> {
    let backbone = if let Some(name) = &about.name {
        let number = |field: &str| {
            let number = about.config.get(field).and_then(Value::as_u64);
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| tensors.error(format!("no `{field}` in the backbone's `config`")))
        };
        let weights = open_linked(name, number("blocks")?, number("classes")?);
        // These errors name the weights: the file is to be named too.
        weights
            .and_then(make)
            .map_err(|error| tensors.caused(error))?
    } else {
        let views = tensors.with_prefix(PREFIX);
        let key = match about.precision {
            Precision::F32 => KEY,
            Precision::Int8 => INTEGERS_KEY,
            other => return Err(tensors.error(format!("a network in {other}, not in f32 or int8"))),
        };
        let metadata = [(key.to_string(), about.config.to_string())];
        let bytes = safetensors::serialize(views, Some(metadata.into_iter().collect()));
        let bytes = bytes.map_err(|error| tensors.caused(error))?;
        // With the path as their source, all that is wrong with the weights names the file.
        let source = files::shown_path(path).to_string();
        if about.precision == Precision::Int8 {
            Backbone::of_integers(QuantizedNet::from_bytes(&source, &bytes)?)?
        } else {
            make(Weights::from_safetensors(&source, &bytes)?)?
        }
    };
    if backbone.digest() != about.digest {
        return Err(tensors.error(format!(
            "the backbone's weights have the digest {}, those it was saved with {}",
            backbone.digest(),
            about.digest
        )));
    }
    Ok(backbone)
}

/// The weights of a name, cut as those in use are.
#[cfg(not(target_family = "wasm"))]
pub(super) fn open_linked(name: &str, blocks: usize, classes: usize) -> Result<Weights> {
    let weights = Weights::open(name)?.with_blocks(blocks)?;
    Ok(match classes {
        0 => weights.without_classifier(),
        _ => weights,
    })
}

/// WebAssembly has no folder of weights, and readers of all their formats would be most of a module.
#[cfg(target_family = "wasm")]
pub(super) fn open_linked(name: &str, _blocks: usize, _classes: usize) -> Result<Weights> {
    let expected = "a file with the weights inside: WebAssembly has no folder of weights";
    Err(Error::mismatch(
        "weights",
        expected,
        format!("the name `{name}`"),
    ))
}
