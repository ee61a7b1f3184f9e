//! Quantized TensorFlow Lite models: signed bytes with a scale for each channel, as today's converter writes, and
//! unsigned ones with a scale for each tensor, as the networks of 2017's quantization-aware training.

use std::collections::HashMap;

use super::tflite::pad;
use super::tflite_model::{
    AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, FLOAT32, FORMAT, FULLY_CONNECTED,
    MEAN, Model, Operation, PAD, QUANTIZE, RESHAPE, SOFTMAX, SQUEEZE,
};
use super::tflite_quantization::{activation, integers_of, inverse};
use super::tflite_quantized_layer::{Found, LayerPlace};
use super::tflite_tables::Parsed;
use super::topology::{Kind, common_padding};
use crate::config::{MobileNetConfig, Padding, STEM};
use crate::error::{Error, Result};
use crate::quantized::net::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedNet, Softmax,
    stride,
};
use crate::weights::file::File;
use crate::weights::numbers::integers;

/// Reads a file whose weights and activations are bytes.
pub(in crate::weights) fn read(file: &File<'_>) -> Result<QuantizedNet> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let model = Model::new(&file.bytes).map_err(wrong)?;
    if !model.is_quantized() {
        return Err(wrong(
            "its weights are floats: open it as weights, and quantize them".into(),
        ));
    }
    if !model.has_quantized_activations() {
        return Err(wrong(
            "only its weights are quantized, it computes with floats: open it as dequantized weights"
                .into(),
        ));
    }
    let net = Walk::through(&model).and_then(|walk| walk.finish(&model));
    let net = net.map_err(wrong)?;
    net.check().map_err(|error| match error {
        Error::Mismatch { message, .. } => wrong(message),
        other => wrong(other.to_string()),
    })?;
    Ok(net)
}

/// Whether a file is to be read by [`read`].
pub(in crate::weights) fn is_quantized(file: &File<'_>) -> bool {
    Model::new(&file.bytes).is_ok_and(|m| m.is_quantized() && m.has_quantized_activations())
}

/// What was found on the way from the input to the end.
struct Walk {
    integers: Integers,
    input: Activation,
    found: Vec<Found>,
    pad: Option<(usize, usize)>,
    pooled: Option<(Pooling, Activation, Option<usize>)>,
    dense: DenseOperation,
    softmax: Option<Softmax>,
    /// Whether floats follow.
    ends_in_floats: bool,
    /// Bytes of weights that may still be read: a small file could name one buffer thousands of times.
    left: usize,
}

impl Walk {
    /// Follows the operations from the graph's input.
    fn through(model: &Model<'_>) -> Parsed<Self> {
        let mut readers: HashMap<i64, Vec<&Operation<'_>>> = HashMap::new();
        for operation in &model.operations {
            readers
                .entry(operation.ends()?.0)
                .or_default()
                .push(operation);
        }
        let first = model.layers().next().ok_or("a model without layers")?;
        let first = model.tensor(first.input(0)?)?;
        let mut walk = Self {
            integers: integers_of(first)?,
            input: activation(first)?,
            found: Vec::new(),
            pad: None,
            pooled: None,
            dense: DenseOperation::default(),
            softmax: None,
            ends_in_floats: false,
            left: model.bytes,
        };
        let expected = model.layers().filter(|op| model.is_of_bytes(op)).count();
        let (mut at, mut layers) = (model.input, 0);
        // Each value is taken out once, so a circle ends too.
        while let Some(next) = readers.remove(&at) {
            let [operation] = next[..] else {
                let name = model.tensor(at)?.text(3)?;
                return Err(format!(
                    "the graph branches at `{name}`; MobileNetV1's does not"
                ));
            };
            if operation.code == DEQUANTIZE && !walk.found.is_empty() {
                // What is behind is computed with floats, as softmax or a head that was trained.
                walk.ends_in_floats = true;
                break;
            }
            walk.operation(model, operation)?;
            layers += usize::from(matches!(
                operation.code,
                CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED
            ));
            at = operation.ends()?.1;
        }
        if layers != expected {
            let name = model.tensor(at)?.text(3)?;
            return Err(format!(
                "a layer cannot be reached: no operation that MobileNetV1 has reads `{name}`"
            ));
        }
        Ok(walk)
    }

    /// What the last operation wrote.
    fn current(&self) -> Activation {
        match (&self.pooled, self.found.last()) {
            (_, Some(found)) if found.layer.kind == LayerKind::Dense => found.layer.output,
            (&Some((_, pooled, _)), _) => pooled,
            (None, Some(found)) => found.layer.output,
            (None, None) => self.input,
        }
    }

    fn operation(&mut self, model: &Model<'_>, operation: &Operation<'_>) -> Parsed<()> {
        let (input, output) = operation.ends()?;
        let name = model.tensor(output)?.text(3)?;
        let ended = self.softmax.is_some();
        let unexpected = |what: &str| Err(format!("`{name}` is {what} where none is expected"));
        match operation.code {
            QUANTIZE if self.found.is_empty() => pixels(model, input, output),
            QUANTIZE | RESHAPE | SQUEEZE => passes(model, input, output),
            PAD if self.pad.is_some() => unexpected("a padding"),
            PAD => {
                passes(model, input, output)?;
                if let Kind::Pad(before, after) = pad(model, operation)? {
                    self.pad = Some((before, after));
                }
                Ok(())
            }
            SOFTMAX if ended || self.pooled.is_none() => unexpected("a softmax"),
            SOFTMAX => {
                let options = operation.options.ok_or("a softmax without options")?;
                self.expect(model, input)?;
                self.softmax = Some(Softmax {
                    beta: options.f32(0)?,
                    output: activation(model.tensor(output)?)?,
                });
                Ok(())
            }
            AVERAGE_POOL_2D | MEAN if self.pooled.is_some() => unexpected("a pool"),
            AVERAGE_POOL_2D | MEAN => self.pool(model, operation),
            CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED if ended => unexpected("a layer"),
            CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED => {
                self.expect(model, input)?;
                self.dense = match operation.code {
                    FULLY_CONNECTED => DenseOperation::FullyConnected,
                    _ => DenseOperation::Convolution,
                };
                let place = LayerPlace {
                    integers: self.integers,
                    input: self.current().scale,
                    first: self.found.is_empty(),
                    pooled: self.pooled.is_some(),
                    pad: self.pad.take(),
                };
                let found = place.read(model, operation, &name, &mut self.left);
                self.found
                    .push(found.map_err(|what| format!("`{name}`: {what}"))?);
                Ok(())
            }
            other => Err(format!(
                "`{name}` is operation {other}, which MobileNetV1 does not have"
            )),
        }
    }

    /// A tensor must be what the last operation wrote.
    fn expect(&self, model: &Model<'_>, tensor: i64) -> Parsed<()> {
        let tensor = model.tensor(tensor)?;
        let (found, expected) = (activation(tensor)?, self.current());
        if found == expected && integers_of(tensor)? == self.integers {
            return Ok(());
        }
        Err(format!(
            "tensor `{}` has {found:?} where {expected:?} was written",
            tensor.text(3)?
        ))
    }

    fn pool(&mut self, model: &Model<'_>, operation: &Operation<'_>) -> Parsed<()> {
        let (input, output) = operation.ends()?;
        self.expect(model, input)?;
        let options = operation.options.ok_or("a pool without options")?;
        self.pooled = Some(if operation.code == AVERAGE_POOL_2D {
            passes(model, input, output)?;
            let (width, height) = (options.u32(3)?, options.u32(4)?);
            let padded = options.u8(0)? == 0 && options.u32(1)? < width;
            if width != height || padded && width > 1 {
                return Err(format!(
                    "a pool of {height} x {width} pixels, which is padded or not square"
                ));
            }
            (Pooling::Average, self.current(), Some(width))
        } else {
            let axes = model.tensor(operation.input(1)?)?;
            let mut axes = integers(model.buffer(axes)?);
            axes.sort_unstable();
            if axes != [1, 2] {
                return Err(format!("a mean over the axes {axes:?}; expected 1 and 2"));
            }
            (Pooling::Mean, activation(model.tensor(output)?)?, None)
        });
        Ok(())
    }

    /// Puts the layers together.
    fn finish(self, model: &Model<'_>) -> Parsed<QuantizedNet> {
        let mut config = MobileNetConfig::new();
        if let Some(side) = model.input_size()? {
            config.input_size = side;
        }
        let of = |kind| self.found.iter().filter(move |f| f.layer.kind == kind);
        let stem = of(LayerKind::Stem)
            .next()
            .ok_or("no convolution reads its pixels")?;
        config.alpha = stem.layer.outputs() as f64 / STEM.0 as f64;
        config.blocks = of(LayerKind::Depthwise).count();
        config.classes = of(LayerKind::Dense).next().map_or(0, |f| f.layer.outputs());
        config.mean = f64::from(self.input.zero_point);
        config.std = inverse(self.input.scale);
        for (i, found) in self.found.iter().enumerate() {
            let expected = match found.layer.kind {
                LayerKind::Dense => 1,
                _ => stride(i),
            };
            if found.stride != expected {
                return Err(format!(
                    "`{}` has stride {}; MobileNetV1's has {expected}",
                    found.name, found.stride
                ));
            }
            let large = matches!(found.layer.kind, LayerKind::Stem | LayerKind::Depthwise);
            if large
                && expected == 1
                && !matches!(found.padding, Some(Padding::Same | Padding::Both))
            {
                return Err(format!("`{}` is padded {:?}", found.name, found.padding));
            }
        }
        let strided = self
            .found
            .iter()
            .map(|f| (&f.name[..], f.stride, f.padding));
        config.padding = common_padding(&strided.collect::<Vec<_>>(), config.input_size)?;
        let last = self.found.last().map(|f| f.layer.output);
        let (pooling, pooled, side) = match self.pooled {
            Some(pooled) => pooled,
            None => (Pooling::Average, last.unwrap_or(self.input), None),
        };
        let expected = config.size_after(config.blocks, config.input_size);
        if let Some(side) = side.filter(|&side| side != expected) {
            return Err(format!(
                "its pool is of {side} x {side} pixels, where the map has {expected} x {expected}"
            ));
        }
        Ok(QuantizedNet {
            config,
            input: self.input,
            layers: self.found.into_iter().map(|found| found.layer).collect(),
            pooled,
            arithmetic: Arithmetic::default(),
            integers: self.integers,
            pooling,
            dense: self.dense,
            softmax: self.softmax,
            // Floats behind the map read it as it is, those behind the pool the rounded pool.
            wide_outputs: self.ends_in_floats && self.pooled.is_none(),
        })
    }
}

/// An operation that changes no value.
fn passes(model: &Model<'_>, input: i64, output: i64) -> Parsed<()> {
    let [input, output] = [input, output].map(|tensor| model.tensor(tensor));
    let (input, output) = (input?, output?);
    if activation(input)? == activation(output)? {
        return Ok(());
    }
    Err(format!(
        "`{}` changes scale or zero point, which no operation of MobileNetV1 there does",
        output.text(3)?
    ))
}

/// The operation that makes the pixels what the stem reads: of bytes, the same; floats are taken to be those that the
/// bytes stand for.
fn pixels(model: &Model<'_>, input: i64, output: i64) -> Parsed<()> {
    if model.tensor(input)?.u8(1)? == FLOAT32 {
        return Ok(());
    }
    passes(model, input, output)
}
