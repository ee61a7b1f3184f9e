//! Safetensors. This crate's own have our names and one metadata key, `mobilenet`, holding the configuration as JSON
//! (one key, because the header is written from a hash map and several would come in any order). Without that key,
//! the names of timm, Hugging Face or Keras are expected.

use std::borrow::Cow;
use std::collections::HashMap;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};
use half::f16;
use serde_json::Value;

use super::parameters::{Array, Arrays};
use super::preprocessing::Filter;
use super::schemes::{HUGGING_FACE, KERAS, OURS, TIMM};
use super::source::{File, brain_halves, floats, halves};
use super::{FloatType, Format, Weights, pytorch};
use crate::{Error, MobileNetConfig, Result};

const FORMAT: &str = "safetensors file";
const KEY: &str = "mobilenet";
/// Where exports for timm say what the model is to be made with.
const TIMM_KEY: &str = "timm";
/// What is stored beside the configuration's fields.
const CROP: &str = "crop";
const FILTER: &str = "filter";

pub(super) fn open(mut file: File<'_>) -> Result<Weights> {
    let mut bytes = std::mem::take(&mut file.bytes);
    let wrong = |message: String| file.wrong(FORMAT, message);
    // Checks every size and offset against the file's length.
    SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.to_string()))?;
    let (header_size, header) =
        SafeTensors::read_metadata(&bytes).map_err(|e| wrong(e.to_string()))?;
    let said = |key: &str| header.metadata().as_ref().and_then(|m| m.get(key)).cloned();
    if said("classifier").is_some() {
        return Err(wrong(
            "it is a classifier file, a network with a head of its own: load it as a classifier"
                .into(),
        ));
    }
    let own = said(KEY);
    let mut arrays = Arrays::new();
    // From the end, so that what has been read can be let go: no two copies of a net at once.
    for name in header.offset_keys().into_iter().rev() {
        if own.is_none() && pytorch::is_counter(&name) {
            continue;
        }
        let Some(info) = header.info(&name) else {
            continue;
        };
        let [start, end] =
            [info.data_offsets.0, info.data_offsets.1].map(|at| 8 + header_size + at);
        let data = bytes
            .get(start..end)
            .and_then(|data| widen(info.dtype, data));
        let data = data.ok_or_else(|| Error::Tensor {
            file: file.name.clone(),
            tensor: name.clone(),
            message: format!(
                "numbers of type {:?}; expected F32, F16 or BF16",
                info.dtype
            ),
        })?;
        let shape = info.shape.clone();
        arrays.insert(name, Array { shape, data });
        let_go(&mut bytes, start);
    }
    drop(bytes);
    let Some(own) = own else {
        // Keras writes `conv1/kernel` and PyTorch's users `conv_stem.weight`.
        return pytorch::import(
            &file,
            Format::Safetensors,
            arrays,
            &[&KERAS, &HUGGING_FACE, &TIMM],
            said(TIMM_KEY).as_deref(),
        );
    };
    let (config, crop, filter) =
        read_metadata(&own).map_err(|e| wrong(format!("metadata `{KEY}`: {e}")))?;
    let arrays = OURS.import(&file.name, &config, arrays)?;
    let weights = Weights {
        source: file.name,
        format: Format::Safetensors,
        config,
        arrays,
        scheme: &OURS,
        crop,
        filter,
        head: None,
    };
    weights.complete()?; // Our own files say what they hold.
    Ok(weights)
}

fn read_metadata(json: &str) -> std::result::Result<(MobileNetConfig, f64, Filter), String> {
    let mut value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
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
        Some(filter) => serde_json::from_value(filter).map_err(|e| e.to_string())?,
    };
    let config: MobileNetConfig = serde_json::from_value(value).map_err(|e| e.to_string())?;
    config.check().map_err(|e| e.to_string())?;
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

/// Drops what lies behind `end`, where the bytes are ours and it is worth moving them.
fn let_go(bytes: &mut Cow<'_, [u8]>, end: usize) {
    if let Cow::Owned(bytes) = bytes {
        bytes.truncate(end);
        if bytes.capacity() - end > bytes.capacity() / 8 {
            bytes.shrink_to_fit();
        }
    }
}

pub(super) fn serialize(weights: &Weights, precision: FloatType) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::Format {
        file: weights.source.clone(),
        format: FORMAT,
        message,
    };
    let dtype = match precision {
        FloatType::F16 => Dtype::F16,
        FloatType::F32 => Dtype::F32,
    };
    let mut bytes = Vec::with_capacity(weights.arrays.len());
    for (name, array) in &weights.arrays {
        bytes.push((name, array, narrow(name, array, precision).map_err(wrong)?));
    }
    let views = bytes
        .iter()
        .map(|(name, array, bytes)| {
            Ok((*name, TensorView::new(dtype, array.shape.clone(), bytes)?))
        })
        .collect::<std::result::Result<Vec<_>, ::safetensors::SafeTensorError>>()
        .map_err(|e| wrong(e.to_string()))?;
    let mut json = serde_json::to_value(&weights.config).map_err(|e| wrong(e.to_string()))?;
    if let Some(fields) = json.as_object_mut() {
        fields.insert(CROP.into(), weights.crop.into());
        let filter = serde_json::to_value(weights.filter).map_err(|e| wrong(e.to_string()))?;
        fields.insert(FILTER.into(), filter);
    }
    let metadata = HashMap::from([(KEY.to_string(), json.to_string())]);
    ::safetensors::serialize(views, Some(metadata)).map_err(|e| wrong(e.to_string()))
}

fn narrow(name: &str, array: &Array, precision: FloatType) -> std::result::Result<Vec<u8>, String> {
    if precision == FloatType::F32 {
        return Ok(array.data.iter().flat_map(|v| v.to_le_bytes()).collect());
    }
    if let Some(large) = array.data.iter().find(|v| f16::from_f32(**v).is_infinite()) {
        return Err(format!(
            "tensor `{name}` holds {large}, beyond half precision's 65504: save it in single precision"
        ));
    }
    let halves = array.data.iter().map(|&v| f16::from_f32(v).to_le_bytes());
    Ok(halves.flatten().collect())
}
