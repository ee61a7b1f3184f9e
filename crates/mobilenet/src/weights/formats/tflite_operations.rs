//! Operations of TensorFlow Lite models that are written, in floats or in integers: their options, padding, and the mean.

use super::flatbuffer::{Field, Table};
use super::tflite_graph::{Graph, Rounding};
use super::tflite_model::{CONV_2D, DEPTHWISE_CONV_2D, FLOAT32, MEAN, PAD};
use crate::config::{MobileNetConfig, Padding};

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
pub(super) const NO_ACTIVATION: u8 = 0;
pub(super) const RELU: u8 = 1;
pub(super) const RELU6: u8 = 3;

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
        scales: Option<Rounding>,
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

pub(super) fn softmax_options() -> (u8, Table) {
    (SOFTMAX_OPTIONS, Table::new([(0, Field::Float(1.0))]))
}
