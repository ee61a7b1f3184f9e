//! The integers of a quantized net as a TensorFlow Lite model. What is behind them is computed with floats: the range of logits
//! is known only of pictures.

use super::tflite_graph::{Graph, Rounding};
use super::tflite_model::{
    AVERAGE_POOL_2D, DEQUANTIZE, FLOAT32, FULLY_CONNECTED, INT8, INT32, MEAN, QUANTIZE, RESHAPE,
    UINT8,
};
use super::tflite_operations::{
    NO_ACTIVATION, Place, RELU, RELU6, dense_options, mean, options, pool_options, reducer_options,
    reshape_options,
};
use super::tflite_quantized_layer::clamp;
use crate::error::{Error, Result};
use crate::quantized::net::{
    Activation, DenseOperation, LayerKind, Pooling, QuantizedLayer, QuantizedNet, stride,
};
use crate::weights::dense::DenseLayer;
use crate::weights::net::{Net, PixelInput};

/// How the levels of a net are stored: as signed bytes, 128 lower, or as they are.
#[derive(Clone, Copy)]
struct Bytes {
    kind: u8,
    shift: i32,
}

impl Bytes {
    const SIGNED: Self = Self {
        kind: INT8,
        shift: 128,
    };
    const UNSIGNED: Self = Self {
        kind: UINT8,
        shift: 0,
    };

    /// Weights whose zero points are all 0 are signed; the format wants activations of the same type.
    fn of(net: &QuantizedNet) -> Self {
        let mut zero_points = net.layers.iter().flat_map(|l| &l.weight_zero_points);
        if zero_points.all(|&z| z == 0) {
            Self::SIGNED
        } else {
            Self::UNSIGNED
        }
    }

    fn rounding(self, activation: Activation) -> Rounding {
        Rounding {
            scales: vec![activation.scale],
            zero_points: vec![i64::from(activation.zero_point - self.shift)],
            axis: 0,
        }
    }
}

/// Writes the net up to what the layers behind it read, in floats. Gives its input, and these layers.
pub(super) fn write(
    graph: &mut Graph,
    net: &Net<'_>,
    integers: &QuantizedNet,
) -> Result<(usize, Vec<DenseLayer>)> {
    let inputs = [
        PixelInput::Normalized,
        PixelInput::Byte,
        PixelInput::SignedByte,
    ];
    net.only("a TensorFlow Lite model of integers", &inputs)?;
    let bytes = Bytes::of(integers);
    let input = pixels(graph, net, integers, bytes);
    let mut size = net.side;
    let mut reads = (integers.input, 3);
    for (index, layer) in integers.layers.iter().enumerate() {
        if layer.kind == LayerKind::Dense {
            break;
        }
        let at = (index, reads, size);
        size = convolution(graph, integers, layer, at, bytes)?;
        reads = (layer.output, layer.outputs());
    }
    let (map, channels) = reads;
    let embedding = [1, channels];
    let own = integers.classifier().filter(|_| net.classifier.is_some());
    if integers.wide_outputs {
        // As this crate's engines do: the mean of all that was computed, before it is rounded.
        dequantize(graph, "map", &[1, size, size, channels]);
        mean(graph, &embedding);
        if own.is_some() {
            round(
                graph,
                "embedding/levels",
                &embedding,
                integers.pooled,
                bytes,
            );
            dequantize(graph, "embedding/rounded", &embedding);
        }
        return Ok((input, net.layers()));
    }
    pool(graph, integers, (map, size, channels), bytes);
    let mut values = channels;
    if let Some(layer) = own {
        values = layer.outputs();
        dense(graph, integers, layer, bytes)?;
    }
    dequantize(graph, "outputs", &[1, values]);
    reshape(graph, "outputs/flat", &[1, values]);
    Ok((input, net.head.to_vec()))
}

/// The input, up to the levels that the stem reads.
fn pixels(graph: &mut Graph, net: &Net<'_>, integers: &QuantizedNet, bytes: Bytes) -> usize {
    let shape = [1, net.side, net.side, 3];
    let activation = integers.input;
    let (kind, scales, version) = match net.input {
        PixelInput::SignedByte => (INT8, Some(Bytes::SIGNED.rounding(activation)), 2),
        PixelInput::Byte => (UINT8, Some(Bytes::UNSIGNED.rounding(activation)), 2),
        PixelInput::Normalized | PixelInput::Float => (FLOAT32, None, 1),
    };
    let input = graph.tensor("image", kind, &shape, scales);
    graph.last = input;
    if kind != bytes.kind {
        let levels = graph.tensor(
            "image/levels",
            bytes.kind,
            &shape,
            Some(bytes.rounding(activation)),
        );
        graph.operation((QUANTIZE, version), &[input], levels, None);
    }
    input
}

/// A convolution and its ReLU6. Gives the side of its map.
fn convolution(
    graph: &mut Graph,
    net: &QuantizedNet,
    layer: &QuantizedLayer,
    (index, (reads, inputs), size): (usize, (Activation, usize), usize),
    bytes: Bytes,
) -> Result<usize> {
    let (block, outputs) = (index.div_ceil(2), layer.outputs());
    let (name, shape, depthwise) = match layer.kind {
        LayerKind::Stem => ("stem".to_string(), [outputs, 3, 3, 3], false),
        LayerKind::Depthwise => (format!("block{block}/depthwise"), [1, 3, 3, outputs], true),
        LayerKind::Pointwise | LayerKind::Dense => (
            format!("block{block}/pointwise"),
            [outputs, 1, 1, inputs],
            false,
        ),
    };
    let weights = constants(graph, &name, layer, (&shape, reads), bytes)?;
    let place = Place::new(&net.config, block, shape[1], stride(index), size);
    let scales = Some(bytes.rounding(reads));
    let same = place.pad(graph, &name, inputs, bytes.kind, scales);
    let map = [1, place.written, place.written, outputs];
    let output = graph.tensor(&name, bytes.kind, &map, Some(bytes.rounding(layer.output)));
    let (code, options) = options(depthwise, same, stride(index), activation(&name, layer)?);
    let inputs = [graph.last, weights[0], weights[1]];
    graph.operation((code, version(bytes)), &inputs, output, Some(options));
    Ok(place.written)
}

/// The version of operations with weights.
fn version(bytes: Bytes) -> u32 {
    if bytes.kind == INT8 { 3 } else { 1 }
}

/// The function whose range is that of the layer.
fn activation(name: &str, layer: &QuantizedLayer) -> Result<u8> {
    let is_its = |kind: &u8| clamp(layer.kind, layer.output, *kind) == Ok(layer.clamp);
    [RELU6, RELU, NO_ACTIVATION]
        .into_iter()
        .find(is_its)
        .ok_or_else(|| {
            let found = format!("{:?}", layer.clamp);
            let setting = "levels that a layer of integers writes, for a TensorFlow Lite model";
            Error::setting(
                setting,
                format!("{found} of {name}"),
                "those of ReLU6, ReLU or none",
            )
        })
}

/// Weights and biases of a layer.
fn constants(
    graph: &mut Graph,
    name: &str,
    layer: &QuantizedLayer,
    (shape, reads): (&[usize], Activation),
    bytes: Bytes,
) -> Result<[usize; 2]> {
    let mut scales = layer.weight_scales.clone();
    // Files keep weights of unsigned bytes 128 lower.
    let shift = 128 - bytes.shift;
    let mut zero_points: Vec<_> = layer
        .weight_zero_points
        .iter()
        .map(|&z| z + shift)
        .collect();
    let (first, zero) = (scales.first().copied(), zero_points.first().copied());
    let one =
        scales.iter().all(|&s| Some(s) == first) && zero_points.iter().all(|&z| Some(z) == zero);
    if bytes.kind == UINT8 && !one {
        let expected = "one scale for each layer: unsigned bytes of TensorFlow Lite have no more";
        return Err(Error::setting(
            "scales of weights",
            format!("several of {name}"),
            expected,
        ));
    }
    if bytes.kind == UINT8 {
        scales.truncate(1);
        zero_points.truncate(1);
    }
    let axis = if layer.kind == LayerKind::Depthwise {
        3
    } else {
        0
    };
    let biases = Rounding {
        scales: scales.iter().map(|&scale| reads.scale * scale).collect(),
        zero_points: vec![0; scales.len()],
        axis: 0,
    };
    let weights = Rounding {
        scales,
        zero_points: zero_points.into_iter().map(i64::from).collect(),
        axis,
    };
    let levels = layer.weights.iter().map(|&w| (i32::from(w) + shift) as u8);
    let (weight, bias) = (format!("{name}/weight"), format!("{name}/bias"));
    let values = layer.bias.iter().flat_map(|b| b.to_le_bytes()).collect();
    Ok([
        graph.constant(&weight, bytes.kind, shape, levels.collect(), Some(weights)),
        graph.constant(&bias, INT32, &[layer.outputs()], values, Some(biases)),
    ])
}

/// The average of the last map, rounded.
fn pool(
    graph: &mut Graph,
    net: &QuantizedNet,
    (map, size, channels): (Activation, usize, usize),
    bytes: Bytes,
) {
    let scales = |activation| Some(bytes.rounding(activation));
    if net.pooling == Pooling::Mean {
        let axes = graph.integers("pool/axes", &[2], &[1, 2]);
        let pooled = graph.tensor("pool", bytes.kind, &[1, channels], scales(net.pooled));
        let inputs = [graph.last, axes];
        let version = if bytes.kind == INT8 { 2 } else { 1 };
        graph.operation((MEAN, version), &inputs, pooled, Some(reducer_options()));
        return;
    }
    let pooled = graph.tensor("pool", bytes.kind, &[1, 1, 1, channels], scales(map));
    let input = [graph.last];
    let version = if bytes.kind == INT8 { 2 } else { 1 };
    graph.operation(
        (AVERAGE_POOL_2D, version),
        &input,
        pooled,
        Some(pool_options(size)),
    );
}

/// The net's own classifier.
fn dense(
    graph: &mut Graph,
    net: &QuantizedNet,
    layer: &QuantizedLayer,
    bytes: Bytes,
) -> Result<()> {
    let (outputs, inputs) = (layer.outputs(), net.config.feature_dim());
    let convolves = net.dense == DenseOperation::Convolution;
    let shape: &[usize] = if convolves {
        &[outputs, 1, 1, inputs]
    } else {
        &[outputs, inputs]
    };
    let weights = constants(graph, "classifier", layer, (shape, net.pooled), bytes)?;
    let shape: &[usize] = if convolves {
        &[1, 1, 1, outputs]
    } else {
        &[1, outputs]
    };
    let output = graph.tensor(
        "classifier",
        bytes.kind,
        shape,
        Some(bytes.rounding(layer.output)),
    );
    let inputs = [graph.last, weights[0], weights[1]];
    let (code, options, version) = if convolves {
        let (code, options) = options(false, true, 1, activation("classifier", layer)?);
        (code, options, version(bytes))
    } else {
        let version = if bytes.kind == INT8 { 4 } else { 1 };
        (
            FULLY_CONNECTED,
            dense_options(activation("classifier", layer)?),
            version,
        )
    };
    graph.operation((code, version), &inputs, output, Some(options));
    Ok(())
}

/// Rounds floats to levels.
fn round(graph: &mut Graph, name: &str, shape: &[usize], activation: Activation, bytes: Bytes) {
    let levels = graph.tensor(name, bytes.kind, shape, Some(bytes.rounding(activation)));
    let input = [graph.last];
    graph.operation((QUANTIZE, 1), &input, levels, None);
}

/// The real numbers that the levels stand for.
fn dequantize(graph: &mut Graph, name: &str, shape: &[usize]) {
    let real = graph.tensor(name, FLOAT32, shape, None);
    let input = [graph.last];
    graph.operation((DEQUANTIZE, 2), &input, real, None);
}

/// The same values in another shape.
fn reshape(graph: &mut Graph, name: &str, shape: &[usize]) {
    let sizes: Vec<i32> = shape.iter().map(|&d| d as i32).collect();
    let constant = graph.integers(&format!("{name}/shape"), &[sizes.len()], &sizes);
    let output = graph.tensor(name, FLOAT32, shape, None);
    let inputs = [graph.last, constant];
    graph.operation((RESHAPE, 1), &inputs, output, Some(reshape_options(sizes)));
}
