//! TensorFlow.js models: a `model.json` with a topology (Keras layers, or a graph) and a manifest of shards.

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;

use super::graph::{self, Constants, Node};
use super::manifest::{self, Group};
use super::schemes::KERAS;
use super::source::File;
use super::{Format, Weights, keras};
use crate::Result;

const FORMAT: &str = "TensorFlow.js model";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_topology: Value,
    weights_manifest: Vec<Group>,
}

pub(super) fn open(file: File<'_>) -> Result<Weights> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let model: Model = serde_json::from_slice(&file.bytes).map_err(|e| wrong(e.to_string()))?;
    let tensors = manifest::read(&file, model.weights_manifest)?;
    if let Some(nodes) = model.model_topology.get("node").and_then(Value::as_array) {
        let nodes = nodes
            .iter()
            .map(|n| node(n).ok_or_else(|| wrong(format!("a node without a name or op: {n:.200}"))))
            .collect::<Result<Vec<_>>>()?;
        let constants = Constants {
            scalars: tensors
                .floats
                .iter()
                .filter(|(_, a)| a.shape.is_empty())
                .filter_map(|(name, a)| Some((name.clone(), *a.data.first()?)))
                .collect(),
            floats: tensors.floats,
            integers: tensors.integers,
        };
        return graph::import(file.name, Format::TfjsGraph, nodes, constants);
    }
    let config = keras::topology(&model.model_topology).map_err(wrong)?;
    Weights::import(
        file.name,
        Format::TfjsLayers,
        &KERAS,
        config,
        tensors.floats,
        None,
    )
}

/// A node of a graph as protobuf's JSON has it: 64-bit integers are strings, bytes are base64.
fn node(json: &Value) -> Option<Node> {
    let attr = |name: &str| &json["attr"][name];
    let text = |value: &Value| {
        let decoded = base64::engine::general_purpose::STANDARD.decode(value.as_str()?);
        Some(String::from_utf8_lossy(&decoded.ok()?).into_owned())
    };
    let integer = |value: &Value| match value {
        Value::String(s) => s.parse().ok(),
        other => other.as_i64(),
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Some(Node {
        name: json["name"].as_str()?.into(),
        op: json["op"].as_str()?.into(),
        inputs: list(&json["input"])
            .iter()
            .filter_map(|i| i.as_str().map(String::from))
            .collect(),
        strides: list(&attr("strides")["list"]["i"])
            .iter()
            .filter_map(integer)
            .collect(),
        dilations: list(&attr("dilations")["list"]["i"])
            .iter()
            .filter_map(integer)
            .collect(),
        padding: text(&attr("padding")["s"]).unwrap_or_default(),
        data_format: text(&attr("data_format")["s"]).unwrap_or_default(),
        epsilon: attr("epsilon")["f"].as_f64().map(|e| e as f32),
        fused: list(&attr("fused_ops")["list"]["s"])
            .iter()
            .filter_map(text)
            .collect(),
        shape: list(&attr("shape")["shape"]["dim"])
            .iter()
            .filter_map(|d| integer(&d["size"]))
            .collect(),
    })
}
