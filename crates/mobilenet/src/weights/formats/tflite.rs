//! Float TensorFlow Lite models (`tensorflow/lite/schema/schema.fbs`), batch norm folded; half-precision weights
//! behind `DEQUANTIZE` too, and bytes where that is asked for.

use std::cell::Cell;

use super::contents::Contents;
use super::tflite_metadata::OWN_METADATA;
use super::tflite_model::{
    AVERAGE_POOL_2D, CONV_2D, ConvolutionOptions, DEPTHWISE_CONV_2D, DEQUANTIZE, FLOAT16, FLOAT32,
    FORMAT, FULLY_CONNECTED, INT8, INT32, MEAN, Model, Operation, PAD, RELU6, RESHAPE, SOFTMAX,
    SQUEEZE, UINT8,
};
use super::tflite_quantization::{self, Quantization};
use super::tflite_tables::{Parsed, Table};
use super::topology::{self, Kind, Op};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::weights::budget::count;
use crate::weights::file::File;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::numbers::{floats, halves, integers};
use crate::weights::parameters::{Array, transpose};
use crate::weights::schemes::TOPOLOGY;

pub(super) fn read(file: File<'_>) -> Result<Contents> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let model = Model::new(&file.bytes).map_err(wrong)?;
    if model.is_quantized() {
        return Err(Error::Quantized {
            file: file.name.clone(),
        });
    }
    contents(&file, model)
}

/// Reads a file of which only the weights are quantized (or nothing), as floats.
pub(in crate::weights) fn read_dequantized(file: &File<'_>) -> Result<Contents> {
    let model = Model::new(&file.bytes).map_err(|message| file.wrong(FORMAT, message))?;
    contents(file, model)
}

fn contents(file: &File<'_>, model: Model<'_>) -> Result<Contents> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let own = model.metadata(OWN_METADATA).map_err(wrong)?;
    let metadata = own.map(own_metadata).transpose();
    let metadata = metadata.map_err(|e| file.failed_part(FORMAT, "metadata", e.into()))?;
    let metadata = metadata.flatten();
    let (ops, input, mut config) = operations(model).map_err(wrong)?;
    let said = |name: &str| metadata.as_ref()?.preprocessing[name].as_f64();
    if let (Some(mean), Some(std)) = (said("mean"), said("std")) {
        config = config.with_normalization(mean, std);
    }
    let (config, arrays) = topology::read(ops, &input, config).map_err(wrong)?;
    let contents = Contents::import(&file.name, &TOPOLOGY, config, arrays)?;
    Ok(contents.with_metadata(metadata))
}

/// What this crate writes beside what other programs read.
fn own_metadata(bytes: &[u8]) -> Result<Option<ModelMetadata>, serde_json::Error> {
    ModelMetadata::read(&serde_json::from_slice(bytes)?)
}

/// A model, and what is known of its constants.
struct Reader<'a> {
    model: Model<'a>,
    /// Per tensor: the constant that a `DEQUANTIZE` makes it of.
    widened: Vec<Option<usize>>,
    /// Bytes of constants that may still be read: a small file could name one buffer thousands of times.
    left: Cell<usize>,
}

impl Reader<'_> {
    /// The constant behind input `i` of an operation.
    fn constant(&self, inputs: &[i64], i: usize) -> Parsed<Array> {
        let number = *inputs.get(i).ok_or("an operation lacks an input")?;
        let source = usize::try_from(number).ok();
        let source = source.and_then(|n| *self.widened.get(n)?);
        let tensor = self.model.tensor(source.map_or(number, |n| n as i64))?;
        let name = tensor.text(3)?;
        let shape: Vec<usize> = tensor
            .integers(0)?
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(usize::MAX))
            .collect();
        let bytes = self.model.buffer(tensor)?;
        let left = self.left.get().checked_sub(bytes.len());
        self.left
            .set(left.ok_or("its operations use more numbers than it holds")?);
        let data = match tensor.u8(1)? {
            FLOAT32 => floats(bytes),
            FLOAT16 => halves(bytes),
            kind @ (UINT8 | INT8) => {
                let quantization = Quantization::read(tensor)?;
                tflite_quantization::reals(&quantization, kind, &shape, bytes)
                    .map_err(|what| format!("tensor `{name}`: {what}"))?
            }
            other => {
                return Err(format!("tensor `{name}` has numbers of type {other}"));
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
fn operations(mut model: Model<'_>) -> Parsed<(Vec<Op>, String, MobileNetConfig)> {
    let operations = std::mem::take(&mut model.operations);
    let mut reader = Reader {
        widened: vec![None; model.tensors.len()],
        left: Cell::new(model.bytes),
        model,
    };
    let mut ops = Vec::new();
    for operation in &operations {
        read_operation(&mut reader, operation, &mut ops)?;
    }
    let mut config = MobileNetConfig::new();
    if let Some(side) = reader.model.input_size()? {
        config.input_size = side;
    }
    Ok((ops, reader.model.input.to_string(), config))
}

/// One operation and what was merged into it.
fn read_operation(
    reader: &mut Reader<'_>,
    operation: &Operation<'_>,
    ops: &mut Vec<Op>,
) -> Parsed<()> {
    let (input, output) = operation.ends()?;
    let name = reader.model.tensor(output)?.text(3)?;
    let (code, inputs) = (operation.code, &operation.inputs);
    let kinds = match (code, operation.options) {
        (DEQUANTIZE, _) => {
            let to = usize::try_from(output).ok();
            if let Some(slot) = to.and_then(|n| reader.widened.get_mut(n)) {
                *slot = usize::try_from(input).ok();
            }
            return Ok(());
        }
        (CONV_2D | DEPTHWISE_CONV_2D, Some(options)) => {
            convolution(reader, code == DEPTHWISE_CONV_2D, inputs, options)?
        }
        (FULLY_CONNECTED, Some(options)) => {
            let kernel = reader.constant(inputs, 1)?;
            let &[classes, width] = &kernel.shape[..] else {
                return Err(format!("`{name}` has a kernel of shape {:?}", kernel.shape));
            };
            let data = transpose(&kernel.data, classes, width);
            let shape = vec![width, classes];
            let bias = Kind::Bias(reader.constant(inputs, 2)?);
            activated(
                vec![Kind::Dense(Array { shape, data }), bias],
                options.u8(0)?,
            )?
        }
        (PAD, _) => vec![pad(&reader.model, operation)?],
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
    reader: &Reader<'_>,
    depthwise: bool,
    inputs: &[i64],
    options: Table<'_>,
) -> Parsed<Vec<Kind>> {
    let kernel = reader.constant(inputs, 1)?;
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
    let options = ConvolutionOptions::read(options, depthwise)?;
    let kind = Kind::Convolution {
        depthwise,
        kernel,
        stride: options.stride,
        same: options.same,
    };
    let bias = Kind::Bias(reader.constant(inputs, 2)?);
    activated(vec![kind, bias], options.activation)
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

/// A padding, by the amounts that its second input holds.
pub(super) fn pad(model: &Model<'_>, operation: &Operation<'_>) -> Parsed<Kind> {
    let tensor = model.tensor(operation.input(1)?)?;
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
    use super::super::tflite_tables::u32_at;
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
            let read = |bytes: Vec<u8>| operations(Model::new(&bytes)?).map(|_| ());
            read(dilated(bytes.clone(), kind, 1)).unwrap();
            let error = read(dilated(bytes.clone(), kind, 2)).unwrap_err();
            assert!(error.contains("dilated by (2, 2)"), "{error}");
        }
    }
}
