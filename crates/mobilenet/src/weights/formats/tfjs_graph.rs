//! TensorFlow.js graph models: a `model.json` with a TensorFlow graph and a manifest of shards.

use base64::Engine;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::contents::Contents;
use super::tensorflow_graph::{self, Constants, Node};
use super::tfjs_manifest::{self, Group};
use crate::error::Result;
use crate::weights::file::File;

const FORMAT: &str = "TensorFlow.js graph model";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_topology: Topology,
    weights_manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Topology {
    node: Vec<Value>,
}

/// Whether a `model.json` holds a graph.
pub(super) fn is_graph(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "modelTopology")]
        _topology: ProbedTopology,
    }
    #[derive(Deserialize)]
    struct ProbedTopology {
        #[serde(rename = "node")]
        _nodes: Vec<IgnoredAny>,
    }
    serde_json::from_slice::<Probe>(bytes).is_ok()
}

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let model: Model = serde_json::from_slice(&file.bytes).map_err(|e| file.failed(FORMAT, e))?;
    let tensors = tfjs_manifest::read(&file, model.weights_manifest)?;
    let nodes = model.model_topology.node.iter().map(|json| {
        node(json)
            .ok_or_else(|| file.wrong(FORMAT, format!("a node without a name or op: {json:.200}")))
    });
    let nodes = nodes.collect::<Result<Vec<_>>>()?;
    let scalars = tensors.floats.iter().filter(|(_, a)| a.shape.is_empty());
    let scalars = scalars.filter_map(|(name, a)| Some((name.clone(), *a.data.first()?)));
    let constants = Constants {
        scalars: scalars.collect(),
        floats: tensors.floats,
        integers: tensors.integers,
    };
    tensorflow_graph::import(&file, nodes, constants)
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
    let integers = |name: &str| {
        let list = list(&attr(name)["list"]["i"]);
        list.iter().filter_map(integer).collect()
    };
    Some(Node {
        name: json["name"].as_str()?.into(),
        op: json["op"].as_str()?.into(),
        inputs: list(&json["input"])
            .iter()
            .filter_map(|i| i.as_str().map(String::from))
            .collect(),
        strides: integers("strides"),
        dilations: integers("dilations"),
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
