//! What the layers of a Keras model say of a net: the JSON that Keras and TensorFlow.js store beside the weights.

use serde_json::{Value, json};

use crate::config::{BLOCKS, MobileNetConfig, Padding, STEM};

/// Epsilon, padding, input size and normalization from the Keras layers; the shapes of the tensors tell the rest.
pub(super) fn read(topology: &Value) -> Result<MobileNetConfig, String> {
    let layers = topology
        .pointer("/model_config/config/layers")
        .or_else(|| topology.pointer("/config/layers"))
        .or_else(|| topology.pointer("/model_config/config"))
        .and_then(Value::as_array)
        .ok_or(
            "no `modelTopology.model_config.config.layers`: only Keras layers models are supported",
        )?;
    let mut walk = Walk::new();
    for layer in layers {
        walk.layer(layer)?;
    }
    walk.end()
}

/// What is known of the net before the next layer. Layers come in the order of the forward pass.
struct Walk {
    config: MobileNetConfig,
    epsilon: Option<f64>,
    /// How the stem and the other convolutions of stride 2 are padded.
    stem: Option<Padding>,
    padding: Option<Padding>,
    /// By the ZeroPadding2D just before.
    padded: Option<Padding>,
    /// A batch norm whose ReLU6 has not come yet.
    norm: Option<Value>,
    /// Convolutions so far, of each kind.
    full: usize,
    depthwise: usize,
}

impl Walk {
    fn new() -> Self {
        Self {
            config: MobileNetConfig::new(),
            epsilon: None,
            stem: None,
            padding: None,
            padded: None,
            norm: None,
            full: 0,
            depthwise: 0,
        }
    }

    fn layer(&mut self, layer: &Value) -> Result<(), String> {
        let config = &layer["config"];
        match layer["class_name"].as_str().unwrap_or_default() {
            class @ ("Conv2D" | "DepthwiseConv2D") => self.convolution(class, config),
            "InputLayer" => {
                self.input(config);
                Ok(())
            }
            "BatchNormalization" => self.batch_norm(config),
            "ZeroPadding2D" => self.zero_padding(&config["padding"]),
            "Rescaling" => self.rescaling(config),
            "Normalization" => Err("a Normalization layer; only Rescaling is read".into()),
            class @ ("ReLU" | "Activation") => self.activation(class, config),
            _ => Ok(()),
        }
    }

    fn convolution(&mut self, class: &str, config: &Value) -> Result<(), String> {
        let is_full = class == "Conv2D";
        let stride = match (is_full, self.full) {
            (true, 0) => STEM.1,
            (true, _) => 1,
            (false, _) => BLOCKS.get(self.depthwise).map_or(1, |&(_, stride)| stride),
        };
        if is_full {
            self.full += 1;
        } else {
            self.depthwise += 1;
        }
        check_convolution(class, config, stride)?;
        self.no_relu6()?;
        let explicit = self.padded.take();
        let valid = config["padding"] == "valid";
        if valid && stride == 1 && !is_full {
            return Err(format!(
                "a {class} of stride 1 is not padded; expected same"
            ));
        }
        if explicit.is_some() != (valid && stride == 2) {
            return Err(format!(
                "a {class} of stride {stride} is padded {}, and by ZeroPadding2D {}; expected same and not, or \
                 valid and by that",
                config["padding"],
                if valid { "not" } else { "as well" }
            ));
        }
        if stride == 2 {
            let found = match config["padding"].as_str() {
                Some("same") => Padding::Same,
                Some("valid") => explicit.unwrap_or(Padding::End),
                other => {
                    return Err(format!(
                        "a convolution padded {other:?}; expected same or valid"
                    ));
                }
            };
            let seen = if is_full {
                &mut self.stem
            } else {
                &mut self.padding
            };
            if *seen.get_or_insert(found) != found {
                return Err("convolutions of stride 2 with different paddings".into());
            }
        }
        Ok(())
    }

    fn input(&mut self, config: &Value) {
        // Keras 3 has another word for it.
        let shapes = [&config["batch_input_shape"], &config["batch_shape"]];
        let size = shapes.iter().find_map(|shape| shape.get(1)?.as_u64());
        if let Some(size) = size {
            self.config.input_size = usize::try_from(size).unwrap_or(usize::MAX);
        }
    }

    fn batch_norm(&mut self, config: &Value) -> Result<(), String> {
        self.norm = Some(config["name"].clone());
        let found = config["epsilon"]
            .as_f64()
            .ok_or("a BatchNormalization layer without an epsilon")?;
        if *self.epsilon.get_or_insert(found) == found {
            return Ok(());
        }
        Err(format!(
            "batch norms with different epsilons, {found} among them"
        ))
    }

    fn zero_padding(&mut self, amounts: &Value) -> Result<(), String> {
        self.padded = Some(match amounts {
            amounts if *amounts == json!([[0, 1], [0, 1]]) => Padding::End,
            amounts if *amounts == json!([[1, 1], [1, 1]]) => Padding::Both,
            other => {
                return Err(format!(
                    "ZeroPadding2D of {other}; expected [[0,1],[0,1]] or [[1,1],[1,1]]"
                ));
            }
        });
        Ok(())
    }

    fn rescaling(&mut self, config: &Value) -> Result<(), String> {
        // x * scale + offset = (x - mean) / std
        let [scale, offset] = ["scale", "offset"].map(|key| config[key].as_f64());
        let scale = scale.filter(|scale| *scale > 0.0);
        let scale = scale.ok_or("a Rescaling layer without one positive scale")?;
        self.config.std = 1.0 / scale;
        self.config.mean = -offset.unwrap_or(0.0) / scale;
        Ok(())
    }

    fn activation(&mut self, class: &str, config: &Value) -> Result<(), String> {
        match self.norm.take().filter(|_| !is_relu6(class, config)) {
            Some(norm) => Err(format!(
                "the batch norm {norm} is followed by {class} {config}; expected ReLU6"
            )),
            None => Ok(()),
        }
    }

    /// Refuses a batch norm whose ReLU6 did not come.
    fn no_relu6(&mut self) -> Result<(), String> {
        match self.norm.take() {
            Some(norm) => Err(format!("no ReLU6 follows the batch norm {norm}")),
            None => Ok(()),
        }
    }

    fn end(mut self) -> Result<MobileNetConfig, String> {
        self.no_relu6()?;
        let mut config = self.config;
        config.epsilon = self.epsilon.ok_or("no BatchNormalization layer")?;
        config.padding = match (self.stem, self.padding) {
            (Some(Padding::Same), Some(Padding::End)) => Padding::EndButStem,
            (Some(stem), Some(rest)) if stem == rest => rest,
            (Some(stem), None) => stem,
            _ => return Err("no stem of stride 2, or one padded otherwise than the rest".into()),
        };
        Ok(config)
    }
}

/// `ReLU` with 6 for its largest value; before there was that, an `Activation` called `relu6`.
fn is_relu6(class: &str, config: &Value) -> bool {
    let none = |key: &str| config[key].as_f64().is_none_or(|value| value == 0.0);
    match class {
        "ReLU" => {
            config["max_value"].as_f64() == Some(6.0) && none("negative_slope") && none("threshold")
        }
        _ => config["activation"] == "relu6",
    }
}

/// Refuses a convolution whose tensors would be read and whose arithmetic is another.
fn check_convolution(class: &str, config: &Value, stride: usize) -> Result<(), String> {
    // What is not written has Keras' default, 1.
    let other = |key: &str, expected: usize| match &config[key] {
        Value::Null => expected != 1,
        found => *found != json!([expected, expected]),
    };
    if other("strides", stride) {
        return Err(format!(
            "a {class} has strides {} where MobileNetV1 has {stride}",
            config["strides"]
        ));
    }
    if other("dilation_rate", 1) {
        return Err(format!(
            "a {class} is dilated by {}; MobileNetV1's are not",
            config["dilation_rate"]
        ));
    }
    // The last one, of the classifier, may have the probabilities' in it.
    if !matches!(
        config["activation"].as_str(),
        None | Some("linear" | "softmax")
    ) {
        return Err(format!(
            "a {class} has the activation {}; MobileNetV1's comes after the batch norm",
            config["activation"]
        ));
    }
    match config["data_format"].as_str() {
        None | Some("channels_last") => Ok(()),
        Some(other) => Err(format!(
            "a {class} has its data as {other}; only channels_last is read"
        )),
    }
}
