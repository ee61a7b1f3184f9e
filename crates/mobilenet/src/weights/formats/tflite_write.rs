//! Writes TensorFlow Lite models: the net in floats, whose weights may have half precision, or in integers, and what is behind
//! it in floats.

use super::safetensors::half_bytes_of;
use super::tflite_graph::Graph;
use super::tflite_metadata::{self, METADATA, OWN_METADATA};
use super::tflite_model::{DEQUANTIZE, FLOAT16, FLOAT32, FULLY_CONNECTED, SOFTMAX};
use super::tflite_operations::{
    NO_ACTIVATION, Place, RELU, RELU6, dense_options, mean, options, softmax_options,
};
use super::tflite_quantized_write as quantized;
use crate::error::Result;
use crate::weights::dense::DenseLayer;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput};
use crate::weights::numbers::FloatType;
use crate::weights::parameters::{Layer, transpose};

/// The file, and `labels.txt` if there are names of classes.
pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    let mut graph = Graph::new();
    let (input, range, layers) = match net.integers {
        None => {
            let allowed = [PixelInput::Normalized];
            net.only("a TensorFlow Lite model in floats", &allowed)?;
            let input = floats(&mut graph, net)?;
            (input, net.config.into(), net.layers())
        }
        Some(integers) => {
            let (input, layers) = quantized::write(&mut graph, net, integers)?;
            (input, integers.input.into(), layers)
        }
    };
    let output = head(&mut graph, net, &layers)?;
    let labels = match net.classes {
        [] => None,
        _ => Some(net.labels()?),
    };
    let about = tflite_metadata::write(net, range, output, labels.is_some());
    let own = ModelMetadata::of(net).to_json().to_string();
    let metadata = vec![(METADATA, about), (OWN_METADATA, own.into_bytes())];
    let description = format!("{} {}", net.producer.0, net.producer.1);
    let mut bytes = graph.finish((input, "image"), output, &description, metadata);
    let mut files = Vec::new();
    if let Some(labels) = labels {
        tflite_metadata::append(&mut bytes, tflite_metadata::LABELS, &labels);
        files.push(ExportedFile::new(tflite_metadata::LABELS, labels));
    }
    files.insert(0, ExportedFile::new("model.tflite", bytes));
    Ok(files)
}

/// The net in floats, up to its embedding. Gives its input.
fn floats(graph: &mut Graph, net: &Net<'_>) -> Result<usize> {
    let mut size = net.side;
    let input = graph.tensor("image", FLOAT32, &[1, size, size, 3], None);
    graph.last = input;
    for conv in &net.convs {
        size = convolution(graph, net, conv, size)?;
    }
    mean(graph, &[1, net.config.feature_dim()]);
    Ok(input)
}

/// A convolution with its batch normalization folded in, and ReLU6. Gives the side of its map.
fn convolution(graph: &mut Graph, net: &Net<'_>, conv: &Conv<'_>, size: usize) -> Result<usize> {
    let (kernel, bias) = conv.folded(net.config.epsilon);
    let (side, outputs) = (conv.side(), conv.outputs());
    let (name, depthwise) = match conv.layer {
        Layer::Stem => ("stem".to_string(), false),
        Layer::Depthwise(block) => (format!("block{block}/depthwise"), true),
        Layer::Pointwise(_) | Layer::Classifier => {
            (format!("block{}/pointwise", conv.block()), false)
        }
    };
    // Rows and columns first, the channels that are read last; depthwise the channels that are written.
    let (kernel, shape) = if depthwise {
        let kernel = transpose(&kernel, outputs, side * side);
        (kernel, [1, side, side, outputs])
    } else {
        let filters = kernel.chunks_exact(conv.inputs() * side * side);
        let kernel = filters.flat_map(|filter| transpose(filter, conv.inputs(), side * side));
        (kernel.collect(), [outputs, side, side, conv.inputs()])
    };
    let weights = [
        constant(
            graph,
            net.float_type,
            &format!("{name}/weight"),
            &shape,
            &kernel,
        )?,
        constant(
            graph,
            net.float_type,
            &format!("{name}/bias"),
            &[outputs],
            &bias,
        )?,
    ];
    let place = Place::new(net.config, conv.block(), side, conv.stride, size);
    let same = place.pad(graph, &name, channels_read(conv), FLOAT32, None);
    let map = [1, place.written, place.written, outputs];
    let output = graph.tensor(&name, FLOAT32, &map, None);
    let inputs = [graph.last, weights[0], weights[1]];
    let (code, options) = options(depthwise, same, conv.stride, RELU6);
    graph.operation((code, 1), &inputs, output, Some(options));
    Ok(place.written)
}

/// Channels of what a convolution reads.
fn channels_read(conv: &Conv<'_>) -> usize {
    match conv.layer {
        Layer::Depthwise(_) => conv.outputs(),
        _ => conv.inputs(),
    }
}

/// Numbers of a layer, widened where they are stored in half precision.
fn constant(
    graph: &mut Graph,
    float_type: FloatType,
    name: &str,
    shape: &[usize],
    values: &[f32],
) -> Result<usize> {
    if float_type == FloatType::F32 {
        return Ok(graph.floats(name, shape, values));
    }
    let bytes = half_bytes_of(name, values)?;
    let half = graph.constant(&format!("{name}/half"), FLOAT16, shape, bytes, None);
    let wide = graph.tensor(name, FLOAT32, shape, None);
    let before = graph.last;
    graph.operation((DEQUANTIZE, 3), &[half], wide, None);
    graph.last = before;
    Ok(wide)
}

/// The layers behind the embedding, and softmax. Gives the name of the output.
fn head(graph: &mut Graph, net: &Net<'_>, layers: &[DenseLayer]) -> Result<&'static str> {
    for (at, layer) in layers.iter().enumerate() {
        let (name, activation) = if at + 1 == layers.len() {
            ("logits".to_string(), NO_ACTIVATION)
        } else {
            (format!("hidden{}", at + 1), RELU)
        };
        let shape = [layer.outputs(), layer.inputs()];
        let float_type = net.float_type;
        let inputs = [
            graph.last,
            constant(
                graph,
                float_type,
                &format!("{name}/weight"),
                &shape,
                layer.weight(),
            )?,
            constant(
                graph,
                float_type,
                &format!("{name}/bias"),
                &shape[..1],
                layer.bias(),
            )?,
        ];
        let output = graph.tensor(&name, FLOAT32, &[1, layer.outputs()], None);
        let options = dense_options(activation);
        graph.operation((FULLY_CONNECTED, 1), &inputs, output, Some(options));
    }
    if net.head.is_empty() && net.classifier.is_none() {
        return Ok("embedding");
    }
    let output = graph.tensor("probabilities", FLOAT32, &[1, net.outputs()], None);
    let input = [graph.last];
    graph.operation((SOFTMAX, 1), &input, output, Some(softmax_options()));
    Ok("probabilities")
}
