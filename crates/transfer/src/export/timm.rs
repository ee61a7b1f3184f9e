//! Safetensors with the names of timm's `mobilenetv1_*` ([pytorch-image-models](https://github.com/huggingface/pytorch-image-models),
//! 1.0): `create_model` as [`call`] says, then `load_state_dict`.

use std::collections::HashMap;

use mobilenet::{BLOCKS, Padding};
use safetensors::tensor::{Dtype, TensorView};

use super::net::{Net, Place};
use super::{Files, PixelInput, only};
use crate::tensor_file::bytes_of;
use crate::{Error, Result};

/// The key of the one metadata entry, whose value is JSON.
const KEY: &str = "timm";

/// timm's stages: a new one starts where the width doubles; the first stage is block 1 alone.
fn stage(block: usize) -> (usize, usize) {
    let width = |b: usize| BLOCKS[b - 1].0;
    let first = |b: usize| b == 1 || width(b) != width(b - 1);
    let stage = (2..=block).filter(|&b| first(b)).count();
    let start = (1..=block).rev().find(|&b| first(b)).unwrap_or(1);
    (stage, block - start)
}

/// Arguments beyond the architecture's name, in order.
fn arguments(net: &Net<'_>) -> Vec<(&'static str, serde_json::Value)> {
    let pad = match net.config.padding {
        // timm has no padding that is always at the end; `files` sees to it that it is the same here.
        Padding::Same | Padding::End | Padding::EndButStem => "same",
        Padding::Both => "",
    };
    let mut arguments = vec![
        ("num_classes", serde_json::json!(net.classes().len())),
        ("pad_type", serde_json::json!(pad)),
        ("bn_eps", serde_json::json!(net.config.epsilon)),
    ];
    if named(net).is_none() {
        arguments.insert(
            0,
            ("channel_multiplier", serde_json::json!(net.config.alpha)),
        );
    }
    arguments
}

/// The architecture that timm has under a name at this width.
fn named(net: &Net<'_>) -> Option<&'static str> {
    match net.config.alpha {
        1.0 => Some("mobilenetv1_100"),
        1.25 => Some("mobilenetv1_125"),
        _ => None,
    }
}

pub(super) fn call(net: &Net<'_>) -> String {
    let arguments: String = arguments(net)
        .iter()
        .map(|(name, value)| format!(", {name}={value}"))
        .collect();
    match named(net) {
        Some(name) => format!("timm.create_model('{name}'{arguments})"),
        // timm registers no other widths; its generator makes them.
        None => format!("timm.models.efficientnet._gen_mobilenet_v1('mobilenetv1_100'{arguments})"),
    }
}

pub(super) fn files(net: &Net<'_>, input: PixelInput) -> Result<Files> {
    only("timm", &[PixelInput::Normalized], input)?;
    let config = net.config;
    let layers = net.layers();
    let [head] = &layers[..] else {
        let found = format!("{}; export to ONNX instead", layers.len());
        return Err(Error::mismatch("layers of the head for timm", "1", found));
    };
    if config.blocks < BLOCKS.len() {
        let found = format!("{}; export to ONNX instead", config.blocks);
        return Err(Error::mismatch(
            "blocks of the backbone for timm",
            BLOCKS.len(),
            found,
        ));
    }
    // timm rounds widths to multiples of 8, where this net has cut them.
    for conv in &net.convs {
        if !conv.outputs.is_multiple_of(8) {
            return Err(Error::mismatch(
                "channels of each layer for timm",
                "multiples of 8",
                format!("{}; export to ONNX instead", conv.outputs),
            ));
        }
    }
    let end = matches!(config.padding, Padding::End | Padding::EndButStem);
    if end && !net.side.is_multiple_of(32) {
        let found = format!("{}; export to ONNX instead", net.side);
        return Err(Error::mismatch(
            "input side for timm with this padding",
            "a multiple of 32",
            found,
        ));
    }

    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut push = |name: String, shape: Vec<usize>, data: &[f32]| {
        tensors.push((name, Dtype::F32, shape, bytes_of(data)));
    };
    let mut norms = Vec::new();
    for conv in &net.convs {
        let (kernel, norm) = match conv.place {
            Place::Stem => ("conv_stem".to_string(), "bn1".to_string()),
            Place::Depthwise(block) => {
                let (stage, at) = stage(block);
                (
                    format!("blocks.{stage}.{at}.conv_dw"),
                    format!("blocks.{stage}.{at}.bn1"),
                )
            }
            Place::Pointwise(block) => {
                let (stage, at) = stage(block);
                (
                    format!("blocks.{stage}.{at}.conv_pw"),
                    format!("blocks.{stage}.{at}.bn2"),
                )
            }
        };
        let shape = vec![conv.outputs, conv.inputs, conv.side, conv.side];
        push(format!("{kernel}.weight"), shape, conv.kernel);
        for (part, data) in [
            ("weight", conv.gamma),
            ("bias", conv.beta),
            ("running_mean", conv.mean),
            ("running_var", conv.variance),
        ] {
            push(format!("{norm}.{part}"), vec![conv.outputs], data);
        }
        norms.push(norm);
    }
    push(
        "classifier.weight".into(),
        vec![head.outputs, head.inputs],
        &head.weights,
    );
    push("classifier.bias".into(), vec![head.outputs], &head.bias);
    for norm in norms {
        // PyTorch counts batches; a strict load wants the counter.
        let zero = 0i64.to_le_bytes().to_vec();
        tensors.push((
            format!("{norm}.num_batches_tracked"),
            Dtype::I64,
            Vec::new(),
            zero,
        ));
    }

    let wrong = |e: safetensors::SafeTensorError| {
        Error::mismatch("tensors for timm", "a safetensors file", e)
    };
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| Ok((name, TensorView::new(*dtype, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let arguments: serde_json::Map<String, serde_json::Value> = arguments(net)
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    let (mean, std) = (config.mean / 255.0, config.std / 255.0);
    let metadata = serde_json::json!({
        "architecture": named(net).unwrap_or("mobilenetv1_100"),
        "arguments": arguments,
        "call": call(net),
        "classes": net.classes(),
        "preprocessing": net.preprocessing(),
        "pretrained_cfg": {
            "input_size": [3, net.side, net.side],
            "mean": [mean, mean, mean],
            "std": [std, std, std],
        },
    });
    let metadata = HashMap::from([(KEY.to_string(), metadata.to_string())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(wrong)?;
    Ok(Files::One(bytes))
}
