//! Safetensors. This crate's own have our names and one metadata key, `mobilenet`, holding the configuration as JSON
//! (one key, because the header is written from a hash map and several would come in any order). Without that key,
//! the names of timm, Hugging Face or Keras are expected.

use std::collections::HashMap;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};
use half::f16;
use serde_json::Value;

use super::parameters::{Array, Arrays};
use super::preprocessing::Filter;
use super::schemes::{HUGGING_FACE, KERAS, OURS, TIMM};
use super::source::{File, brain_halves, floats, halves};
use super::{Format, Precision, Weights, pytorch};
use crate::{Error, MobileNetConfig, Result};

const FORMAT: &str = "safetensors file";
const KEY: &str = "mobilenet";
/// What is stored beside the configuration's fields.
const CROP: &str = "crop";
const FILTER: &str = "filter";

pub(super) fn open(file: File<'_>) -> Result<Weights> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let (_, header) = SafeTensors::read_metadata(&file.bytes).map_err(|e| wrong(e.to_string()))?;
    let own = header.metadata().as_ref().and_then(|m| m.get(KEY)).cloned();
    let tensors = SafeTensors::deserialize(&file.bytes).map_err(|e| wrong(e.to_string()))?;
    let mut arrays = Arrays::new();
    for (name, view) in tensors.iter() {
        if own.is_none() && pytorch::is_counter(name) {
            continue;
        }
        let data = widen(&view).ok_or_else(|| Error::Tensor {
            file: file.name.clone(),
            tensor: name.into(),
            message: format!(
                "numbers of type {:?}; expected F32, F16 or BF16",
                view.dtype()
            ),
        })?;
        let shape = view.shape().to_vec();
        arrays.insert(name.into(), Array { shape, data });
    }
    let Some(own) = own else {
        // Keras writes `conv1/kernel` and PyTorch's users `conv_stem.weight`.
        return pytorch::import(
            &file,
            Format::Safetensors,
            arrays,
            &[&KERAS, &HUGGING_FACE, &TIMM],
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

fn widen(view: &TensorView<'_>) -> Option<Vec<f32>> {
    Some(match view.dtype() {
        Dtype::F32 => floats(view.data()),
        Dtype::F16 => halves(view.data()),
        Dtype::BF16 => brain_halves(view.data()),
        _ => return None,
    })
}

pub(super) fn serialize(weights: &Weights, precision: Precision) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::Format {
        file: weights.source.clone(),
        format: FORMAT,
        message,
    };
    let dtype = match precision {
        Precision::Half => Dtype::F16,
        Precision::Single => Dtype::F32,
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

fn narrow(name: &str, array: &Array, precision: Precision) -> std::result::Result<Vec<u8>, String> {
    if precision == Precision::Single {
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
