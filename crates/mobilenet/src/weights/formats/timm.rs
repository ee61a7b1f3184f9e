//! Safetensors with the names of timm's `mobilenetv1_*`
//! ([pytorch-image-models](https://github.com/huggingface/pytorch-image-models), 1.0). To use such a file, make the model
//! as [`call`] says, then `load_state_dict`.

use safetensors::tensor::Dtype;
use serde_json::{Map, Value, json};

use super::safetensors_file::{Stored, serialize};
use crate::config::{BLOCKS, MobileNetConfig, Padding};
use crate::error::{BoxError, Error, Result};
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput};
use crate::weights::numbers::bytes_of;
use crate::weights::schemes::TIMM;

/// The key of the one metadata entry, whose value is JSON: what the model is to be made with.
pub(super) const KEY: &str = "timm";
/// PyTorch counts batches under this name.
pub(super) const COUNTER: &str = ".num_batches_tracked";
/// The first tensor of timm's MobileNets.
const STEM_KERNEL: &[u8] = b"\"conv_stem.weight\"";

/// Whether safetensors have timm's names.
pub(super) fn is_timm(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let header = &rest[..length.min(rest.len())];
    let mut windows = header.windows(STEM_KERNEL.len());
    windows.any(|window| window == STEM_KERNEL)
}

/// The configuration of a model that was made with these arguments, and what was exported with it: `{"arguments": {"pad_type": "same", "bn_eps": 0.001}, "pretrained_cfg": {..}}`.
pub(super) fn read_arguments(
    mut config: MobileNetConfig,
    json: &str,
) -> Result<(MobileNetConfig, Option<ModelMetadata>), BoxError> {
    let json: Value = serde_json::from_str(json)?;
    let metadata = ModelMetadata::read(&json)?;
    let arguments = &json["arguments"];
    if let Some(epsilon) = arguments["bn_eps"].as_f64() {
        config.epsilon = epsilon;
    }
    match arguments["pad_type"].as_str() {
        None | Some("") => {}
        Some("same") => config.padding = Padding::Same,
        Some(other) => {
            return Err(format!("pad_type {other:?}; expected \"same\" or \"\"").into());
        }
    }
    let pretrained = &json["pretrained_cfg"];
    if let Some(size) = pretrained["input_size"][1].as_u64() {
        config.input_size = usize::try_from(size).unwrap_or(usize::MAX);
    }
    for (name, value) in [("mean", &mut config.mean), ("std", &mut config.std)] {
        let Some(of_channels) = pretrained[name].as_array() else {
            continue;
        };
        match of_channels[..] {
            [ref r, ref g, ref b] if r == g && g == b && r.is_number() => {
                *value = 255.0 * r.as_f64().unwrap_or(f64::NAN);
            }
            _ => {
                let message = format!("{name} {of_channels:?}; expected one for all channels");
                return Err(message.into());
            }
        }
    }
    config.check()?;
    Ok((config, metadata))
}

/// The architecture that timm has under a name at this width.
fn named(config: &MobileNetConfig) -> Option<&'static str> {
    match config.alpha {
        1.0 => Some("mobilenetv1_100"),
        1.25 => Some("mobilenetv1_125"),
        _ => None,
    }
}

/// Arguments besides the name of the architecture, in order.
fn arguments(net: &Net<'_>) -> Vec<(&'static str, Value)> {
    let config = net.config;
    let padding = match config.padding {
        // timm has no padding that is always at the end; `check` sees to it that it is the same here.
        Padding::Same | Padding::End | Padding::EndButStem => "same",
        Padding::Both => "",
    };
    let classes = if net.head.is_empty() && net.classifier.is_none() {
        0
    } else {
        net.outputs()
    };
    let width = match named(config) {
        Some(_) => None,
        None => Some(("channel_multiplier", json!(config.alpha))),
    };
    width
        .into_iter()
        .chain([
            ("num_classes", json!(classes)),
            ("pad_type", json!(padding)),
            ("bn_eps", json!(config.epsilon)),
        ])
        .collect()
}

/// The call in Python that makes the model.
pub(in crate::weights) fn call(net: &Net<'_>) -> String {
    let arguments: String = arguments(net)
        .iter()
        .map(|(name, value)| format!(", {name}={value}"))
        .collect();
    match named(net.config) {
        Some(name) => format!("timm.create_model('{name}'{arguments})"),
        // timm registers no other widths; its generator makes them.
        None => format!("timm.models.efficientnet._gen_mobilenet_v1('mobilenetv1_100'{arguments})"),
    }
}

/// Refuses a net that timm cannot make.
fn check(net: &Net<'_>) -> Result<()> {
    net.only("timm", &[PixelInput::Normalized])?;
    let refuse = |setting, found: usize, expected: String| {
        let expected = format!("{expected} for timm; export to ONNX instead");
        Err(Error::setting(setting, found, expected))
    };
    if net.head.len() > 1 {
        return refuse("number of layers of the head", net.head.len(), "1".into());
    }
    let blocks = net.config.blocks;
    if blocks < BLOCKS.len() {
        return refuse("blocks of the net", blocks, BLOCKS.len().to_string());
    }
    // timm rounds widths to multiples of 8, where this net has cut them.
    let mut widths = net.convs.iter().map(Conv::outputs);
    if let Some(width) = widths.find(|width| !width.is_multiple_of(8)) {
        return refuse("channels of a layer", width, "a multiple of 8".into());
    }
    let end = matches!(net.config.padding, Padding::End | Padding::EndButStem);
    if end && !net.side.is_multiple_of(32) {
        let expected = "with this padding a multiple of 32".into();
        return refuse("input side", net.side, expected);
    }
    Ok(())
}

pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    check(net)?;
    let mut tensors = Vec::new();
    let mut push = |name: String, shape: Vec<usize>, data: &[f32]| {
        tensors.push(Stored::new(name, Dtype::F32, shape, bytes_of(data)));
    };
    let mut counters = Vec::new();
    for conv in &net.convs {
        for tensor in conv.tensors() {
            let p = &tensor.parameter;
            push((TIMM.name)(p), TIMM.shape(p), tensor.data);
        }
        // PyTorch counts batches; a strict load wants the counter.
        let gamma = (TIMM.name)(&conv.norm[0].parameter);
        counters.push(format!("{}{COUNTER}", gamma.trim_end_matches(".weight")));
    }
    for layer in net.layers() {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        push(
            "classifier.weight".into(),
            vec![outputs, inputs],
            layer.weight(),
        );
        push("classifier.bias".into(), vec![outputs], layer.bias());
    }
    for name in counters {
        let zero = 0i64.to_le_bytes().to_vec();
        tensors.push(Stored::new(name, Dtype::I64, Vec::new(), zero));
    }
    let config = net.config;
    let arguments: Map<String, Value> = arguments(net)
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    let (mean, std) = (config.mean / 255.0, config.std / 255.0);
    let mut metadata = ModelMetadata::of(net).to_json();
    metadata["architecture"] = json!(named(config).unwrap_or("mobilenetv1_100"));
    metadata["arguments"] = arguments.into();
    metadata["call"] = json!(call(net));
    metadata["pretrained_cfg"] = json!({
        "input_size": [3, net.side, net.side],
        "mean": [mean, mean, mean],
        "std": [std, std, std],
    });
    let bytes = serialize(&tensors, KEY, &metadata)?;
    Ok(vec![ExportedFile::new("model.safetensors", bytes)])
}
