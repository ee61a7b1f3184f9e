//! What the operations of an ONNX graph do, in the words of a [`topology`].

use std::collections::HashMap;

use super::onnx_messages::{Attribute, FLOAT, FLOAT16, INT64, Node, Tensor};
use super::topology::{self, Kind, Op};
use crate::config::MobileNetConfig;
use crate::weights::budget::{Budget, shape_of};
use crate::weights::numbers::{decimal, floats, halves};
use crate::weights::parameters::{Array, Arrays, transpose};

pub(super) fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|a| a.name == name)
}

/// An integer, or the default of the operation.
pub(super) fn integer(node: &Node, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |a| a.i)
}

/// A list of integers, if there is one.
pub(super) fn integers<'a>(node: &'a Node, name: &str) -> Option<&'a [i64]> {
    attribute(node, name).map(|a| &a.ints[..])
}

/// The operations and constants of a graph.
#[derive(Default)]
pub(super) struct Reader {
    floats: Arrays,
    integers: HashMap<String, Vec<i64>>,
    pub config: MobileNetConfig,
    pub ops: Vec<Op>,
    /// The mean that was subtracted from the input.
    mean: Option<f64>,
}

impl Reader {
    pub fn is_constant(&self, name: &str) -> bool {
        self.floats.contains_key(name) || self.integers.contains_key(name)
    }

    /// Keeps a constant, checked.
    pub fn constant(
        &mut self,
        name: &str,
        tensor: Tensor,
        budget: &mut Budget,
    ) -> Result<(), String> {
        if tensor.data_location != 0 {
            return Err("its values are in another file, which is not read".into());
        }
        let (shape, expected) = shape_of(&tensor.dims)?;
        budget.take(expected)?;
        let raw = &tensor.raw_data[..];
        let found = match tensor.data_type {
            FLOAT | FLOAT16 => {
                let data = match tensor.data_type {
                    FLOAT if raw.is_empty() => tensor.float_data,
                    FLOAT => floats(raw),
                    _ => halves(raw),
                };
                let found = data.len();
                let array = Array { shape, data };
                if self.floats.insert(name.into(), array).is_some() {
                    return Err("two constants have this name".into());
                }
                found
            }
            INT64 => {
                let mut values = tensor.int64_data;
                let stored = raw.as_chunks().0.iter();
                values.extend(stored.map(|&b| i64::from_le_bytes(b)));
                let found = values.len();
                if self.integers.insert(name.into(), values).is_some() {
                    return Err("two constants have this name".into());
                }
                found
            }
            // Arguments on which the weights of no net depend. A kernel of these is missing later.
            _ => expected,
        };
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found} values for {expected}"))
        }
    }

    /// The constant behind an input.
    fn take(&mut self, node: &Node, input: usize) -> Option<Array> {
        topology::take(&mut self.floats, node.input.get(input)?)
    }

    /// A constant that must be there.
    fn required(&mut self, node: &Node, input: usize) -> Result<Array, String> {
        let array = self.take(node, input);
        array.ok_or_else(|| {
            let name = label(node);
            format!("input {input} of `{name}` is not a constant in f32 or half precision")
        })
    }

    /// A constant of one value.
    fn scalar(&self, node: &Node, input: usize) -> Option<f32> {
        match self.floats.get(node.input.get(input)?)?.data[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// What one node does to the data that flows through it.
    pub fn operation(&mut self, node: &Node) -> Result<(), String> {
        let name = label(node);
        let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else {
            return Ok(()); // What makes constants.
        };
        let op = match &node.domain[..] {
            "" | "ai.onnx" => node.op_type.as_str(),
            domain => return Err(format!("`{name}` is an operation of {domain}")),
        };
        let mut input = input.clone();
        let kinds = match op {
            "Conv" => self.convolution(node)?,
            "BatchNormalization" => {
                let mut part = |i| self.required(node, i);
                let norm = [part(1)?, part(2)?, part(3)?, part(4)?];
                let epsilon = attribute(node, "epsilon").map_or(1e-5, |a| decimal(a.f));
                vec![Kind::Norm(norm, epsilon)]
            }
            "Clip" => vec![self.clip(node)?],
            "Gemm" => self.gemm(node)?,
            "MatMul" => match self.take(node, 1) {
                Some(kernel) => vec![Kind::Dense(kernel)],
                None => return Ok(()),
            },
            "Add" => match (self.take(node, 0), self.take(node, 1)) {
                (_, Some(bias)) => vec![Kind::Bias(flat(bias))],
                (Some(bias), None) => {
                    input = node.input.get(1).cloned().unwrap_or_default();
                    vec![Kind::Bias(flat(bias))]
                }
                (None, None) => return Ok(()),
            },
            "Sub" | "Div" => vec![self.normalization(node, op == "Sub")?],
            "Pad" => vec![self.pad(node)?],
            "Transpose" => match integers(node, "perm") {
                Some([0, 3, 1, 2] | [0, 2, 3, 1]) => vec![Kind::Other],
                other => return Err(format!("`{name}` transposes by {other:?}")),
            },
            "GlobalAveragePool" | "AveragePool" | "ReduceMean" | "Flatten" | "Reshape"
            | "Squeeze" | "Softmax" | "Identity" | "Dropout" | "Cast" => vec![Kind::Other],
            // These compute shapes. Where one is on the way of the data, what lies behind it cannot be reached.
            "Shape" | "Gather" | "Slice" | "Concat" | "Unsqueeze" => return Ok(()),
            other => {
                return Err(format!(
                    "`{name}` is operation {other}, which MobileNetV1 does not have"
                ));
            }
        };
        topology::push(&mut self.ops, name, input, output.clone(), kinds);
        Ok(())
    }

    fn convolution(&mut self, node: &Node) -> Result<Vec<Kind>, String> {
        let name = label(node);
        let kernel = self.required(node, 1)?;
        let &[outputs, inputs, height, width] = &kernel.shape[..] else {
            return Err(format!("`{name}` has a kernel of shape {:?}", kernel.shape));
        };
        let group = integer(node, "group", 1);
        let depthwise = inputs == 1 && usize::try_from(group) == Ok(outputs);
        if !depthwise && group != 1 {
            return Err(format!(
                "`{name}` has {group} groups; expected 1, or one for each channel"
            ));
        }
        let dilations = integers(node, "dilations").unwrap_or_default();
        if dilations.iter().any(|&d| d != 1) {
            return Err(format!(
                "convolution `{name}` is dilated by {dilations:?}; MobileNetV1's are not"
            ));
        }
        let stride = match integers(node, "strides") {
            None | Some([1, 1]) => 1,
            Some([2, 2]) => 2,
            Some(other) => return Err(format!("convolution `{name}` has strides {other:?}")),
        };
        let (explicit, same) = padding(node, height, stride)?;
        // From [out, in, h, w] to TensorFlow's [h, w, in, out], or [h, w, channels, 1].
        let (area, pairs) = (height * width, outputs * inputs);
        let mut data = transpose(&kernel.data, pairs, area);
        if !depthwise {
            let kernels = data.chunks_exact(pairs.max(1));
            data = kernels
                .flat_map(|k| transpose(k, outputs, inputs))
                .collect();
        }
        let shape = if depthwise {
            vec![height, width, outputs, 1]
        } else {
            vec![height, width, inputs, outputs]
        };
        let mut kinds: Vec<Kind> = explicit.into_iter().collect();
        kinds.push(Kind::Convolution {
            depthwise,
            kernel: Array { shape, data },
            stride,
            same,
        });
        if node.input.get(2).is_some_and(|bias| !bias.is_empty()) {
            kinds.push(Kind::Bias(self.required(node, 2)?));
        }
        Ok(kinds)
    }

    /// Exporters of older opsets write the limits as attributes.
    fn clip(&self, node: &Node) -> Result<Kind, String> {
        let limit = |name, input| {
            let attribute = attribute(node, name).map(|a| a.f);
            attribute.or_else(|| self.scalar(node, input))
        };
        match (limit("min", 1), limit("max", 2)) {
            (Some(0.0), Some(6.0)) => Ok(Kind::Relu6),
            (low, high) => Err(format!(
                "`{}` clips to {low:?} and {high:?}; expected 0 and 6, as ReLU6",
                label(node)
            )),
        }
    }

    fn gemm(&mut self, node: &Node) -> Result<Vec<Kind>, String> {
        let name = label(node);
        let factor = |name| attribute(node, name).map_or(1.0, |a| a.f);
        if integer(node, "transA", 0) != 0 || factor("alpha") != 1.0 || factor("beta") != 1.0 {
            return Err(format!("`{name}` does more than a dense layer"));
        }
        let kernel = self.required(node, 1)?;
        let &[rows, columns] = &kernel.shape[..] else {
            return Err(format!("`{name}` has a kernel of shape {:?}", kernel.shape));
        };
        let kernel = match integer(node, "transB", 0) {
            0 => kernel,
            _ => Array {
                shape: vec![columns, rows],
                data: transpose(&kernel.data, rows, columns),
            },
        };
        let mut kinds = vec![Kind::Dense(kernel)];
        if node.input.len() > 2 {
            kinds.push(Kind::Bias(flat(self.required(node, 2)?)));
        }
        Ok(kinds)
    }

    /// (level - mean) / std before the first convolution.
    fn normalization(&mut self, node: &Node, is_mean: bool) -> Result<Kind, String> {
        let is_first = !self
            .ops
            .iter()
            .any(|op| matches!(op.kind, Kind::Convolution { .. }));
        let value = self.scalar(node, 1).filter(|_| is_first).map(decimal);
        match (value, self.mean) {
            (Some(mean), None) if is_mean => self.mean = Some(mean),
            (Some(std), Some(mean)) if !is_mean => {
                (self.config.mean, self.config.std) = (mean, std);
            }
            _ => {
                return Err(format!(
                    "`{}` is not part of a normalization (level - mean) / std of the input",
                    label(node)
                ));
            }
        }
        Ok(Kind::Other)
    }

    fn pad(&self, node: &Node) -> Result<Kind, String> {
        let input = node.input.get(1).and_then(|name| self.integers.get(name));
        let amounts = integers(node, "pads").or(input.map(Vec::as_slice));
        let zero =
            node.input.get(2).is_none_or(String::is_empty) || self.scalar(node, 2) == Some(0.0);
        let constant = attribute(node, "mode").is_none_or(|mode| mode.s == b"constant");
        let kind = match amounts {
            // NCHW, or NHWC before the transpose.
            Some(
                &[0, 0, top, left, 0, 0, bottom, right] | &[0, top, left, 0, 0, bottom, right, 0],
            ) if zero && constant => Kind::pad([top, bottom], [left, right]),
            _ => None,
        };
        kind.ok_or_else(|| format!("`{}` pads by {amounts:?}", label(node)))
    }
}

/// What a message calls a node.
pub(super) fn label(node: &Node) -> &str {
    match (&node.name[..], node.output.first()) {
        ("", Some(output)) => output,
        (name, _) => name,
    }
}

/// `[1, c]` as `[c]`, and `[1, c, 1, 1]`.
fn flat(array: Array) -> Array {
    Array {
        shape: vec![array.data.len()],
        data: array.data,
    }
}

/// The zeros around a map that a convolution states itself, and whether its padding is TensorFlow's `SAME`.
fn padding(node: &Node, side: usize, stride: usize) -> Result<(Option<Kind>, bool), String> {
    let name = label(node);
    let automatic = attribute(node, "auto_pad").map_or(&b""[..], |a| &a.s[..]);
    let pads = integers(node, "pads").unwrap_or(&[0; 4]);
    let kind = match (automatic, pads) {
        (b"SAME_UPPER", _) => return Ok((None, true)),
        (b"" | b"NOTSET" | b"VALID", [0, 0, 0, 0]) => return Ok((None, false)),
        (b"" | b"NOTSET", [1, 1, 1, 1]) if side == 3 && stride == 1 => return Ok((None, true)),
        (b"" | b"NOTSET", &[top, left, bottom, right]) if side == 3 => {
            Kind::pad([top, bottom], [left, right])
        }
        _ => None,
    };
    let automatic = String::from_utf8_lossy(automatic);
    kind.map(|kind| (Some(kind), false)).ok_or_else(|| {
        format!(
            "convolution `{name}` is padded {automatic} {pads:?}; expected explicit zeros or SAME_UPPER"
        )
    })
}
