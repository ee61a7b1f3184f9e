//! Keras: what its topology says of a net, and its HDF5 files (`model.save`, `model.save_weights`).

use serde_json::Value;

use super::Weights;
use super::source::File;
use crate::config::{BLOCKS, STEM};
use crate::{MobileNetConfig, Padding, Result};

#[cfg(not(feature = "hdf5"))]
pub(super) fn open_hdf5(file: File<'_>) -> Result<Weights> {
    Err(file.wrong(
        "weights file",
        "it is HDF5, which this program reads only with mobilenet's feature `hdf5`",
    ))
}

#[cfg(feature = "hdf5")]
pub(super) fn open_hdf5(file: File<'_>) -> Result<Weights> {
    super::hdf5::open(file)
}

/// Epsilon and padding from the Keras layers; the rest is told by the tensors' shapes.
pub(super) fn topology(topology: &Value) -> std::result::Result<MobileNetConfig, String> {
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
    let (mut stem, mut padding) = (None, None);
    // A ZeroPadding2D just before, and a batch norm whose ReLU6 has not come yet.
    let (mut padded, mut norm) = (false, None);
    // Of the convolutions of each kind, in the order of the topology, which is the forward pass's.
    let mut full = std::iter::once(STEM.1).chain(std::iter::repeat(1));
    let mut depthwise = BLOCKS.iter().map(|&(_, stride)| stride);
    for layer in layers {
        let class = layer["class_name"].as_str().unwrap_or_default();
        let get = |key: &str| &layer["config"][key];
        let stride = match class {
            "Conv2D" => full.next(),
            "DepthwiseConv2D" => depthwise.next(),
            _ => None,
        };
        if let "Conv2D" | "DepthwiseConv2D" = class {
            let stride = stride.unwrap_or(1);
            convolution(class, &layer["config"], stride)?;
            if let Some(norm) = norm.take() {
                return Err(format!("no ReLU6 follows the batch norm {norm}"));
            }
            let valid = *get("padding") == "valid";
            if valid && stride == 1 && class == "DepthwiseConv2D" {
                return Err(format!(
                    "a {class} of stride 1 is not padded; expected same"
                ));
            }
            if std::mem::take(&mut padded) != (valid && stride == 2) {
                return Err(format!(
                    "a {class} of stride {stride} is padded {}, and by ZeroPadding2D {}; expected same and not, or \
                     valid and by that",
                    get("padding"),
                    if valid { "not" } else { "as well" }
                ));
            }
        }
        match class {
            "InputLayer" => {
                // Keras 3 has another word for it.
                let shapes = [get("batch_input_shape"), get("batch_shape")];
                let size = shapes.iter().find_map(|shape| shape.get(1)?.as_u64());
                if let Some(size) = size {
                    config.input_size = usize::try_from(size).unwrap_or(usize::MAX);
                }
            }
            "BatchNormalization" => {
                norm = Some(get("name").clone());
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
                let seen = if class == "Conv2D" {
                    &mut stem
                } else {
                    &mut padding
                };
                if *seen.get_or_insert(found) != found {
                    return Err("convolutions of stride 2 with different paddings".into());
                }
            }
            "ZeroPadding2D" if *get("padding") != serde_json::json!([[0, 1], [0, 1]]) => {
                return Err(format!(
                    "ZeroPadding2D of {}; expected [[0,1],[0,1]]",
                    get("padding")
                ));
            }
            "Rescaling" => {
                // x * scale + offset = (x - mean) / std
                let [scale, offset] = ["scale", "offset"].map(|key| get(key).as_f64());
                let scale = scale.filter(|scale| *scale > 0.0);
                let scale = scale.ok_or("a Rescaling layer without one positive scale")?;
                config.std = 1.0 / scale;
                config.mean = -offset.unwrap_or(0.0) / scale;
            }
            "Normalization" => {
                return Err("a Normalization layer; only Rescaling is read".into());
            }
            "ZeroPadding2D" => padded = true,
            "ReLU" | "Activation" => {
                if let Some(norm) = norm.take().filter(|_| !is_relu6(class, &layer["config"])) {
                    return Err(format!(
                        "the batch norm {norm} is followed by {class} {}; expected ReLU6",
                        layer["config"]
                    ));
                }
            }
            _ => {}
        }
    }
    if let Some(norm) = norm {
        return Err(format!("no ReLU6 follows the batch norm {norm}"));
    }
    config.epsilon = epsilon.ok_or("no BatchNormalization layer")?;
    config.padding = match (stem, padding) {
        (Some(Padding::Same), Some(Padding::End)) => Padding::EndButStem,
        (Some(stem), Some(rest)) if stem == rest => rest,
        (Some(stem), None) => stem,
        _ => return Err("no stem of stride 2, or one padded otherwise than the rest".into()),
    };
    Ok(config)
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
fn convolution(class: &str, config: &Value, stride: usize) -> std::result::Result<(), String> {
    // What is not written has Keras' default, 1.
    let other = |key: &str, expected: usize| match &config[key] {
        Value::Null => expected != 1,
        found => *found != serde_json::json!([expected, expected]),
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
