//! One layer of a quantized TensorFlow Lite model.

use super::tflite_model::{
    CONV_2D, ConvolutionOptions, DEPTHWISE_CONV_2D, FULLY_CONNECTED, INT32, Model, Operation,
};
use super::tflite_quantization::{Quantization, activation, integers_of, weights};
use super::tflite_tables::Parsed;
use super::topology::padding_of;
use crate::config::Padding;
use crate::quantized::net::{Activation, Integers, LayerKind, QuantizedLayer};
use crate::weights::numbers::integers;

/// A layer, and what the file says of its convolution.
pub(super) struct Found {
    pub name: String,
    pub layer: QuantizedLayer,
    pub stride: usize,
    pub padding: Option<Padding>,
}

/// Where in the net a layer is.
pub(super) struct LayerPlace {
    pub integers: Integers,
    /// The scale of what it reads.
    pub input: f32,
    /// Whether it reads the pixels.
    pub first: bool,
    /// Whether it reads the average pool.
    pub pooled: bool,
    /// Zeros before and after what it reads.
    pub pad: Option<(usize, usize)>,
}

impl LayerPlace {
    /// Reads the layer; `left` is how many bytes of weights may still be read.
    pub fn read(
        &self,
        model: &Model<'_>,
        operation: &Operation<'_>,
        name: &str,
        left: &mut usize,
    ) -> Parsed<Found> {
        let kernel = model.tensor(operation.input(1)?)?;
        let shape = kernel.integers(0)?;
        let shape: Parsed<Vec<usize>> = shape
            .iter()
            .map(|&n| usize::try_from(n).map_err(|_| format!("a dimension of {n}")))
            .collect();
        let shape = shape?;
        let options = operation.options.ok_or("no options")?;
        let depthwise = operation.code == DEPTHWISE_CONV_2D;
        let dense = self.pooled;
        let options = if operation.code == FULLY_CONNECTED {
            ConvolutionOptions {
                stride: 1,
                same: true,
                activation: options.u8(0)?,
            }
        } else {
            ConvolutionOptions::read(options, depthwise)?
        };
        let (kind, side) = match (&shape[..], operation.code) {
            (&[1, 3, 3, _], DEPTHWISE_CONV_2D) if !dense => (LayerKind::Depthwise, 3),
            (&[_, 3, 3, 3], CONV_2D) if self.first => (LayerKind::Stem, 3),
            (&[_, 1, 1, _], CONV_2D) | (&[_, _], FULLY_CONNECTED) if dense => (LayerKind::Dense, 1),
            (&[_, 1, 1, _], CONV_2D) => (LayerKind::Pointwise, 1),
            _ => {
                return Err(format!(
                    "weights of shape {shape:?} where MobileNetV1 has others"
                ));
            }
        };
        let channels = if depthwise { 3 } else { 0 };
        let bytes = model.buffer(kernel)?;
        let rest = left.checked_sub(bytes.len());
        *left = rest.ok_or("its layers use more numbers than it holds")?;
        let weights = weights(kernel, self.integers, &shape, channels, bytes)
            .map_err(|what| format!("its weights have {what}"))?;
        let output = model.tensor(operation.ends()?.1)?;
        if integers_of(output)? != self.integers {
            return Err("it writes other integers than it reads".into());
        }
        let output = activation(output)?;
        let mut layer = QuantizedLayer {
            kind,
            weights: weights.values,
            weight_scales: weights.scales,
            weight_zero_points: weights.zero_points,
            bias: Vec::new(),
            output,
            clamp: clamp(kind, output, options.activation)?,
        };
        layer.bias = self.bias(model, operation, &layer)?;
        Ok(Found {
            name: name.into(),
            layer,
            stride: options.stride,
            padding: padding_of(options.same, self.pad, side > 1),
        })
    }

    fn bias(
        &self,
        model: &Model<'_>,
        operation: &Operation<'_>,
        layer: &QuantizedLayer,
    ) -> Parsed<Vec<i32>> {
        let outputs = layer.weight_scales.len();
        let Some(&number) = operation.inputs.get(2).filter(|&&number| number >= 0) else {
            return Ok(vec![0; outputs]);
        };
        let tensor = model.tensor(number)?;
        if tensor.u8(1)? != INT32 {
            return Err(format!(
                "biases of type {}; expected 32-bit integers",
                tensor.u8(1)?
            ));
        }
        let bias: Vec<i32> = integers(model.buffer(tensor)?)
            .into_iter()
            .map(|b| b as i32)
            .collect();
        if bias.len() != outputs {
            return Err(format!("{} biases for {outputs} channels", bias.len()));
        }
        let Quantization {
            scales,
            zero_points,
            ..
        } = Quantization::read(tensor)?;
        if zero_points.iter().any(|&z| z != 0) {
            return Err("biases with a zero point".into());
        }
        if ![0, 1, outputs].contains(&scales.len()) {
            return Err(format!("{} scales of biases", scales.len()));
        }
        let input = self.input;
        for (i, (&weight, &found)) in layer
            .weight_scales
            .iter()
            .zip(scales.iter().cycle())
            .enumerate()
        {
            // The tolerance of TensorFlow Lite, which then takes the product.
            let difference = (f64::from(input) * f64::from(weight) - f64::from(found)).abs();
            if difference.is_nan() || difference > 0.02 * f64::from(layer.output.scale) {
                return Err(format!(
                    "bias {i} of scale {found:e}; expected {:e}, input's times weights'",
                    input * weight
                ));
            }
        }
        Ok(bias)
    }
}

/// The levels that a layer may write, by the schema's `ActivationFunctionType`. Where it has none, or ReLU, the range of
/// the bytes must end where ReLU6 does.
pub(super) fn clamp(kind: LayerKind, output: Activation, activation: u8) -> Parsed<(i32, i32)> {
    let zero = output.zero_point;
    let bounds = match activation {
        0 => (0, 255),
        1 => (zero, 255),
        3 => {
            let six = (6.0 / output.scale).round().min(255.0) as i32;
            (zero, (zero + six).min(255))
        }
        other => {
            return Err(format!("activation {other}; expected none, ReLU or ReLU6"));
        }
    };
    let highest = output.scale * (bounds.1 - zero) as f32;
    match kind {
        LayerKind::Dense if activation == 0 => Ok(bounds),
        LayerKind::Dense => Err("an activation after the classifier".into()),
        _ if bounds.0 == zero && highest <= 6.0 + output.scale => Ok(bounds),
        _ => Err(format!(
            "it writes {} to {highest}, and is not followed by a ReLU6",
            output.scale * (bounds.0 - zero) as f32
        )),
    }
}
