//! Safetensors of quantized nets: this crate's own form. Under the metadata key `mobilenet-quantized` is JSON with the
//! configuration, every scale of an activation and how sums are rounded; the tensors are `layers.N.weights` (I8),
//! `layers.N.weight_scales` (F32), `layers.N.weight_zero_points` (I8) and `layers.N.bias` (I32).

use std::collections::BTreeSet;

use ::safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::safetensors_file::{FORMAT, Stored, serialize};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::quantized::net::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet, Softmax,
};
use crate::weights::file::File;
use crate::weights::numbers::{bytes_of, floats, integers};

pub(in crate::weights) const KEY: &str = "mobilenet-quantized";
/// Counted up when the form changes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    config: MobileNetConfig,
    input: Activation,
    layers: Vec<LayerDescription>,
    pooled: Activation,
    arithmetic: Arithmetic,
    integers: Integers,
    pooling: Pooling,
    dense: DenseOperation,
    softmax: Option<Softmax>,
    wide_outputs: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerDescription {
    kind: LayerKind,
    output: Activation,
    clamp: (i32, i32),
}

/// Whether a file is of this form.
pub(in crate::weights) fn knows(bytes: &[u8]) -> bool {
    let header = SafeTensors::read_metadata(bytes);
    header.is_ok_and(|(_, header)| {
        let metadata = header.metadata().as_ref();
        metadata.is_some_and(|metadata| metadata.contains_key(KEY))
    })
}

/// The bytes of a net's file: the same for the same net.
pub(in crate::weights) fn write(net: &QuantizedNet) -> Result<Vec<u8>> {
    net.check()?;
    let mut tensors = Vec::new();
    for (i, layer) in net.layers.iter().enumerate() {
        let (outputs, inputs) = (
            layer.outputs(),
            layer.weights.len() / layer.outputs().max(1),
        );
        let shape = match layer.kind {
            LayerKind::Depthwise => vec![inputs, outputs],
            _ => vec![outputs, inputs],
        };
        let weights = layer.weights.iter().map(|&w| w as u8).collect();
        let zero_points = layer.weight_zero_points.iter().map(|&z| z as u8).collect();
        let bias = layer.bias.iter().flat_map(|b| b.to_le_bytes()).collect();
        let scales = bytes_of(&layer.weight_scales);
        for (part, dtype, shape, bytes) in [
            ("weights", Dtype::I8, shape, weights),
            ("weight_scales", Dtype::F32, vec![outputs], scales),
            ("weight_zero_points", Dtype::I8, vec![outputs], zero_points),
            ("bias", Dtype::I32, vec![outputs], bias),
        ] {
            tensors.push(Stored::new(
                format!("layers.{i}.{part}"),
                dtype,
                shape,
                bytes,
            ));
        }
    }
    let about = Description {
        version: VERSION,
        config: net.config.clone(),
        input: net.input,
        layers: net
            .layers
            .iter()
            .map(|layer| LayerDescription {
                kind: layer.kind,
                output: layer.output,
                clamp: layer.clamp,
            })
            .collect(),
        pooled: net.pooled,
        arithmetic: net.arithmetic,
        integers: net.integers,
        pooling: net.pooling,
        dense: net.dense,
        softmax: net.softmax,
        wide_outputs: net.wide_outputs,
    };
    serialize(&tensors, KEY, &json!(about))
}

/// Reads what [`write`] made. The caller checks the net.
pub(in crate::weights) fn read(file: &File<'_>) -> Result<QuantizedNet> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let tensors = SafeTensors::deserialize(&file.bytes).map_err(|e| file.failed(FORMAT, e))?;
    let (_, header) =
        SafeTensors::read_metadata(&file.bytes).map_err(|e| file.failed(FORMAT, e))?;
    let about = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let about = about.ok_or_else(|| wrong(format!("no `{KEY}` in its metadata")))?;
    let about: Description =
        serde_json::from_str(about).map_err(|e| wrong(format!("metadata `{KEY}`: {e}")))?;
    if about.version != VERSION {
        let found = about.version;
        return Err(wrong(format!(
            "version {found}; this program reads {VERSION}"
        )));
    }
    let mut taken = BTreeSet::new();
    let mut take = |name: String, dtype: Dtype| {
        let view = tensors
            .tensor(&name)
            .ok()
            .filter(|view| view.dtype() == dtype);
        let data = view.map(|view| view.data().to_vec());
        let data = data.ok_or_else(|| wrong(format!("no tensor `{name}` of type {dtype:?}")));
        taken.insert(name);
        data
    };
    let mut layers = Vec::new();
    for (i, layer) in about.layers.iter().enumerate() {
        let mut part = |part: &str, dtype| take(format!("layers.{i}.{part}"), dtype);
        let signed = |bytes: Vec<u8>| bytes.into_iter().map(|b| b as i8);
        let zero_points = signed(part("weight_zero_points", Dtype::I8)?);
        let bias = integers(&part("bias", Dtype::I32)?).into_iter();
        layers.push(QuantizedLayer {
            kind: layer.kind,
            weights: signed(part("weights", Dtype::I8)?).collect(),
            weight_scales: floats(&part("weight_scales", Dtype::F32)?),
            weight_zero_points: zero_points.map(i32::from).collect(),
            bias: bias.map(|b| b as i32).collect(),
            output: layer.output,
            clamp: layer.clamp,
        });
    }
    let names = tensors.names().into_iter();
    let left: Vec<_> = names.filter(|name| !taken.contains(*name)).collect();
    if !left.is_empty() {
        return Err(Error::LeftOver {
            file: file.name.clone(),
            names: left.into_iter().map(String::from).collect(),
            scheme: "our own",
        });
    }
    Ok(QuantizedNet {
        config: about.config,
        input: about.input,
        layers,
        pooled: about.pooled,
        arithmetic: about.arithmetic,
        integers: about.integers,
        pooling: about.pooling,
        dense: about.dense,
        softmax: about.softmax,
        wide_outputs: about.wide_outputs,
    })
}
