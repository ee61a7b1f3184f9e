//! TensorFlow.js layers models: a `model.json` with the Keras topology and a manifest of shards of raw numbers.

use std::path::{Component, Path};

use serde::Deserialize;
use serde_json::Value;

use super::parameters::{Array, Arrays, KERAS};
use super::{Format, Weights, read};
use crate::{Error, MobileNetConfig, Padding, Result};

const FORMAT: &str = "TensorFlow.js layers model";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_topology: Value,
    weights_manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Value>,
}

pub(super) fn open(path: &Path, bytes: &[u8]) -> Result<Weights> {
    let file = path.display().to_string();
    let wrong = |message: String| Error::Format {
        file: file.clone(),
        format: FORMAT,
        message,
    };
    let model: Model = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
    let config = topology(&model.model_topology).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut arrays = Arrays::new();
    for group in model.weights_manifest {
        read_group(&file, folder, group, &mut arrays)?;
    }
    Weights::import(file, Format::TfjsLayers, &KERAS, config, arrays, None)
}

/// A group's shards, joined, are its tensors, one behind the other, with nothing between or after.
fn read_group(file: &str, folder: &Path, group: Group, arrays: &mut Arrays) -> Result<()> {
    let mut data = Vec::new();
    for shard in &group.paths {
        let plain = Path::new(shard)
            .components()
            .all(|c| matches!(c, Component::Normal(_)));
        if !plain {
            return Err(Error::Format {
                file: file.into(),
                format: FORMAT,
                message: format!("shard path {shard:?} leads out of the model's folder"),
            });
        }
        data.extend(read(&folder.join(shard))?);
    }
    let shards = || {
        group
            .paths
            .iter()
            .map(|s| folder.join(s).display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut rest = &data[..];
    for entry in &group.weights {
        let wrong = |message| Error::Tensor {
            file: shards(),
            tensor: entry.name.clone(),
            message,
        };
        if entry.dtype != "float32" || entry.quantization.is_some() {
            return Err(wrong(format!(
                "dtype {} or quantised; expected plain float32",
                entry.dtype
            )));
        }
        let length = entry
            .shape
            .iter()
            .try_fold(4usize, |n, &d| n.checked_mul(d));
        let (bytes, after) = length
            .and_then(|n| rest.split_at_checked(n))
            .ok_or_else(|| {
                wrong(format!(
                    "shape {:?} of float32 needs more than the {} bytes left in the shards",
                    entry.shape,
                    rest.len()
                ))
            })?;
        rest = after;
        let data = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let array = Array {
            shape: entry.shape.clone(),
            data,
        };
        if arrays.insert(entry.name.clone(), array).is_some() {
            return Err(wrong("is listed twice in the manifest".into()));
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::Format {
        file: shards(),
        format: FORMAT,
        message: format!("{} bytes more than the manifest says", rest.len()),
    })
}

/// Epsilon and padding from the Keras layers; the rest is told by the tensors' shapes.
fn topology(topology: &Value) -> std::result::Result<MobileNetConfig, String> {
    let layers = topology
        .pointer("/model_config/config/layers")
        .or_else(|| topology.pointer("/config/layers"))
        .or_else(|| topology.pointer("/model_config/config"))
        .and_then(Value::as_array)
        .ok_or(
            "no `modelTopology.model_config.config.layers`: only Keras layers models are supported",
        )?;
    let mut config = MobileNetConfig::new();
    let mut epsilon = None;
    let mut padding = None;
    for layer in layers {
        let class = layer["class_name"].as_str().unwrap_or_default();
        let get = |key: &str| &layer["config"][key];
        match class {
            "InputLayer" => {
                if let Some(size) = get("batch_input_shape").get(1).and_then(Value::as_u64) {
                    config.input_size = size as usize;
                }
            }
            "BatchNormalization" => {
                let found = get("epsilon")
                    .as_f64()
                    .ok_or("a BatchNormalization layer without an epsilon")?;
                if *epsilon.get_or_insert(found) != found {
                    return Err(format!(
                        "batch norms with different epsilons, {found} among them"
                    ));
                }
            }
            "Conv2D" | "DepthwiseConv2D"
                if get("strides").get(0).and_then(Value::as_u64) == Some(2) =>
            {
                let found = match get("padding").as_str() {
                    Some("same") => Padding::Same,
                    Some("valid") => Padding::End,
                    other => {
                        return Err(format!(
                            "a convolution padded {other:?}; expected same or valid"
                        ));
                    }
                };
                if *padding.get_or_insert(found) != found {
                    return Err("convolutions of stride 2 with different paddings".into());
                }
            }
            "ZeroPadding2D" if *get("padding") != serde_json::json!([[0, 1], [0, 1]]) => {
                return Err(format!(
                    "ZeroPadding2D of {}; expected [[0,1],[0,1]]",
                    get("padding")
                ));
            }
            _ => {}
        }
    }
    config.epsilon = epsilon.ok_or("no BatchNormalization layer")?;
    config.padding = padding.ok_or("no convolution of stride 2")?;
    Ok(config)
}
