//! Writes TensorFlow Lite models: the net in floats, whose weights may have half precision, or in integers, and what is behind
//! it in floats.

use super::flatbuffer::{Field, Table};
use super::safetensors::half_bytes_of;
use super::tflite_graph::Graph;
use super::tflite_metadata::{self, METADATA, OWN_METADATA};
use super::tflite_model::{
    CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, FLOAT16, FLOAT32, FULLY_CONNECTED, MEAN, PAD, SOFTMAX,
};
use super::tflite_quantized_write as quantized;
use crate::config::{MobileNetConfig, Padding};
use crate::error::Result;
use crate::weights::dense::DenseLayer;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput};
use crate::weights::numbers::FloatType;
use crate::weights::parameters::{Layer, transpose};

// Numbers of the schema's union `BuiltinOptions`.
const CONVOLUTION_OPTIONS: u8 = 1;
const DEPTHWISE_OPTIONS: u8 = 2;
const POOL_OPTIONS: u8 = 5;
const FULLY_CONNECTED_OPTIONS: u8 = 8;
const SOFTMAX_OPTIONS: u8 = 9;
const RESHAPE_OPTIONS: u8 = 17;
const PAD_OPTIONS: u8 = 22;
const REDUCER_OPTIONS: u8 = 27;

// Numbers of the schema's enum `ActivationFunctionType`.
const NO_ACTIVATION: u8 = 0;
const RELU: u8 = 1;
const RELU6: u8 = 3;

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
    let same = place.pad(graph, &name, outputs_of(conv), FLOAT32, None);
    let map = [1, place.written, place.written, outputs];
    let output = graph.tensor(&name, FLOAT32, &map, None);
    let inputs = [graph.last, weights[0], weights[1]];
    let (code, options) = options(depthwise, same, conv.stride, RELU6);
    graph.operation((code, 1), &inputs, output, Some(options));
    Ok(place.written)
}

/// Channels of what a convolution reads.
fn outputs_of(conv: &Conv<'_>) -> usize {
    match conv.layer {
        Layer::Depthwise(_) => conv.outputs(),
        _ => conv.inputs(),
    }
}

/// Where in the net a convolution is: its padding, and the sides of the maps that it reads and writes.
pub(super) struct Place {
    padding: (usize, usize),
    /// Whether TensorFlow's `SAME` is that padding.
    same: bool,
    read: usize,
    pub written: usize,
}

impl Place {
    pub fn new(
        config: &MobileNetConfig,
        block: usize,
        side: usize,
        stride: usize,
        read: usize,
    ) -> Self {
        let padding = match side {
            1 => (0, 0),
            _ => config.padding.of_block(block).amounts(read, stride),
        };
        Self {
            padding,
            same: side == 1 || padding == Padding::Same.amounts(read, stride),
            read,
            written: (read + padding.0 + padding.1).saturating_sub(side) / stride + 1,
        }
    }

    /// Pads what the next operation reads by zeros, if `SAME` does not. Gives whether `SAME` does.
    pub fn pad(
        &self,
        graph: &mut Graph,
        name: &str,
        channels: usize,
        kind: u8,
        scales: Option<super::tflite_graph::Rounding>,
    ) -> bool {
        if !self.same {
            let (before, after) = (self.padding.0 as i32, self.padding.1 as i32);
            let amounts = [0, 0, before, after, before, after, 0, 0];
            let amounts = graph.integers(&format!("{name}/padding"), &[4, 2], &amounts);
            let side = self.read + self.padding.0 + self.padding.1;
            let shape = [1, side, side, channels];
            let padded = graph.tensor(&format!("{name}/padded"), kind, &shape, scales);
            let inputs = [graph.last, amounts];
            let version = if kind == FLOAT32 { 1 } else { 2 };
            let options = (PAD_OPTIONS, Table::default());
            graph.operation((PAD, version), &inputs, padded, Some(options));
        }
        self.same
    }
}

/// The number of a convolution, and its options.
pub(super) fn options(
    depthwise: bool,
    same: bool,
    stride: usize,
    activation: u8,
) -> (usize, (u8, Table)) {
    let stride = stride as u32;
    let mut fields = vec![
        (0, Field::Byte(u8::from(!same))),
        (1, Field::Int(stride)),
        (2, Field::Int(stride)),
    ];
    if depthwise {
        // Maps written for each map that is read.
        fields.extend([(3, Field::Int(1)), (4, Field::Byte(activation))]);
        return (DEPTHWISE_CONV_2D, (DEPTHWISE_OPTIONS, Table::new(fields)));
    }
    fields.push((3, Field::Byte(activation)));
    (CONV_2D, (CONVOLUTION_OPTIONS, Table::new(fields)))
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

/// The mean of the last map in floats.
pub(super) fn mean(graph: &mut Graph, shape: &[usize]) {
    let axes = graph.integers("pool/axes", &[2], &[1, 2]);
    let pooled = graph.tensor("embedding", FLOAT32, shape, None);
    let inputs = [graph.last, axes];
    graph.operation((MEAN, 1), &inputs, pooled, Some(reducer_options()));
}

/// An average over axes, which then are gone.
pub(super) fn reducer_options() -> (u8, Table) {
    (REDUCER_OPTIONS, Table::new([(0, Field::Byte(0))]))
}

/// An average of squares of this side, without padding.
pub(super) fn pool_options(side: usize) -> (u8, Table) {
    let side = side as u32;
    let valid = (0, Field::Byte(1));
    let sides = (1..=4).map(|number| (number, Field::Int(side)));
    let fields = std::iter::once(valid).chain(sides);
    (POOL_OPTIONS, Table::new(fields))
}

pub(super) fn reshape_options(shape: Vec<i32>) -> (u8, Table) {
    (RESHAPE_OPTIONS, Table::new([(0, Field::Ints(shape))]))
}

pub(super) fn dense_options(activation: u8) -> (u8, Table) {
    let fields = [(0, Field::Byte(activation))];
    (FULLY_CONNECTED_OPTIONS, Table::new(fields))
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
    let beta = Table::new([(0, Field::Float(1.0))]);
    let input = [graph.last];
    graph.operation((SOFTMAX, 1), &input, output, Some((SOFTMAX_OPTIONS, beta)));
    Ok("probabilities")
}
