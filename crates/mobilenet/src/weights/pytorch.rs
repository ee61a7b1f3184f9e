//! PyTorch state dicts (`torch.save(model.state_dict(), ...)`), by way of burn-store's reader: it interprets the
//! pickle's data and calls nothing that a pickle names.

use std::collections::BTreeMap;
use std::io::Write;

use pytorch_reader::{DType, PytorchReader, Tensor};
use serde_json::Value;

use super::parameters::{Array, Arrays};
use super::schemes::{HUGGING_FACE, Scheme, TIMM};
use super::source::{Budget, File, Place, brain_halves, count, floats, halves};
use super::{Format, Weights};
use crate::{Error, MobileNetConfig, Padding, Result};

const FORMAT: &str = "PyTorch state dict";
/// Checkpoints of training programs hold the state dict below one of these; of several the first is meant, as timm's
/// `load_state_dict` chooses (1.0.31): the averaged weights are those that were evaluated.
const BELOW: [&str; 5] = [
    "state_dict_ema",
    "model_ema",
    "state_dict",
    "model",
    "model_state_dict",
];

/// PyTorch counts the batches that a batch norm has seen; nothing depends on the number.
pub(super) fn is_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

pub(super) fn open(file: File<'_>) -> Result<Weights> {
    let copy; // The reader wants a file of its own.
    let path = match file.place {
        Place::Disk(path) => path,
        #[cfg(feature = "fetch")]
        Place::Fetched(path) => path,
        Place::Archive(_) | Place::Memory => {
            let io = |source| Error::Io {
                path: file.name.clone().into(),
                source,
            };
            let mut temporary = tempfile::NamedTempFile::new().map_err(io)?;
            temporary.write_all(&file.bytes).map_err(io)?;
            copy = temporary;
            copy.path()
        }
    };
    let wrong = |e: pytorch_reader::PytorchError| file.wrong(FORMAT, e.to_string());
    let mut reader = PytorchReader::new(path).map_err(wrong)?;
    if reader.is_empty() {
        let below = BELOW
            .iter()
            .filter_map(|key| PytorchReader::with_top_level_key(path, key).ok());
        if let Some(found) = below.into_iter().find(|reader| !reader.is_empty()) {
            reader = found;
        }
    }
    let mut budget = Budget::of(&file.bytes);
    let mut arrays = Arrays::new();
    let tensors: BTreeMap<_, _> = reader.into_tensors().into_iter().collect();
    let chosen = chosen(tensors.keys().map(String::as_str));
    for (name, tensor) in &tensors {
        let Some(short) = short(name, chosen).filter(|_| !is_counter(name)) else {
            continue;
        };
        let wrong = |message| Error::Tensor {
            file: file.name.clone(),
            tensor: name.clone(),
            message,
        };
        let array = array(tensor, &mut budget).map_err(wrong)?;
        if arrays.insert(short.into(), array).is_some() {
            return Err(wrong(format!("another tensor is `{short}` too")));
        }
    }
    import(
        &file,
        Format::PyTorch,
        arrays,
        &[&HUGGING_FACE, &TIMM],
        None,
    )
}

/// Which of [`BELOW`] a whole checkpoint's names begin with.
fn chosen<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let mut keys = BELOW.into_iter();
    keys.find(|key| names.clone().any(|name| without(name, key).is_some()))
}

/// A tensor's name in the net: without where the state dict was, and without what data-parallel training adds. `None`
/// for one of a state dict that is not the chosen one.
fn short<'a>(name: &'a str, chosen: Option<&str>) -> Option<&'a str> {
    let other = |key: &&str| Some(*key) != chosen && without(name, key).is_some();
    if chosen.is_some() && BELOW.iter().any(other) {
        return None;
    }
    let mut short = chosen.and_then(|key| without(name, key)).unwrap_or(name);
    for prefix in ["model", "module"] {
        short = without(short, prefix).unwrap_or(short);
    }
    Some(short)
}

fn without<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_prefix('.')
}

fn array(tensor: &Tensor, budget: &mut Budget) -> std::result::Result<Array, String> {
    let widen: fn(&[u8]) -> Vec<f32> = match tensor.dtype() {
        DType::F32 => floats,
        DType::F16 => halves,
        DType::BF16 => brain_halves,
        other => {
            return Err(format!(
                "numbers of type {other:?}; expected F32, F16 or BF16"
            ));
        }
    };
    let shape = tensor.shape().to_vec();
    let expected = count(&shape).ok_or_else(|| format!("shape {shape:?} is no MobileNetV1's"))?;
    budget.take(expected)?;
    let data = widen(&tensor.read().map_err(|e| e.to_string())?);
    if data.len() != expected {
        return Err(format!("{} values for shape {shape:?}", data.len()));
    }
    Ok(Array { shape, data })
}

/// Tensors by name, from a file that says nothing of the net: the scheme that fits tells the rest, and for Hugging
/// Face's nets a `config.json` beside it, for timm's the arguments that were written with them, if any.
pub(super) fn import(
    file: &File<'_>,
    format: Format,
    arrays: Arrays,
    schemes: &[&'static Scheme],
    arguments: Option<&str>,
) -> Result<Weights> {
    let scheme = Scheme::of(&file.name, &arrays, schemes)?;
    let mut config = scheme.config();
    if scheme.title == HUGGING_FACE.title
        && let Some(json) = file.beside("config.json")?
    {
        config = hugging_face(config, &json)
            .map_err(|e| file.wrong("Hugging Face model", format!("config.json: {e}")))?;
    }
    if scheme.title == TIMM.title
        && let Some(json) = arguments
    {
        config = timm(config, json)
            .map_err(|e| file.wrong("timm model", format!("metadata `timm`: {e}")))?;
    }
    Weights::import(file.name.clone(), format, scheme, config, arrays, None)
}

/// What the model was made with: `{"arguments": {"pad_type": "same", "bn_eps": 0.001}, "pretrained_cfg": {..}}`.
fn timm(config: MobileNetConfig, json: &str) -> std::result::Result<MobileNetConfig, String> {
    let json: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let mut config = config;
    let arguments = &json["arguments"];
    if let Some(epsilon) = arguments["bn_eps"].as_f64() {
        config.epsilon = epsilon;
    }
    match arguments["pad_type"].as_str() {
        None | Some("") => {}
        Some("same") => config.padding = Padding::Same,
        Some(other) => return Err(format!("pad_type {other:?}; expected \"same\" or \"\"")),
    }
    let pretrained = &json["pretrained_cfg"];
    if let Some(size) = pretrained["input_size"][1].as_u64() {
        config.input_size = usize::try_from(size).unwrap_or(usize::MAX);
    }
    for (name, value) in [("mean", &mut config.mean), ("std", &mut config.std)] {
        let Some(of_channels) = pretrained[name].as_array() else {
            continue;
        };
        match of_channels[..] {
            [ref r, ref g, ref b] if r == g && g == b && r.is_number() => {
                *value = 255.0 * r.as_f64().unwrap_or(f64::NAN);
            }
            _ => {
                return Err(format!(
                    "{name} {of_channels:?}; expected one for all channels"
                ));
            }
        }
    }
    config.check().map_err(|e| e.to_string())?;
    Ok(config)
}

fn hugging_face(
    config: MobileNetConfig,
    json: &[u8],
) -> std::result::Result<MobileNetConfig, String> {
    let json: Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let mut config = config;
    match json["hidden_act"].as_str() {
        None | Some("relu6") => {}
        Some(other) => return Err(format!("hidden_act {other:?}; MobileNetV1's is relu6")),
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
    config.check().map_err(|e| e.to_string())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(names: &[&str]) -> Vec<String> {
        let chosen = chosen(names.iter().copied());
        let short = names.iter().filter_map(|name| short(name, chosen));
        short.map(String::from).collect()
    }

    /// A checkpoint may hold the weights twice, as they were trained and averaged; one of the two is read, always the
    /// same, and what stands beside them is still seen.
    #[test]
    fn of_two_state_dicts_one_is_read() {
        let both = [
            "state_dict.a",
            "state_dict.module.b",
            "state_dict_ema.c",
            "state_dict_ema.module.d",
            "rest",
        ];
        assert_eq!(shortened(&both), ["c", "d", "rest"]);
        assert_eq!(shortened(&both[..2]), ["a", "b"]);
        assert_eq!(shortened(&["model.a", "model_state_dict.b"]), ["a"]);
        assert_eq!(shortened(&["module.a", "b"]), ["a", "b"]);
        assert_eq!(shortened(&["state_dict.model.a"]), ["a"]);
    }
}
