//! This crate's own files: safetensors with our names and one metadata key, `mobilenet`, holding the configuration
//! as JSON. One key, because the header is written from a hash map and several would come in any order.

use std::collections::HashMap;

use ::safetensors::tensor::{Dtype, SafeTensors, TensorView};
use half::{bf16, f16};

use super::parameters::{Array, Arrays, OURS};
use super::{Format, Precision, Weights};
use crate::{Error, MobileNetConfig, Result};

const KEY: &str = "mobilenet";

pub(super) fn open(file: &str, bytes: &[u8]) -> Result<Weights> {
    let wrong = |message: String| Error::Format {
        file: file.into(),
        format: "safetensors file",
        message,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(e.to_string()))?;
    let config = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let config = config.ok_or_else(|| {
        wrong(format!(
            "no `{KEY}` in its metadata, so not written by this crate"
        ))
    })?;
    let config: MobileNetConfig =
        serde_json::from_str(config).map_err(|e| wrong(format!("metadata `{KEY}`: {e}")))?;
    config.check().map_err(|e| wrong(e.to_string()))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| wrong(e.to_string()))?;
    let mut arrays = Arrays::new();
    for (name, view) in tensors.iter() {
        let data = widen(&view).ok_or_else(|| Error::Tensor {
            file: file.into(),
            tensor: name.into(),
            message: format!(
                "numbers of type {:?}; expected F32, F16 or BF16",
                view.dtype()
            ),
        })?;
        arrays.insert(
            name.into(),
            Array {
                shape: view.shape().to_vec(),
                data,
            },
        );
    }
    let arrays = OURS.import(file, &config, arrays)?;
    let weights = Weights {
        source: file.into(),
        format: Format::Safetensors,
        config,
        arrays,
        scheme: OURS.name,
        head: None,
    };
    weights.complete()?; // Our own files say what they hold.
    Ok(weights)
}

fn widen(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = view.data();
    let pairs = || data.chunks_exact(2).map(|b| [b[0], b[1]]);
    Some(match view.dtype() {
        Dtype::F32 => data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        _ => return None,
    })
}

pub(super) fn serialize(
    file: &str,
    config: &MobileNetConfig,
    arrays: &Arrays,
    precision: Precision,
) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::Format {
        file: file.into(),
        format: "safetensors file",
        message,
    };
    let dtype = match precision {
        Precision::Half => Dtype::F16,
        Precision::Single => Dtype::F32,
    };
    let narrow = |array: &Array| -> Vec<u8> {
        match precision {
            Precision::Half => array
                .data
                .iter()
                .flat_map(|&v| f16::from_f32(v).to_le_bytes())
                .collect(),
            Precision::Single => array.data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    };
    let bytes: Vec<_> = arrays
        .iter()
        .map(|(name, array)| (name, array, narrow(array)))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, array, bytes)| {
            Ok((*name, TensorView::new(dtype, array.shape.clone(), bytes)?))
        })
        .collect::<std::result::Result<Vec<_>, ::safetensors::SafeTensorError>>()
        .map_err(|e| wrong(e.to_string()))?;
    let json = serde_json::to_string(config).map_err(|e| wrong(e.to_string()))?;
    let metadata = HashMap::from([(KEY.to_string(), json)]);
    ::safetensors::serialize(views, Some(metadata)).map_err(|e| wrong(e.to_string()))
}
