//! TensorFlow.js layers models: a `model.json` with the layers of a Keras model, and a manifest of shards. Layers and
//! tensors have the names of `keras.applications.MobileNet`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::contents::Contents;
use super::keras_topology;
use super::tfjs_manifest::{self, Group};
use crate::config::Padding;
use crate::error::Result;
use crate::weights::dense::DenseLayer;
use crate::weights::file::File;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput};
use crate::weights::parameters::{Layer, transpose};
use crate::weights::schemes::KERAS;

const FORMAT: &str = "TensorFlow.js model";
const SHARD: &str = "group1-shard1of1.bin";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    #[serde(rename = "modelTopology")]
    topology: Value,
    weights_manifest: Vec<Group>,
    #[serde(default)]
    user_defined_metadata: Value,
}

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let model: Model = serde_json::from_slice(&file.bytes).map_err(|e| file.failed(FORMAT, e))?;
    let tensors = tfjs_manifest::read(&file, model.weights_manifest)?;
    let config = keras_topology::read(&model.topology).map_err(|e| file.wrong(FORMAT, e))?;
    let metadata = ModelMetadata::read(&model.user_defined_metadata)
        .map_err(|e| file.failed_part(FORMAT, "userDefinedMetadata", e.into()))?;
    let contents = Contents::import(&file.name, &KERAS, config, tensors.floats)?;
    Ok(contents.with_metadata(metadata))
}

/// A functional Keras model in the making: layers in a row, and the manifest.
#[derive(Default)]
struct KerasModel {
    layers: Vec<Value>,
    weights: tfjs_manifest::Writer,
    last: String,
}

impl KerasModel {
    fn layer(&mut self, class: &str, name: &str, mut config: Value) {
        config["name"] = json!(name);
        // Keras refuses to read an input that could be trained.
        if class != "InputLayer" {
            config["trainable"] = json!(true);
        }
        let inbound = match self.last.as_str() {
            "" => json!([]),
            last => json!([[[last, 0, 0, {}]]]),
        };
        self.layers.push(json!({
            "class_name": class, "config": config, "inbound_nodes": inbound, "name": name,
        }));
        self.last = name.into();
    }

    /// Padding where Keras has a layer for it, convolution, batch normalization, ReLU6.
    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64, padding: Padding) {
        let name = (KERAS.name)(&conv.kernel.parameter);
        let name = name.split('/').next().unwrap_or_default();
        let explicit = match padding.of_block(conv.block()) {
            _ if conv.stride == 1 => None,
            Padding::Same => None,
            Padding::End | Padding::EndButStem => Some(json!([[0, 1], [0, 1]])),
            Padding::Both => Some(json!([[1, 1], [1, 1]])),
        };
        let rule = if explicit.is_some() { "valid" } else { "same" };
        if let Some(padding) = explicit {
            let config = json!({"padding": padding, "data_format": "channels_last"});
            let name = match conv.layer {
                Layer::Depthwise(block) => format!("conv_pad_{block}"),
                _ => format!("{name}_pad"),
            };
            self.layer("ZeroPadding2D", &name, config);
        }
        let (side, stride) = (conv.side(), conv.stride);
        let mut config = json!({
            "kernel_size": [side, side], "strides": [stride, stride], "padding": rule,
            "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "linear", "use_bias": false,
        });
        if let Layer::Depthwise(_) = conv.layer {
            config["depth_multiplier"] = json!(1);
            self.layer("DepthwiseConv2D", name, config);
        } else {
            config["filters"] = json!(conv.outputs());
            self.layer("Conv2D", name, config);
        }
        let norm = json!({"axis": -1, "epsilon": epsilon, "momentum": 0.99, "center": true, "scale": true});
        self.layer("BatchNormalization", &format!("{name}_bn"), norm);
        self.layer("ReLU", &format!("{name}_relu"), json!({"max_value": 6.0}));
        for tensor in conv.tensors() {
            let p = &tensor.parameter;
            let data = KERAS.layout_values(p, tensor.data);
            self.weights.push(&(KERAS.name)(p), &KERAS.shape(p), &data);
        }
    }

    fn dense(&mut self, name: &str, activation: &str, layer: &DenseLayer) {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        let config = json!({"units": outputs, "activation": activation, "use_bias": true});
        self.layer("Dense", name, config);
        let kernel = transpose(layer.weight(), outputs, inputs);
        self.weights
            .push(&format!("{name}/kernel"), &[inputs, outputs], &kernel);
        self.weights
            .push(&format!("{name}/bias"), &[outputs], layer.bias());
    }
}

pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    net.only(
        "TensorFlow.js",
        &[PixelInput::Normalized, PixelInput::Float],
    )?;
    let config = net.config;
    let mut model = KerasModel::default();
    let shape = json!([null, net.side, net.side, 3]);
    let first = json!({"batch_input_shape": shape, "dtype": "float32", "sparse": false});
    model.layer("InputLayer", "input_1", first);
    if net.input == PixelInput::Float {
        let rescaling = json!({"scale": 1.0 / config.std, "offset": -config.mean / config.std});
        model.layer("Rescaling", "normalization", rescaling);
    }
    for conv in &net.convs {
        model.conv(conv, config.epsilon, config.padding);
    }
    let pool = json!({"data_format": "channels_last"});
    model.layer("GlobalAveragePooling2D", "global_average_pooling2d", pool);
    let layers = net.layers();
    for (at, layer) in layers.iter().enumerate() {
        // The last layer has the name of Keras' own classifier, so that importers of MobileNets find it.
        if at + 1 == layers.len() {
            model.dense("conv_preds", "softmax", layer);
        } else {
            model.dense(&format!("hidden_{}", at + 1), "relu", layer);
        }
    }
    let (program, version) = net.producer;
    let json = json!({
        "format": "layers-model",
        "generatedBy": format!("{program} {version}"),
        "convertedBy": null,
        "userDefinedMetadata": ModelMetadata::of(net).to_json(),
        "modelTopology": {
            "keras_version": "2.15.0",
            "backend": "tensorflow",
            "model_config": {
                "class_name": "Model",
                "config": {
                    "name": "mobilenet_v1",
                    "layers": model.layers,
                    "input_layers": [["input_1", 0, 0]],
                    "output_layers": [[model.last, 0, 0]],
                },
            },
        },
        "weightsManifest": [{"paths": [SHARD], "weights": model.weights.entries}],
    });
    // Whoever finds the model finds its weights.
    let mut files = vec![ExportedFile::new(SHARD, model.weights.shard)];
    if !net.classes.is_empty() {
        files.push(ExportedFile::new("labels.txt", net.labels()?));
    }
    files.push(ExportedFile::new(
        "model.json",
        json.to_string().into_bytes(),
    ));
    Ok(files)
}
