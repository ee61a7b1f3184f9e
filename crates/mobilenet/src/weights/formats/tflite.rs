//! Float TensorFlow Lite models (`tensorflow/lite/schema/schema.fbs`), batch norm folded; half-precision weights
//! behind `DEQUANTIZE` too.

use std::cell::Cell;

use super::contents::Contents;
use super::tflite_tables::{Parsed, Table, u32_at};
use super::topology::{self, Kind, Op};
use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::weights::budget::count;
use crate::weights::file::File;
use crate::weights::numbers::{floats, halves, integers};
use crate::weights::parameters::{Array, transpose};
use crate::weights::schemes::TOPOLOGY;

const FORMAT: &str = "TensorFlow Lite model";

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let (ops, input, config) = operations(&file.bytes).map_err(wrong)?;
    let (config, arrays, head) = topology::read_with_head(ops, &input, config).map_err(wrong)?;
    Ok(Contents::import(&file.name, &TOPOLOGY, config, arrays)?.with_head(head))
}

/// Its tensors by number, as far as they are constant.
struct Model<'a> {
    tensors: Vec<Table<'a>>,
    buffers: Vec<Table<'a>>,
    /// Per tensor: the constant that a `DEQUANTIZE` makes it of.
    widened: Vec<Option<usize>>,
    /// Bytes of constants that may still be read: a small file could name one buffer thousands of times.
    left: Cell<usize>,
}

// Numbers of the schema's enums `TensorType` and `BuiltinOperator`.
const FLOAT32: u8 = 0;
const FLOAT16: u8 = 1;
const INT32: u8 = 2;
const AVERAGE_POOL_2D: usize = 1;
const CONV_2D: usize = 3;
const DEPTHWISE_CONV_2D: usize = 4;
const DEQUANTIZE: usize = 6;
const FULLY_CONNECTED: usize = 9;
const RELU6: usize = 21;
const RESHAPE: usize = 22;
const SOFTMAX: usize = 25;
const PAD: usize = 34;
const MEAN: usize = 40;
const SQUEEZE: usize = 43;

impl<'a> Model<'a> {
    fn tensor(&self, number: i64) -> Parsed<Table<'a>> {
        let number = usize::try_from(number).ok();
        let tensor = number.and_then(|n| self.tensors.get(n)).copied();
        tensor.ok_or_else(|| "an operation's tensor is not there".into())
    }

    fn buffer(&self, tensor: Table<'a>) -> Parsed<&'a [u8]> {
        let buffer = self.buffers.get(tensor.u32(2)?);
        let buffer = buffer.ok_or("a tensor's buffer is not there")?;
        Ok(buffer.vector(0, 1)?.0)
    }

    /// The constant behind input `i` of an operation.
    fn constant(&self, inputs: &[i64], i: usize) -> Parsed<Array> {
        let number = *inputs.get(i).ok_or("an operation lacks an input")?;
        let source = usize::try_from(number).ok();
        let source = source.and_then(|n| *self.widened.get(n)?);
        let tensor = self.tensor(source.map_or(number, |n| n as i64))?;
        let name = tensor.text(3)?;
        let shape: Vec<usize> = tensor
            .integers(0)?
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(usize::MAX))
            .collect();
        let bytes = self.buffer(tensor)?;
        let left = self.left.get().checked_sub(bytes.len());
        self.left
            .set(left.ok_or("its operations use more numbers than it holds")?);
        let data = match tensor.u8(1)? {
            FLOAT32 => floats(bytes),
            FLOAT16 => halves(bytes),
            other => {
                return Err(format!(
                    "tensor `{name}` has numbers of type {other}: quantized models are not read, \
                     take the float one"
                ));
            }
        };
        if count(&shape) != Some(data.len()) {
            return Err(format!(
                "tensor `{name}`: {} values for shape {shape:?}",
                data.len()
            ));
        }
        Ok(Array { shape, data })
    }
}

/// The operations, the name of their input, and what the input says of the net.
fn operations(bytes: &[u8]) -> Parsed<(Vec<Op>, String, MobileNetConfig)> {
    let root = Table::new(bytes, u32_at(bytes, 0)?)?;
    let codes = root.tables(1)?;
    let graphs = root.tables(2)?;
    let [graph] = graphs[..] else {
        return Err(format!("{} subgraphs; expected one", graphs.len()));
    };
    let tensors = graph.tables(0)?;
    let mut model = Model {
        widened: vec![None; tensors.len()],
        left: Cell::new(bytes.len()),
        buffers: root.tables(4)?,
        tensors,
    };
    let mut ops = Vec::new();
    for operation in graph.tables(3)? {
        let code = codes
            .get(operation.u32(0)?)
            .ok_or("an operation of no kind")?;
        // The number outgrew its byte; the larger of the two fields counts.
        let code = code.u32(3)?.max(usize::from(code.u8(0)?));
        read_operation(&mut model, code, operation, &mut ops)?;
    }
    let inputs = graph.integers(1)?;
    let &[input] = &inputs[..] else {
        return Err(format!("{} inputs; expected one", inputs.len()));
    };
    let mut config = MobileNetConfig::new();
    let shape = model.tensor(input)?.integers(0)?;
    let side = shape.get(1).and_then(|&s| usize::try_from(s).ok());
    if let Some(side) = side.filter(|&s| s > 1) {
        config.input_size = side;
    }
    Ok((ops, input.to_string(), config))
}

/// One operation and what was merged into it.
fn read_operation(
    model: &mut Model<'_>,
    code: usize,
    operation: Table<'_>,
    ops: &mut Vec<Op>,
) -> Parsed<()> {
    let (inputs, outputs) = (operation.integers(1)?, operation.integers(2)?);
    let (Some(&input), Some(&output)) = (inputs.first(), outputs.first()) else {
        return Err("an operation without input or output".into());
    };
    let name = model.tensor(output)?.text(3)?;
    let options = operation.table(4)?;
    let kinds = match (code, options) {
        (DEQUANTIZE, _) => {
            let to = usize::try_from(output).ok();
            if let Some(slot) = to.and_then(|n| model.widened.get_mut(n)) {
                *slot = usize::try_from(input).ok();
            }
            return Ok(());
        }
        (CONV_2D | DEPTHWISE_CONV_2D, Some(options)) => {
            convolution(model, code == DEPTHWISE_CONV_2D, &inputs, options)?
        }
        (FULLY_CONNECTED, Some(options)) => {
            let kernel = model.constant(&inputs, 1)?;
            let &[classes, width] = &kernel.shape[..] else {
                return Err(format!("`{name}` has a kernel of shape {:?}", kernel.shape));
            };
            let data = transpose(&kernel.data, classes, width);
            let shape = vec![width, classes];
            let bias = Kind::Bias(model.constant(&inputs, 2)?);
            activated(
                vec![Kind::Dense(Array { shape, data }), bias],
                options.u8(0)?,
            )?
        }
        (PAD, _) => vec![pad(model, &inputs)?],
        (RELU6, _) => vec![Kind::Relu6],
        (AVERAGE_POOL_2D | MEAN | RESHAPE | SQUEEZE | SOFTMAX, _) => vec![Kind::Other],
        (other, _) => {
            return Err(format!(
                "`{name}` is operation {other}, which MobileNetV1 does not have"
            ));
        }
    };
    topology::push(ops, &name, input.to_string(), output.to_string(), kinds);
    Ok(())
}

fn convolution(
    model: &Model<'_>,
    depthwise: bool,
    inputs: &[i64],
    options: Table<'_>,
) -> Parsed<Vec<Kind>> {
    let kernel = model.constant(inputs, 1)?;
    let &[outer, height, width, inner] = &kernel.shape[..] else {
        return Err(format!(
            "a convolution's kernel has shape {:?}",
            kernel.shape
        ));
    };
    // From [out, h, w, in] to TensorFlow's [h, w, in, out]; depthwise it is [1, h, w, channels] already.
    let kernel = if depthwise && outer == 1 {
        Array {
            shape: vec![height, width, inner, 1],
            data: kernel.data,
        }
    } else {
        let inner_size = kernel.data.len().checked_div(outer).unwrap_or(0);
        Array {
            shape: vec![height, width, inner, outer],
            data: transpose(&kernel.data, outer, inner_size),
        }
    };
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
    let kind = Kind::Convolution {
        depthwise,
        kernel,
        stride: down,
        same: options.u8(0)? == 0,
    };
    let activation = options.u8(if depthwise { 4 } else { 3 })?;
    let bias = Kind::Bias(model.constant(inputs, 2)?);
    activated(vec![kind, bias], activation)
}

/// Adds the schema's `ActivationFunctionType`.
fn activated(mut kinds: Vec<Kind>, activation: u8) -> Parsed<Vec<Kind>> {
    match activation {
        0 => {}
        3 => kinds.push(Kind::Relu6),
        other => return Err(format!("activation {other}; expected none or ReLU6")),
    }
    Ok(kinds)
}

fn pad(model: &Model<'_>, inputs: &[i64]) -> Parsed<Kind> {
    let tensor = model.tensor(*inputs.get(1).ok_or("a padding lacks its amounts")?)?;
    if tensor.u8(1)? != INT32 {
        return Err("a padding's amounts are no 32-bit integers".into());
    }
    let amounts = integers(model.buffer(tensor)?);
    let kind = match amounts[..] {
        [0, 0, top, bottom, left, right, 0, 0] => Kind::pad([top, bottom], [left, right]),
        _ => None,
    };
    kind.ok_or_else(|| format!("a padding by {amounts:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model with the options of its first operation of this kind written anew, dilations added: a converter
    /// leaves out what has its default.
    fn dilated(mut bytes: Vec<u8>, kind: usize, dilation: u32) -> Vec<u8> {
        let root = Table::new(&bytes, u32_at(&bytes, 0).unwrap()).unwrap();
        let codes = root.tables(1).unwrap();
        let graph = root.tables(2).unwrap()[0];
        let is_kind = |op: &Table<'_>| {
            let code = codes[op.u32(0).unwrap()];
            usize::from(code.u8(0).unwrap()).max(code.u32(3).unwrap()) == kind
        };
        let operation = graph.tables(3).unwrap().into_iter().find(is_kind).unwrap();
        let options = operation.table(4).unwrap().unwrap();
        let byte = |i| u32::from(options.u8(i).unwrap());
        let number = |i| u32::try_from(options.u32(i).unwrap()).unwrap();
        let mut values = vec![byte(0), number(1), number(2)];
        values.extend((kind == DEPTHWISE_CONV_2D).then(|| number(3)));
        let activation = byte(values.len());
        values.extend([activation, dilation, dilation]);
        let pointer = operation.field(4).unwrap();
        // The list of fields, then the table: four bytes a value.
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let list = bytes.len();
        let offsets = (1..=values.len()).map(|i| 4 * i as u16);
        let sizes = [4 + 2 * values.len() as u16, 4 + 4 * values.len() as u16];
        bytes.extend(sizes.into_iter().chain(offsets).flat_map(u16::to_le_bytes));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let table = bytes.len();
        bytes.extend(((table - list) as u32).to_le_bytes());
        bytes.extend(values.into_iter().flat_map(u32::to_le_bytes));
        bytes[pointer..pointer + 4].copy_from_slice(&((table - pointer) as u32).to_le_bytes());
        bytes
    }

    #[test]
    fn a_dilated_convolution_is_refused() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/tiny/same.tflite"
        );
        let bytes = std::fs::read(path).unwrap();
        for kind in [CONV_2D, DEPTHWISE_CONV_2D] {
            operations(&dilated(bytes.clone(), kind, 1)).unwrap();
            let error = operations(&dilated(bytes.clone(), kind, 2)).err().unwrap();
            assert!(error.contains("dilated by (2, 2)"), "{error}");
        }
    }
}
