//! A TensorFlow.js layers model with the layer names of `keras.applications.MobileNet`.

use mobilenet::Padding;
use serde_json::{Value, json};

use super::net::{Conv, Net, Place, transpose};
use super::{Files, PixelInput, labels, only};
use crate::Result;
use crate::tensor_file::bytes_of;

const SHARD: &str = "group1-shard1of1.bin";

/// A functional Keras model in the making: layers in a row, and the weights in the order of the manifest.
#[derive(Default)]
struct Chain {
    layers: Vec<Value>,
    manifest: Vec<Value>,
    data: Vec<u8>,
    last: String,
}

impl Chain {
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

    fn weight(&mut self, name: String, shape: &[usize], data: &[f32]) {
        self.manifest
            .push(json!({"dtype": "float32", "name": name, "shape": shape}));
        self.data.extend(bytes_of(data));
    }

    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64, padding: Padding) {
        let (name, pad) = match conv.place {
            Place::Stem => ("conv1".to_string(), "conv1_pad".to_string()),
            Place::Depthwise(i) => (format!("conv_dw_{i}"), format!("conv_pad_{i}")),
            Place::Pointwise(i) => (format!("conv_pw_{i}"), String::new()),
        };
        let explicit = match padding.of_block(conv.place.block()) {
            _ if conv.stride == 1 => None,
            Padding::Same => None,
            Padding::End | Padding::EndButStem => Some(json!([[0, 1], [0, 1]])),
            Padding::Both => Some(json!([[1, 1], [1, 1]])),
        };
        let rule = if explicit.is_some() { "valid" } else { "same" };
        if let Some(padding) = explicit {
            let config = json!({"padding": padding, "data_format": "channels_last"});
            self.layer("ZeroPadding2D", &pad, config);
        }
        let mut config = json!({
            "kernel_size": [conv.side, conv.side], "strides": [conv.stride, conv.stride], "padding": rule,
            "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "linear", "use_bias": false,
        });
        let (shape, kernel) = conv.tensorflow_kernel();
        if let Place::Depthwise(_) = conv.place {
            config["depth_multiplier"] = json!(1);
            self.layer("DepthwiseConv2D", &name, config);
            self.weight(format!("{name}/depthwise_kernel"), &shape, &kernel);
        } else {
            config["filters"] = json!(conv.outputs);
            self.layer("Conv2D", &name, config);
            self.weight(format!("{name}/kernel"), &shape, &kernel);
        }
        let norm = json!({"axis": -1, "epsilon": epsilon, "momentum": 0.99, "center": true, "scale": true});
        self.layer("BatchNormalization", &format!("{name}_bn"), norm);
        for (part, data) in [
            ("gamma", conv.gamma),
            ("beta", conv.beta),
            ("moving_mean", conv.mean),
            ("moving_variance", conv.variance),
        ] {
            self.weight(format!("{name}_bn/{part}"), &[conv.outputs], data);
        }
        self.layer("ReLU", &format!("{name}_relu"), json!({"max_value": 6.0}));
    }
}

pub(super) fn files(net: &Net<'_>, input: PixelInput) -> Result<Files> {
    only(
        "TensorFlow.js",
        &[PixelInput::Normalized, PixelInput::Float],
        input,
    )?;
    let config = net.config;
    let side = net.side;
    let mut chain = Chain::default();
    let shape = json!([null, side, side, 3]);
    let first = json!({"batch_input_shape": shape, "dtype": "float32", "sparse": false});
    chain.layer("InputLayer", "input_1", first);
    if input == PixelInput::Float {
        let rescaling = json!({"scale": 1.0 / config.std, "offset": -config.mean / config.std});
        chain.layer("Rescaling", "normalization", rescaling);
    }
    for conv in &net.convs {
        chain.conv(conv, config.epsilon, config.padding);
    }
    let pool = json!({"data_format": "channels_last"});
    chain.layer("GlobalAveragePooling2D", "global_average_pooling2d", pool);
    let layers = net.layers();
    for (at, layer) in layers.iter().enumerate() {
        // The last layer has the name of Keras' own classifier, so that importers of MobileNets find it.
        let (name, activation) = if at + 1 == layers.len() {
            ("conv_preds".to_string(), "softmax")
        } else {
            (format!("hidden_{}", at + 1), "relu")
        };
        let dense = json!({"units": layer.outputs, "activation": activation, "use_bias": true});
        chain.layer("Dense", &name, dense);
        let kernel = transpose(&layer.weights, layer.inputs);
        chain.weight(
            format!("{name}/kernel"),
            &[layer.inputs, layer.outputs],
            &kernel,
        );
        chain.weight(format!("{name}/bias"), &[layer.outputs], &layer.bias);
    }
    let model = json!({
        "format": "layers-model",
        "generatedBy": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        "convertedBy": null,
        "userDefinedMetadata": {"classes": net.classes(), "preprocessing": net.preprocessing()},
        "modelTopology": {
            "keras_version": "2.15.0",
            "backend": "tensorflow",
            "model_config": {
                "class_name": "Model",
                "config": {
                    "name": "mobilenet_v1",
                    "layers": chain.layers,
                    "input_layers": [["input_1", 0, 0]],
                    "output_layers": [[chain.last, 0, 0]],
                },
            },
        },
        "weightsManifest": [{"paths": [SHARD], "weights": chain.manifest}],
    });
    // Whoever finds the model finds its weights.
    Ok(Files::Folder(vec![
        (SHARD, chain.data),
        ("labels.txt", labels(net)?),
        ("model.json", model.to_string().into_bytes()),
    ]))
}
