//! PyTorch state dicts (`torch.save(model.state_dict(), ...)`), by way of Burn's reader. It interprets the data of
//! the pickle and calls nothing that a pickle names.

use std::collections::BTreeMap;
use std::io::Write;

use pytorch_reader::{DType, PytorchReader, Tensor};

use super::contents::Contents;
use super::named_tensors::{import, is_counter};
use crate::error::{BoxError, Error, Result};
use crate::weights::budget::{Budget, count};
use crate::weights::file::{File, Place};
use crate::weights::numbers::{brain_halves, floats, halves};
use crate::weights::parameters::{Array, Arrays};
use crate::weights::schemes::{HUGGING_FACE, TIMM};

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

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let copy; // The reader wants a file of its own.
    let path = match file.place {
        Place::Disk(path) => path,
        #[cfg(feature = "fetch")]
        Place::Fetched(path) => path,
        _ => {
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
    let mut reader = PytorchReader::new(path).map_err(|e| file.failed(FORMAT, e))?;
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
        let array = array(tensor, &mut budget).map_err(|e| file.failed_tensor(name, e))?;
        if arrays.insert(short.into(), array).is_some() {
            return Err(file.wrong_tensor(name, format!("another tensor is `{short}` too")));
        }
    }
    import(&file, arrays, &[&HUGGING_FACE, &TIMM], None)
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

fn array(tensor: &Tensor, budget: &mut Budget) -> Result<Array, BoxError> {
    let widen: fn(&[u8]) -> Vec<f32> = match tensor.dtype() {
        DType::F32 => floats,
        DType::F16 => halves,
        DType::BF16 => brain_halves,
        other => {
            let message = format!("numbers of type {other:?}; expected F32, F16 or BF16");
            return Err(message.into());
        }
    };
    let shape = tensor.shape().to_vec();
    let expected =
        count(&shape).ok_or_else(|| format!("shape {shape:?} does not occur in a MobileNetV1"))?;
    budget.take(expected)?;
    let data = widen(&tensor.read()?);
    if data.len() != expected {
        return Err(format!("{} values for shape {shape:?}", data.len()).into());
    }
    Ok(Array { shape, data })
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
