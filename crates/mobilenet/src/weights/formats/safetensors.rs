//! Safetensors. This crate's own have our names and the configuration as JSON under the metadata key `mobilenet`.
//! Without that key, the names of timm, Hugging Face or Keras are expected.

use std::borrow::Cow;

use ::safetensors::tensor::{Dtype, Metadata, SafeTensors};
use half::f16;
use serde_json::{Value, json};

use super::contents::Contents;
use super::named_tensors::{import, is_counter};
use super::quantized_safetensors;
use super::safetensors_file::{FORMAT, Stored, serialize};
use super::timm;
use crate::config::MobileNetConfig;
use crate::error::{BoxError, Error, Result};
use crate::weights::file::File;
use crate::weights::net::{ExportedFile, Net, PixelInput};
use crate::weights::numbers::{FloatType, brain_halves, bytes_of, floats, halves};
use crate::weights::parameters::{Array, Arrays};
use crate::weights::preprocessing::Filter;
use crate::weights::schemes::{HUGGING_FACE, KERAS, OURS, TIMM};

const KEY: &str = "mobilenet";
/// What is stored beside the configuration's fields.
const CROP: &str = "crop";
const FILTER: &str = "filter";

pub(in crate::weights) fn read(mut file: File<'_>) -> Result<Contents> {
    let bytes = std::mem::take(&mut file.bytes);
    // Checks every size and offset against the length of the file.
    SafeTensors::deserialize(&bytes).map_err(|e| file.failed(FORMAT, e))?;
    let (header_size, header) =
        SafeTensors::read_metadata(&bytes).map_err(|e| file.failed(FORMAT, e))?;
    let said = |key: &str| header.metadata().as_ref().and_then(|m| m.get(key)).cloned();
    if said("classifier").is_some() {
        let message =
            "it is a classifier file, a network with a head of its own: load it as a classifier";
        return Err(file.wrong(FORMAT, message));
    }
    if said(quantized_safetensors::KEY).is_some() {
        return Err(Error::Quantized {
            file: file.name.clone(),
        });
    }
    let own = said(KEY);
    let keep = |name: &str| own.is_some() || !is_counter(name);
    let arrays = read_tensors(&file, bytes, 8 + header_size, &header, keep)?;
    let Some(own) = own else {
        // Keras writes `conv1/kernel` and PyTorch's users `conv_stem.weight`.
        let schemes = [&KERAS, &HUGGING_FACE, &TIMM];
        return import(&file, arrays, &schemes, said(timm::KEY).as_deref());
    };
    let (config, crop, filter) =
        read_metadata(&own).map_err(|e| file.failed_part(FORMAT, "metadata `mobilenet`", e))?;
    let arrays = OURS.import(&file.name, &config, arrays)?;
    OURS.complete(&file.name, &config, &arrays)?; // Our own files say what they hold.
    Ok(Contents {
        scheme: &OURS,
        config,
        arrays,
        head: None,
        crop,
        filter,
        metadata: None,
    })
}

/// The tensors whose names are to be kept, widened. The numbers begin at `start`.
fn read_tensors(
    file: &File<'_>,
    mut bytes: Cow<'_, [u8]>,
    start: usize,
    header: &Metadata,
    keep: impl Fn(&str) -> bool,
) -> Result<Arrays> {
    let mut arrays = Arrays::new();
    // From the end, so that what has been read can be freed: there are never two copies of a net.
    for name in header.offset_keys().into_iter().rev() {
        let Some(info) = header.info(&name).filter(|_| keep(&name)) else {
            continue;
        };
        let [start, end] = [info.data_offsets.0, info.data_offsets.1].map(|at| start + at);
        let data = bytes
            .get(start..end)
            .and_then(|data| widen(info.dtype, data));
        let data = data.ok_or_else(|| {
            let found = info.dtype;
            file.wrong_tensor(
                &name,
                format!("numbers of type {found:?}; expected F32, F16 or BF16"),
            )
        })?;
        let shape = info.shape.clone();
        arrays.insert(name, Array { shape, data });
        free_behind(&mut bytes, start);
    }
    Ok(arrays)
}

fn read_metadata(json: &str) -> Result<(MobileNetConfig, f64, Filter), BoxError> {
    let mut value: Value = serde_json::from_str(json)?;
    let mut take = |key: &str| value.as_object_mut().and_then(|o| o.remove(key));
    let crop = match take(CROP) {
        None => OURS.crop,
        Some(crop) => crop
            .as_f64()
            .filter(|c| *c > 0.0 && *c <= 1.0)
            .ok_or(format!("crop {crop}; expected a number in (0, 1]"))?,
    };
    let filter = match take(FILTER) {
        None => OURS.filter,
        Some(filter) => serde_json::from_value(filter)?,
    };
    let config: MobileNetConfig = serde_json::from_value(value)?;
    config.check()?;
    Ok((config, crop, filter))
}

fn widen(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => floats(data),
        Dtype::F16 => halves(data),
        Dtype::BF16 => brain_halves(data),
        _ => return None,
    })
}

/// Frees what lies behind `end`, if the bytes are ours and it is worth moving them.
fn free_behind(bytes: &mut Cow<'_, [u8]>, end: usize) {
    if let Cow::Owned(bytes) = bytes {
        bytes.truncate(end);
        if bytes.capacity() - end > bytes.capacity() / 8 {
            bytes.shrink_to_fit();
        }
    }
}

pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    net.only(
        "safetensors, which hold the configuration beside the net",
        &[PixelInput::Normalized],
    )?;
    if !net.head.is_empty() {
        let expected =
            "0: safetensors hold the net alone; a classifier file or another format holds both";
        let layers = net.head.len();
        return Err(Error::setting("layers behind the net", layers, expected));
    }
    let mut tensors = Vec::with_capacity(net.arrays.len());
    for (name, array) in net.arrays {
        let (dtype, bytes) = match net.float_type {
            FloatType::F32 => (Dtype::F32, bytes_of(&array.data)),
            FloatType::F16 => (Dtype::F16, half_bytes_of(name, &array.data)?),
        };
        tensors.push(Stored::new(name.clone(), dtype, array.shape.clone(), bytes));
    }
    let mut about = json!(net.config);
    about[CROP] = json!(net.crop);
    about[FILTER] = json!(net.filter);
    let bytes = serialize(&tensors, KEY, &about)?;
    Ok(vec![ExportedFile::new("model.safetensors", bytes)])
}

/// The bytes of numbers in half precision.
pub(super) fn half_bytes_of(name: &str, values: &[f32]) -> Result<Vec<u8>> {
    if let Some(large) = values.iter().find(|v| f16::from_f32(**v).is_infinite()) {
        return Err(Error::Tensor {
            file: "weights in half precision".into(),
            tensor: name.into(),
            message: format!(
                "it holds {large}, and half precision ends at 65504: save it in single precision"
            ),
            source: None,
        });
    }
    let halves = values.iter().map(|&v| f16::from_f32(v).to_le_bytes());
    Ok(halves.flatten().collect())
}
