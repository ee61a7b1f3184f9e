//! Quantized nets as ONNX models: every tensor of integers is dequantized where it is read (`QDQ`), which ONNX Runtime
//! and OpenVINO fuse into integer kernels.

use super::onnx_graph::{Writer, int, ints, value};
use super::onnx_messages::{FLOAT, INT8, INT32, Tensor, UINT8, Value};
use super::onnx_quantized_tensors::Outputs;
use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::quantized::net::{Activation, LayerKind, QuantizedLayer, QuantizedNet, stride};
use crate::weights::net::{Net, PixelInput};
use crate::weights::numbers::bytes_of;
use crate::weights::parameters::transpose;

/// Writes the net up to its last map, the pool, and its own classifier where that belongs to what is written; what is
/// behind it is written as floats. Returns the inputs.
pub(super) fn write(graph: &mut Writer, net: &Net<'_>, integers: &QuantizedNet) -> Result<Value> {
    net.only(
        "an ONNX model of integers",
        &[PixelInput::Normalized, PixelInput::Byte],
    )?;
    let input = pixels(graph, net, integers);
    let mut size = net.side;
    let mut reads = integers.input;
    for (index, layer) in integers.layers.iter().enumerate() {
        if layer.kind == LayerKind::Dense {
            break;
        }
        size = convolution(graph, &integers.config, (index, layer), reads, size);
        reads = layer.output;
    }
    graph.push("GlobalAveragePool", "pool", Vec::new(), Vec::new());
    graph.push("Flatten", "embedding", Vec::new(), vec![int("axis", 1)]);
    if let (Some(layer), Some(_)) = (integers.classifier(), &net.classifier) {
        quantize(graph, "embedding", integers.pooled);
        let more = constants(graph, "classifier", layer, integers.pooled);
        let name = if net.head.is_empty() {
            "logits"
        } else {
            "classifier"
        };
        if integers.wide_outputs {
            graph.push("Gemm", name, more, vec![int("transB", 1)]);
        } else {
            graph.push("Gemm", "classifier/sum", more, vec![int("transB", 1)]);
            quantize(graph, name, layer.output);
        }
    }
    Ok(input)
}

/// What the file says of the net beside its operations.
pub(super) fn outputs(integers: &QuantizedNet) -> serde_json::Value {
    serde_json::json!(Outputs {
        mean: integers.config.mean,
        std: integers.config.std,
        pooled: integers.pooled,
        logits: integers.classifier().map(|layer| layer.output),
        integers: integers.integers,
        pooling: integers.pooling,
        dense: integers.dense,
    })
}

/// The input, up to the real numbers that the stem reads.
fn pixels(graph: &mut Writer, net: &Net<'_>, integers: &QuantizedNet) -> Value {
    let (side, activation) = (net.side, integers.input);
    if net.input == PixelInput::Byte {
        graph.last = "pixels".into();
        let channels_first = ints("perm", vec![0, 3, 1, 2]);
        let levels = "input/levels";
        graph.push("Transpose", levels, Vec::new(), vec![channels_first]);
        dequantize(graph, "input", activation);
        return value("pixels", UINT8, &[side, side, 3]);
    }
    graph.last = "input".into();
    let config = &integers.config;
    // A pixel's level is the integer nearest to its real number only if the mean is an integer.
    let shift = ((f64::from(activation.zero_point) - config.mean) / config.std) as f32;
    if shift != 0.0 {
        let shift = graph.constant("input/shift".into(), &[], &[shift]);
        graph.push("Sub", "input/shifted", vec![shift], Vec::new());
    }
    quantize(graph, "input/real", activation);
    value("input", FLOAT, &[3, side, side])
}

/// A convolution of integers, rounded to levels. Returns the side of its map.
fn convolution(
    graph: &mut Writer,
    config: &MobileNetConfig,
    (index, layer): (usize, &QuantizedLayer),
    reads: Activation,
    size: usize,
) -> usize {
    let block = index.div_ceil(2);
    let name = match layer.kind {
        LayerKind::Stem => "stem".to_string(),
        LayerKind::Depthwise => format!("block{block}/depthwise"),
        LayerKind::Pointwise | LayerKind::Dense => format!("block{block}/pointwise"),
    };
    let more = constants(graph, &name, layer, reads);
    let large = layer.kind != LayerKind::Pointwise;
    let stride = stride(index);
    let (side, (before, after)) = if large {
        (3, config.padding.of_block(block).amounts(size, stride))
    } else {
        (1, (0, 0))
    };
    let groups = match layer.kind {
        LayerKind::Depthwise => layer.outputs(),
        _ => 1,
    };
    let [b, a, kernel, step] = [before, after, side, stride].map(|v| v as i64);
    let attributes = vec![
        ints("dilations", vec![1, 1]),
        int("group", groups as i64),
        ints("kernel_shape", vec![kernel, kernel]),
        ints("pads", vec![b, b, a, a]),
        ints("strides", vec![step, step]),
    ];
    graph.push("Conv", &format!("{name}/sum"), more, attributes);
    let (low, high) = layer.clamp;
    if (low, high) != (0, 255) {
        let real = |level: i32| layer.output.real(level.clamp(0, 255) as u8);
        let limits = [("low", real(low)), ("high", real(high))];
        let limits = limits.map(|(end, v)| graph.constant(format!("{name}/{end}"), &[], &[v]));
        let clipped = format!("{name}/clipped");
        graph.push("Clip", &clipped, limits.to_vec(), Vec::new());
    }
    quantize(graph, &name, layer.output);
    (size + before + after).saturating_sub(side) / stride + 1
}

/// Weights and biases, dequantized: the names of both.
fn constants(
    graph: &mut Writer,
    name: &str,
    layer: &QuantizedLayer,
    reads: Activation,
) -> Vec<String> {
    let outputs = layer.outputs();
    let inputs = layer.weights.len() / outputs;
    let (shape, weights) = match layer.kind {
        LayerKind::Depthwise => (
            vec![outputs, 1, 3, 3],
            transpose(&layer.weights, 9, outputs),
        ),
        LayerKind::Stem => {
            let filters = layer.weights.chunks_exact(27);
            let filters = filters.flat_map(|filter| transpose(filter, 9, 3));
            (vec![outputs, 3, 3, 3], filters.collect())
        }
        LayerKind::Pointwise => (vec![outputs, inputs, 1, 1], layer.weights.clone()),
        LayerKind::Dense => (vec![outputs, inputs], layer.weights.clone()),
    };
    // Weights of files with unsigned bytes are stored 128 lower.
    let zero_points = &layer.weight_zero_points;
    let signed = zero_points.iter().all(|&z| z == 0);
    let (kind, shift) = if signed { (INT8, 0) } else { (UINT8, 128) };
    let byte = |w: i32| (w + shift) as u8;
    let bytes = weights.iter().map(|&w| byte(i32::from(w))).collect();
    let zero_points = (kind, zero_points.iter().map(|&z| byte(z)).collect());
    let scales = &layer.weight_scales;
    let weight = channels(
        graph,
        &format!("{name}/weight"),
        (kind, &shape, bytes),
        scales,
        zero_points,
    );
    let scales: Vec<f32> = scales.iter().map(|&scale| reads.scale * scale).collect();
    let bytes = layer.bias.iter().flat_map(|b| b.to_le_bytes()).collect();
    let zeros = (INT32, vec![0; 4 * outputs]);
    let bias = channels(
        graph,
        &format!("{name}/bias"),
        (INT32, &[outputs], bytes),
        &scales,
        zeros,
    );
    vec![weight, bias]
}

/// A tensor of integers, dequantized with a scale for each index of its first axis.
fn channels(
    graph: &mut Writer,
    name: &str,
    (kind, shape, bytes): (i32, &[usize], Vec<u8>),
    scales: &[f32],
    (zero_kind, zero_points): (i32, Vec<u8>),
) -> String {
    let count = &shape[..1];
    let more = vec![
        raw(graph, format!("{name}/integers"), kind, shape, bytes),
        raw(
            graph,
            format!("{name}/scales"),
            FLOAT,
            count,
            bytes_of(scales),
        ),
        raw(
            graph,
            format!("{name}/zero_points"),
            zero_kind,
            count,
            zero_points,
        ),
    ];
    graph.operation("DequantizeLinear", name, more, vec![int("axis", 0)]);
    name.into()
}

/// Rounds to levels, and reads them again.
fn quantize(graph: &mut Writer, name: &str, activation: Activation) {
    let parts = scale_of(graph, name, activation);
    let levels = format!("{name}/levels");
    graph.push("QuantizeLinear", &levels, parts.to_vec(), Vec::new());
    let real = format!("{name}/dequantized");
    graph.push("DequantizeLinear", &real, parts.to_vec(), Vec::new());
}

fn dequantize(graph: &mut Writer, name: &str, activation: Activation) {
    let parts = scale_of(graph, name, activation);
    graph.push("DequantizeLinear", name, parts.to_vec(), Vec::new());
}

fn scale_of(graph: &mut Writer, name: &str, activation: Activation) -> [String; 2] {
    let zero_point = vec![activation.zero_point.clamp(0, 255) as u8];
    [
        graph.constant(format!("{name}/scale"), &[], &[activation.scale]),
        raw(graph, format!("{name}/zero_point"), UINT8, &[], zero_point),
    ]
}

fn raw(graph: &mut Writer, name: String, kind: i32, shape: &[usize], bytes: Vec<u8>) -> String {
    graph.initializer.push(Tensor {
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: kind,
        name: name.clone(),
        raw_data: bytes,
        ..Tensor::default()
    });
    name
}
