//! A TensorFlow Lite model as its file has it: tensors, constants and operations.

use super::tflite_tables::{Parsed, Table, u32_at};

pub(super) const FORMAT: &str = "TensorFlow Lite model";

// Numbers of the schema's enums `TensorType` and `BuiltinOperator`.
pub(super) const FLOAT32: u8 = 0;
pub(super) const FLOAT16: u8 = 1;
pub(super) const INT32: u8 = 2;
pub(super) const UINT8: u8 = 3;
pub(super) const INT8: u8 = 9;
pub(super) const ADD: usize = 0;
pub(super) const AVERAGE_POOL_2D: usize = 1;
pub(super) const CONCATENATION: usize = 2;
pub(super) const CONV_2D: usize = 3;
pub(super) const DEPTHWISE_CONV_2D: usize = 4;
pub(super) const DEQUANTIZE: usize = 6;
pub(super) const FULLY_CONNECTED: usize = 9;
pub(super) const RELU6: usize = 21;
pub(super) const RESHAPE: usize = 22;
pub(super) const SOFTMAX: usize = 25;
pub(super) const CUSTOM: usize = 32;
pub(super) const PAD: usize = 34;
pub(super) const MEAN: usize = 40;
pub(super) const SQUEEZE: usize = 43;
pub(super) const QUANTIZE: usize = 114;
pub(super) const HARD_SWISH: usize = 117;

/// What MobileNetV1 does not have, and whose mark it is.
const OTHERS: [(usize, &str); 4] = [
    (
        CUSTOM,
        "an operation that is not TensorFlow Lite's own, as object detectors (SSD) end in",
    ),
    (HARD_SWISH, "hard swish: it may be a MobileNetV3"),
    (
        CONCATENATION,
        "branches that are joined: it may be an object detector (SSD) or an Inception",
    ),
    (
        ADD,
        "residual connections: it may be a MobileNetV2 or a ResNet",
    ),
];

/// One operation.
pub(super) struct Operation<'a> {
    /// A number of `BuiltinOperator`.
    pub code: usize,
    /// Numbers of tensors; -1: none.
    pub inputs: Vec<i64>,
    pub outputs: Vec<i64>,
    pub options: Option<Table<'a>>,
}

impl<'a> Operation<'a> {
    fn read(codes: &[Table<'a>], operation: Table<'a>) -> Parsed<Self> {
        let code = codes
            .get(operation.u32(0)?)
            .ok_or("an operation of no kind")?;
        Ok(Self {
            // The number outgrew its byte; the larger of the two fields counts.
            code: code.u32(3)?.max(usize::from(code.u8(0)?)),
            inputs: operation.integers(1)?,
            outputs: operation.integers(2)?,
            options: operation.table(4)?,
        })
    }

    /// The tensor that is data, and the one that is written.
    pub fn ends(&self) -> Parsed<(i64, i64)> {
        match (self.inputs.first(), self.outputs.first()) {
            (Some(&input), Some(&output)) => Ok((input, output)),
            _ => Err("an operation without input or output".into()),
        }
    }

    pub fn input(&self, i: usize) -> Parsed<i64> {
        let input = self.inputs.get(i).copied();
        input.ok_or_else(|| "an operation lacks an input".into())
    }
}

/// A model of one graph with one input.
pub(super) struct Model<'a> {
    pub tensors: Vec<Table<'a>>,
    buffers: Vec<Table<'a>>,
    pub operations: Vec<Operation<'a>>,
    /// The tensor that is the graph's input.
    pub input: i64,
    /// Pieces of metadata: their names and buffers.
    metadata: Vec<Table<'a>>,
    /// Length of the file.
    pub bytes: usize,
}

impl<'a> Model<'a> {
    pub fn new(bytes: &'a [u8]) -> Parsed<Self> {
        let root = Table::new(bytes, u32_at(bytes, 0)?)?;
        let codes = root.tables(1)?;
        let graphs = root.tables(2)?;
        let [graph] = graphs[..] else {
            return Err(format!("{} subgraphs; expected one", graphs.len()));
        };
        let operations = graph.tables(3)?;
        let operations = operations.into_iter().map(|op| Operation::read(&codes, op));
        let inputs = graph.integers(1)?;
        let model = Self {
            tensors: graph.tables(0)?,
            buffers: root.tables(4)?,
            operations: operations.collect::<Parsed<_>>()?,
            input: *inputs.first().ok_or("a graph without an input")?,
            metadata: root.tables(6)?,
            bytes: bytes.len(),
        };
        for (code, mark) in OTHERS {
            if model.operations.iter().any(|op| op.code == code) {
                return Err(format!("it is no MobileNetV1, for it has {mark}"));
            }
        }
        match inputs.len() {
            1 => Ok(model),
            several => Err(format!("{several} inputs; expected one")),
        }
    }

    pub fn tensor(&self, number: i64) -> Parsed<Table<'a>> {
        let number = usize::try_from(number).ok();
        let tensor = number.and_then(|n| self.tensors.get(n)).copied();
        tensor.ok_or_else(|| "an operation's tensor is not there".into())
    }

    /// The constant that a tensor is; empty where it is none.
    pub fn buffer(&self, tensor: Table<'a>) -> Parsed<&'a [u8]> {
        let buffer = self.buffers.get(tensor.u32(2)?);
        let buffer = buffer.ok_or("a tensor's buffer is not there")?;
        Ok(buffer.vector(0, 1)?.0)
    }

    /// A piece of metadata by its name.
    pub fn metadata(&self, name: &str) -> Parsed<Option<&'a [u8]>> {
        for piece in &self.metadata {
            if piece.text(0)? == name {
                let buffer = self.buffers.get(piece.u32(1)?);
                let buffer = buffer.ok_or("a buffer of metadata is not there")?;
                return Ok(Some(buffer.vector(0, 1)?.0));
            }
        }
        Ok(None)
    }

    /// Side of the input in pixels, as far as the file says it.
    pub fn input_size(&self) -> Parsed<Option<usize>> {
        let shape = self.tensor(self.input)?.integers(0)?;
        let side = shape.get(1).and_then(|&s| usize::try_from(s).ok());
        Ok(side.filter(|&s| s > 1))
    }

    /// Whether a layer's weights are bytes.
    pub fn is_quantized(&self) -> bool {
        self.layers().any(|op| self.is_of_bytes(op))
    }

    /// Whether every layer whose weights are bytes reads bytes too: otherwise only the weights are quantized.
    pub fn has_quantized_activations(&self) -> bool {
        self.layers()
            .filter(|op| self.is_of_bytes(op))
            .all(|op| matches!(self.kind_of(op, 0), Some(UINT8 | INT8)))
    }

    /// The operations that have weights.
    pub fn layers(&self) -> impl Iterator<Item = &Operation<'a>> {
        let has_weights =
            |op: &&Operation<'_>| matches!(op.code, CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED);
        self.operations.iter().filter(has_weights)
    }

    /// Whether a layer's weights are bytes.
    pub fn is_of_bytes(&self, layer: &Operation<'_>) -> bool {
        matches!(self.kind_of(layer, 1), Some(UINT8 | INT8))
    }

    fn kind_of(&self, operation: &Operation<'_>, input: usize) -> Option<u8> {
        let tensor = self.tensor(*operation.inputs.get(input)?).ok()?;
        tensor.u8(1).ok()
    }
}

/// What the options of a convolution say.
pub(super) struct ConvolutionOptions {
    pub stride: usize,
    /// TensorFlow's `SAME`; else `VALID`.
    pub same: bool,
    /// A number of the schema's `ActivationFunctionType`.
    pub activation: u8,
}

impl ConvolutionOptions {
    pub fn read(options: Table<'_>, depthwise: bool) -> Parsed<Self> {
        let (across, down) = (options.u32(1)?, options.u32(2)?);
        if across != down {
            return Err(format!("a convolution of strides {down} and {across}"));
        }
        let first = if depthwise { 5 } else { 4 };
        let dilation = (options.u32_or(first, 1)?, options.u32_or(first + 1, 1)?);
        if dilation != (1, 1) {
            return Err(format!(
                "a convolution dilated by {dilation:?}; MobileNetV1's are not"
            ));
        }
        Ok(Self {
            stride: down,
            same: options.u8(0)? == 0,
            activation: options.u8(if depthwise { 4 } else { 3 })?,
        })
    }
}
