//! Tensors by name, from a file that says nothing of the net.

use serde_json::Value;

use super::contents::Contents;
use super::timm;
use crate::config::{MobileNetConfig, Padding};
use crate::error::{BoxError, Result};
use crate::weights::file::File;
use crate::weights::parameters::Arrays;
use crate::weights::schemes::{HUGGING_FACE, Scheme, TIMM};

/// PyTorch counts the batches that a batch norm has seen; nothing depends on the number.
pub(super) fn is_counter(name: &str) -> bool {
    name.ends_with(timm::COUNTER)
}

/// Imports by the scheme that fits best. It tells the rest of the net, and for Hugging Face's nets a `config.json` beside
/// the file does, for timm's the arguments that were written with them, if there are any.
pub(super) fn import(
    file: &File<'_>,
    arrays: Arrays,
    schemes: &[&'static Scheme],
    arguments: Option<&str>,
) -> Result<Contents> {
    let scheme = Scheme::of(&file.name, &arrays, schemes)?;
    let (mut config, mut metadata) = (scheme.config(), None);
    if scheme.title == HUGGING_FACE.title
        && let Some(json) = file.beside("config.json")?
    {
        config = hugging_face(config, &json)
            .map_err(|e| file.failed_part("Hugging Face model", "config.json", e))?;
    }
    if scheme.title == TIMM.title
        && let Some(json) = arguments
    {
        (config, metadata) = timm::read_arguments(config, json)
            .map_err(|e| file.failed_part("timm model", "metadata `timm`", e))?;
    }
    Ok(Contents::import(&file.name, scheme, config, arrays)?.with_metadata(metadata))
}

fn hugging_face(mut config: MobileNetConfig, json: &[u8]) -> Result<MobileNetConfig, BoxError> {
    let json: Value = serde_json::from_slice(json)?;
    match json["hidden_act"].as_str() {
        None | Some("relu6") => {}
        Some(other) => {
            return Err(format!("hidden_act {other:?}; MobileNetV1's is relu6").into());
        }
    }
    if let Some(epsilon) = json["layer_norm_eps"].as_f64() {
        config.epsilon = epsilon;
    }
    if let Some(same) = json["tf_padding"].as_bool() {
        config.padding = if same { Padding::Same } else { Padding::Both };
    }
    if let Some(size) = json["image_size"].as_u64() {
        config.input_size = usize::try_from(size).unwrap_or(usize::MAX);
    }
    config.check()?;
    Ok(config)
}
