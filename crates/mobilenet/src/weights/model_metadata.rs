//! What the file of an exported classifier says about it beside the network.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::net::Net;

/// What the file of an exported classifier says about it, beside the network: [`Export`](super::Export) writes it into ONNX,
/// TensorFlow.js layers models, timm's safetensors and frozen graphs, and [`Weights::metadata`](super::Weights::metadata)
/// gives it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The names of the outputs; empty if the file has none.
    pub classes: Vec<String>,
    /// What happens to an image before the network sees it: what [`Export::with_preprocessing`] was given, a JSON object.
    ///
    /// [`Export::with_preprocessing`]: super::Export::with_preprocessing
    pub preprocessing: Value,
    /// For each output the lowest probability, 0 to 1, with which it is the answer; empty if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<f64>,
}

impl ModelMetadata {
    /// What is written of a net.
    pub(super) fn of(net: &Net<'_>) -> Self {
        Self {
            classes: net.classes.to_vec(),
            preprocessing: net.preprocessing.clone(),
            thresholds: net.thresholds.to_vec(),
        }
    }

    /// As a JSON object.
    pub(super) fn to_json(&self) -> Value {
        serde_json::json!(self)
    }

    /// Reads the object that [`to_json`](Self::to_json) made, which may have other fields, too. `None` for what other
    /// programs write: it has no classes with a description of the preprocessing.
    pub(super) fn read(json: &Value) -> Result<Option<Self>, serde_json::Error> {
        if json["classes"].is_array() && json["preprocessing"].is_object() {
            Self::deserialize(json).map(Some)
        } else {
            Ok(None)
        }
    }
}
