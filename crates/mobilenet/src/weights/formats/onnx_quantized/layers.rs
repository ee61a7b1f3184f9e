//! The layers of quantized ONNX models: convolutions and matrix products of integers, with their biases.

use super::super::onnx_messages::{Attribute, INT8, INT32, Node, UINT8};
use super::super::onnx_operations::{attribute, integer, integers, label};
use super::super::onnx_quantized_tensors::{Numbers, Scaled};
use super::super::topology::padding_of;
use super::{Found, Parsed, Walk};
use crate::config::Padding;
use crate::quantized::net::{LayerKind, QuantizedLayer};
use crate::weights::dense::DenseLayer;
use crate::weights::parameters::transpose;

impl Walk {
    pub(super) fn convolution(
        &mut self,
        node: &Node,
        weights: Scaled,
        bias: Option<String>,
    ) -> Parsed<()> {
        if self.pool_met {
            return Err("a convolution after the average pool".into());
        }
        let &[outputs, inputs, height, width] = &weights.constant.shape[..] else {
            return Err(format!("weights of shape {:?}", weights.constant.shape));
        };
        let groups = usize::try_from(integer(node, "group", 1)).unwrap_or(0);
        let values = weights.constant.integers()?;
        let (kind, values) = match (self.found.is_empty(), groups, inputs, height, width) {
            (true, 1, 3, 3, 3) => {
                let filters = values
                    .chunks_exact(27)
                    .flat_map(|filter| transpose(filter, 3, 9));
                (LayerKind::Stem, filters.collect())
            }
            (false, _, 1, 3, 3) if groups == outputs => {
                (LayerKind::Depthwise, transpose(values, outputs, 9))
            }
            (false, 1, _, 1, 1) => (LayerKind::Pointwise, values.to_vec()),
            _ => {
                let shape = &weights.constant.shape;
                return Err(format!(
                    "{groups} groups and weights of shape {shape:?} where MobileNetV1 has others"
                ));
            }
        };
        let dilations = integers(node, "dilations").unwrap_or_default();
        if dilations.iter().any(|&d| d != 1) {
            return Err(format!("dilated by {dilations:?}"));
        }
        let stride = match integers(node, "strides") {
            None | Some([1, 1]) => 1,
            Some([2, 2]) => 2,
            Some(other) => return Err(format!("strides of {other:?}")),
        };
        let layer = self.layer(kind, outputs, &values, &weights, bias)?;
        self.found.push(Found {
            name: label(node).into(),
            layer,
            stride,
            padding: padding(node, height)?,
            activation: 0,
            rounded: false,
        });
        Ok(())
    }

    pub(super) fn gemm(&mut self, node: &Node) -> Parsed<()> {
        let factor = |a: Option<&Attribute>| a.map_or(1.0, |a| a.f);
        let factors = ["alpha", "beta"].map(|name| factor(attribute(node, name)));
        if integer(node, "transA", 0) != 0 || factors != [1.0; 2] {
            return Err("more than a dense layer".into());
        }
        let transposed = integer(node, "transB", 0) != 0;
        self.dense(node, 1, transposed, node.input.get(2).cloned())
    }

    /// The classifier of integers, or a layer in floats behind the net.
    pub(super) fn dense(
        &mut self,
        node: &Node,
        input: usize,
        transposed: bool,
        bias: Option<String>,
    ) -> Parsed<()> {
        if let Ok(weights) = self.scaled(node, input) {
            return self.classifier(node, weights, transposed, bias);
        }
        if !self.pool_met {
            return Err("a dense layer before the average pool".into());
        }
        let kernel = self.constants.plain(node, input)?;
        let (values, &[rows, columns]) = (kernel.floats()?, &kernel.shape[..]) else {
            return Err(format!("weights of shape {:?}", kernel.shape));
        };
        let (inputs, weight) = if transposed {
            (columns, values.to_vec())
        } else {
            (rows, transpose(values, rows, columns))
        };
        let outputs = weight.len() / inputs.max(1);
        let bias = match bias.and_then(|name| self.constants.plain.get(&name)) {
            Some(bias) => bias.floats()?.to_vec(),
            None => vec![0.0; outputs],
        };
        let layer = DenseLayer::new(inputs, weight, bias).map_err(|e| e.to_string())?;
        self.head.push(layer);
        Ok(())
    }

    pub(super) fn classifier(
        &mut self,
        node: &Node,
        weights: Scaled,
        transposed: bool,
        bias: Option<String>,
    ) -> Parsed<()> {
        if self.pooled.is_none() || !self.head.is_empty() {
            return Err("a layer of integers where no levels were pooled".into());
        }
        let dense = self.found.iter().any(|f| f.layer.kind == LayerKind::Dense);
        let (false, &[rows, columns]) = (dense, &weights.constant.shape[..]) else {
            return Err("a second classifier, or weights that are no matrix".into());
        };
        let values = weights.constant.integers()?;
        let (outputs, values, axis) = if transposed {
            (rows, values.to_vec(), 0)
        } else {
            (columns, transpose(values, rows, columns), 1)
        };
        let weights = Scaled {
            // The axis of the outputs comes first below.
            axis: if weights.axis == axis || weights.axis == axis - 2 {
                0
            } else {
                -1
            },
            ..weights
        };
        let layer = self.layer(LayerKind::Dense, outputs, &values, &weights, bias)?;
        self.found.push(Found {
            name: label(node).into(),
            layer,
            stride: 1,
            padding: Some(Padding::Same),
            activation: 0,
            rounded: false,
        });
        Ok(())
    }

    /// A layer whose output is not known yet; `values` are laid out as [`QuantizedLayer::weights`].
    fn layer(
        &self,
        kind: LayerKind,
        outputs: usize,
        values: &[i32],
        weights: &Scaled,
        bias: Option<String>,
    ) -> Parsed<QuantizedLayer> {
        let n = weights.scales.len();
        if n != 1 && (n != outputs || weights.axis != 0) {
            let axis = weights.axis;
            return Err(format!(
                "{n} scales along axis {axis}; expected one, or one for each of {outputs} channels"
            ));
        }
        // Unsigned weights are stored 128 lower.
        let shift = match weights.constant.kind {
            INT8 => 0,
            UINT8 => 128,
            other => return Err(format!("weights of type {other}; expected bytes")),
        };
        let each = |c: usize| if n == 1 { 0 } else { c };
        let mut layer = QuantizedLayer {
            kind,
            weights: values.iter().map(|&w| (w - shift) as i8).collect(),
            weight_scales: (0..outputs).map(|c| weights.scales[each(c)]).collect(),
            weight_zero_points: (0..outputs)
                .map(|c| weights.zero_points[each(c)].saturating_sub(shift))
                .collect(),
            bias: Vec::new(),
            output: self.current()?,
            clamp: (0, 255),
        };
        layer.bias = match bias.filter(|name| !name.is_empty()) {
            None => vec![0; outputs],
            Some(name) => self.bias(&name, &layer)?,
        };
        Ok(layer)
    }

    /// Biases: integers, or floats that are rounded to them.
    pub(super) fn bias(&self, name: &str, layer: &QuantizedLayer) -> Parsed<Vec<i32>> {
        let input = self.current()?.scale;
        let scales = &layer.weight_scales;
        let constant = match (
            self.constants.scaled.get(name),
            self.constants.plain.get(name),
        ) {
            (Some(scaled), _) => {
                let found = scaled.scales.iter().cycle();
                let differs = scales.iter().zip(found).any(|(&weight, &found)| {
                    let expected = input * weight;
                    (found - expected).abs() > 1e-4 * expected
                });
                if differs || scaled.zero_points.iter().any(|&z| z != 0) {
                    return Err("biases of another scale than input's times weights'".into());
                }
                &scaled.constant
            }
            (None, Some(plain)) => plain,
            (None, None) => return Err("biases that are no constant".into()),
        };
        let bias = match &constant.numbers {
            Numbers::Integers(bias) if constant.kind == INT32 => bias.clone(),
            Numbers::Integers(_) => return Err("biases that are no 32-bit integers".into()),
            Numbers::Floats(bias) => {
                let scaled = bias.iter().zip(scales.iter());
                let level = |(&b, &scale): (&f32, &f32)| {
                    (f64::from(b) / (f64::from(input) * f64::from(scale))).round_ties_even() as i32
                };
                scaled.map(level).collect()
            }
        };
        if bias.len() != scales.len() {
            return Err(format!(
                "{} biases for {} channels",
                bias.len(),
                scales.len()
            ));
        }
        Ok(bias)
    }
}

/// The zeros around a map, as one of the rules that MobileNetV1 has.
fn padding(node: &Node, side: usize) -> Parsed<Option<Padding>> {
    let automatic = attribute(node, "auto_pad").map_or(&b""[..], |a| &a.s[..]);
    let pads = integers(node, "pads").unwrap_or(&[0; 4]);
    let large = side > 1;
    match (automatic, pads) {
        (b"SAME_UPPER", _) => Ok(padding_of(true, None, large)),
        (b"" | b"NOTSET" | b"VALID", [0, 0, 0, 0]) => Ok(padding_of(false, None, large)),
        (b"" | b"NOTSET", &[top, left, bottom, right]) if (top, bottom) == (left, right) => {
            let amounts = usize::try_from(top).ok().zip(usize::try_from(bottom).ok());
            Ok(padding_of(false, amounts, large))
        }
        _ => Err(format!(
            "padded {} {pads:?}",
            String::from_utf8_lossy(automatic)
        )),
    }
}
