//! Keras' HDF5 files: whole models (with their topology), weights by layer name (Keras 1 and 2, as
//! `keras.applications` publishes them), and the numbered layers of Keras 3's `.weights.h5`.

use hdf5_pure::{AttrValue, File as Hdf5, Group};

use super::contents::Contents;
use super::keras_topology;
use crate::config::MobileNetConfig;
use crate::error::{BoxError, Result};
use crate::weights::budget::{Budget, count};
use crate::weights::file::File;
use crate::weights::parameters::{Array, Arrays};
use crate::weights::schemes::{KERAS, KERAS_3, Scheme};

const FORMAT: &str = "Keras HDF5 file";
/// Keras nests layer, layer again and variable, below `model_weights` in whole models.
const DEEPEST: usize = 8;
/// More than any MobileNetV1 has, times ten.
const MOST: usize = 2048;

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let failed = |e: hdf5_pure::Error| file.failed(FORMAT, e);
    let hdf5 = Hdf5::from_bytes(file.bytes.to_vec()).map_err(failed)?;
    let root = hdf5.root();
    let attributes = root.attrs().map_err(failed)?;
    let mut arrays = Arrays::new();
    // The state of the optimizer is stored beside the weights.
    let (top, prefix) = match root.group("model_weights") {
        Ok(group) => (group, "model_weights"),
        Err(_) => (root, ""),
    };
    let mut budget = Budget::of(&file.bytes);
    collect(&file, &top, prefix, 0, &mut arrays, &mut budget)?;
    let scheme = Scheme::of(&file.name, &arrays, &[&KERAS_3, &KERAS])?;
    let config = match attributes.get("model_config") {
        Some(value) => text(value)
            .ok_or_else(|| "it is not a text".into())
            .and_then(configuration)
            .map_err(|e| file.failed_part(FORMAT, "attribute `model_config`", e))?,
        None => scheme.config(),
    };
    Contents::import(&file.name, scheme, config, arrays)
}

fn configuration(json: &str) -> Result<MobileNetConfig, BoxError> {
    let topology: serde_json::Value = serde_json::from_str(json)?;
    Ok(keras_topology::read(&topology)?)
}

fn text(value: &AttrValue) -> Option<&str> {
    match value {
        AttrValue::String(text)
        | AttrValue::AsciiString(text)
        | AttrValue::VarLenString(text)
        | AttrValue::VarLenAsciiString(text) => Some(text),
        AttrValue::StringSized { value, .. } | AttrValue::AsciiStringSized { value, .. } => {
            Some(value)
        }
        _ => None,
    }
}

fn collect(
    file: &File<'_>,
    group: &Group,
    path: &str,
    depth: usize,
    arrays: &mut Arrays,
    budget: &mut Budget,
) -> Result<()> {
    let failed = |e: hdf5_pure::Error| file.failed(FORMAT, e);
    if depth > DEEPEST {
        return Err(file.wrong(FORMAT, format!("groups nested deeper than {DEEPEST}")));
    }
    for name in group.datasets().map_err(failed)? {
        let path = format!("{path}/{name}");
        let array = array(group, &name, budget).map_err(|e| file.failed_tensor(&path, e))?;
        // Counters and the like.
        if array.shape.is_empty() {
            continue;
        }
        if arrays.insert(short(&path), array).is_some() || arrays.len() > MOST {
            return Err(file.wrong_tensor(&path, "is there twice, or among thousands"));
        }
    }
    for name in group.groups().map_err(failed)? {
        if name != "optimizer_weights" && name != "optimizer" && name != "_metadata" {
            let below = group.group(&name).map_err(failed)?;
            let path = format!("{path}/{name}");
            collect(file, &below, &path, depth + 1, arrays, budget)?;
        }
    }
    Ok(())
}

/// A dataset; of a scalar only the shape.
fn array(group: &Group, name: &str, budget: &mut Budget) -> Result<Array, BoxError> {
    let dataset = group.dataset(name)?;
    let shape = dataset.shape()?;
    let shape: Vec<usize> = shape
        .iter()
        .map(|&n| usize::try_from(n).unwrap_or(usize::MAX))
        .collect();
    let mut data = Vec::new();
    if !shape.is_empty() {
        let expected =
            count(&shape).ok_or_else(|| format!("shape {shape:?} does not occur in a net"))?;
        budget.take(expected)?;
        data = dataset.read_f32()?;
    }
    Ok(Array { shape, data })
}

/// `/conv1/conv1/kernel:0` to `conv1/kernel`; Keras 3's `/layers/conv2d/vars/0` without its first slash, and its
/// `conv_dw_1/kernel` as Keras 2 calls it.
fn short(path: &str) -> String {
    let path = path.trim_start_matches('/');
    if path.starts_with("layers/") {
        return path.into();
    }
    let path = path.strip_suffix(":0").unwrap_or(path);
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some("kernel"), Some(layer)) if layer.starts_with("conv_dw_") => {
            format!("{layer}/depthwise_kernel")
        }
        (Some(variable), Some(layer)) => format!("{layer}/{variable}"),
        _ => path.into(),
    }
}
