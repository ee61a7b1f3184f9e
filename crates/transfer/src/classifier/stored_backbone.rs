//! The backbone in a classifier file: its weights, or their name.

use std::path::Path;

use mobilenet::{FloatType, Weights};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backbone::Backbone;
use crate::error::{BoxError, Error, Result};
use crate::tensor_file::{TensorReader, TensorWriter};

/// The metadata key of mobilenet's own files.
const KEY: &str = "mobilenet";
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
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| wrong(e.into()))?;
    let config = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let config = config.ok_or_else(|| wrong("mobilenet wrote no configuration".into()))?;
    if let Some(tensors) = tensors {
        let own = SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.into()))?;
        for (name, view) in own.iter() {
            tensors.put_view(format!("{PREFIX}{name}"), &view);
        }
    }
    serde_json::from_str(config).map_err(|e| wrong(e.into()))
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
        let metadata = [(KEY.to_string(), about.config.to_string())]
            .into_iter()
            .collect();
        let bytes = safetensors::serialize(views, Some(metadata));
        let bytes = bytes.map_err(|error| tensors.caused(error))?;
        // With the path as their source, all that is wrong with the weights names the file.
        make(Weights::from_safetensors(
            &files::shown_path(path).to_string(),
            &bytes,
        )?)?
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
pub(super) fn open_linked(name: &str, blocks: usize, classes: usize) -> Result<Weights> {
    let weights = Weights::open(name)?.with_blocks(blocks)?;
    Ok(match classes {
        0 => weights.without_classifier(),
        _ => weights,
    })
}
