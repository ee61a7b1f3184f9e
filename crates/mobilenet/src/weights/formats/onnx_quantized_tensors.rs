//! Constants of quantized ONNX models: integers, and the scales by which they stand for real numbers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::onnx_messages::{FLOAT, FLOAT16, INT8, INT32, INT64, Node, Tensor, UINT8};
use crate::quantized::net::{Activation, DenseOperation, Integers, Pooling, SCALES, wrong_scale};
use crate::weights::budget::{Budget, shape_of};
use crate::weights::numbers::{floats, halves, integers};

type Parsed<T> = Result<T, String>;

/// The key of the metadata that [`Outputs`] stand under.
pub(super) const QUANTIZATION: &str = "quantization";

/// What the operations of a model that this crate wrote do not say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outputs {
    /// Of the pixels.
    pub mean: f64,
    /// Of the pixels.
    pub std: f64,
    /// The average pool.
    pub pooled: Activation,
    /// What the classifier writes, if there is one.
    pub logits: Option<Activation>,
    /// What only TensorFlow Lite's reference kernels ask for.
    pub integers: Integers,
    pub pooling: Pooling,
    pub dense: DenseOperation,
}

/// The numbers of a constant.
#[derive(Clone)]
pub(super) enum Numbers {
    Floats(Vec<f32>),
    Integers(Vec<i32>),
}

#[derive(Clone)]
pub(super) struct Constant {
    pub kind: i32,
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

impl Constant {
    pub fn read(tensor: Tensor, budget: &mut Budget) -> Parsed<Self> {
        if tensor.data_location != 0 {
            return Err("its values are in another file, which is not read".into());
        }
        let (shape, expected) = shape_of(&tensor.dims)?;
        budget.take(expected)?;
        let raw = &tensor.raw_data[..];
        let bytes = |byte: fn(u8) -> i32| match raw {
            [] => tensor.int32_data.clone(),
            raw => raw.iter().map(|&b| byte(b)).collect(),
        };
        let numbers = match tensor.data_type {
            FLOAT if raw.is_empty() => Numbers::Floats(tensor.float_data),
            FLOAT => Numbers::Floats(floats(raw)),
            FLOAT16 => Numbers::Floats(halves(raw)),
            UINT8 => Numbers::Integers(bytes(i32::from)),
            INT8 => Numbers::Integers(bytes(|b| i32::from(b as i8))),
            INT32 if raw.is_empty() => Numbers::Integers(tensor.int32_data),
            INT32 => Numbers::Integers(integers(raw).into_iter().map(|v| v as i32).collect()),
            // Shapes and axes: no number of the net.
            INT64 => Numbers::Integers(vec![0; expected]),
            other => return Err(format!("numbers of type {other}")),
        };
        let found = match &numbers {
            Numbers::Floats(values) => values.len(),
            Numbers::Integers(values) => values.len(),
        };
        if found != expected {
            return Err(format!("{found} values for {expected}"));
        }
        Ok(Self {
            kind: tensor.data_type,
            shape,
            numbers,
        })
    }

    pub fn floats(&self) -> Parsed<&[f32]> {
        match &self.numbers {
            Numbers::Floats(values) => Ok(values),
            Numbers::Integers(_) => Err("integers where floats are expected".into()),
        }
    }

    pub fn integers(&self) -> Parsed<&[i32]> {
        match &self.numbers {
            Numbers::Integers(values) => Ok(values),
            Numbers::Floats(_) => Err("floats where integers are expected".into()),
        }
    }
}

/// A constant of integers, and the scale and the zero point of each index of an axis, or of all.
#[derive(Clone)]
pub(super) struct Scaled {
    pub constant: Constant,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
    pub axis: i64,
}

/// The constants of a graph by their names, as they are and dequantized.
#[derive(Default)]
pub(super) struct Constants {
    pub plain: HashMap<String, Constant>,
    pub scaled: HashMap<String, Scaled>,
}

impl Constants {
    pub fn contains(&self, name: &str) -> bool {
        self.plain.contains_key(name) || self.scaled.contains_key(name)
    }

    /// A constant that an operation must have.
    pub fn plain(&self, node: &Node, input: usize) -> Parsed<&Constant> {
        let constant = node.input.get(input).and_then(|name| self.plain.get(name));
        constant.ok_or_else(|| format!("input {input} is no constant"))
    }

    /// Integers with their scales: the inputs from `first` on.
    pub fn scales(&self, node: &Node, first: usize, axis: i64) -> Parsed<Scaled> {
        let constant = self.plain(node, first)?.clone();
        let scales = self.plain(node, first + 1)?.floats()?.to_vec();
        if let Some(&scale) = scales.iter().find(|s| !SCALES.contains(s)) {
            return Err(wrong_scale(scale));
        }
        let zero_points = match node.input.get(first + 2).filter(|name| !name.is_empty()) {
            None => vec![0; scales.len()],
            Some(_) => self.plain(node, first + 2)?.integers()?.to_vec(),
        };
        if zero_points.len() != scales.len() {
            let (zeros, scales) = (zero_points.len(), scales.len());
            return Err(format!("{zeros} zero points for {scales} scales"));
        }
        Ok(Scaled {
            constant,
            scales,
            zero_points,
            axis,
        })
    }

    /// Scale and zero point of the levels that an operation reads or writes: the inputs from `first` on. Signed bytes are
    /// shifted by 128.
    pub fn activation(&self, node: &Node, first: usize) -> Parsed<(Activation, Integers)> {
        let scales = self.plain(node, first)?.floats()?;
        let zero_points = self.plain(node, first + 1)?;
        let (&[scale], &[zero]) = (scales, zero_points.integers()?) else {
            let n = scales.len();
            return Err(format!(
                "{n} scales of levels; expected one, and a zero point"
            ));
        };
        let (integers, range, shift) = match zero_points.kind {
            UINT8 => (Integers::Unsigned, 0..=255, 0),
            INT8 => (Integers::Signed, -128..=127, 128),
            other => return Err(format!("levels of type {other}; expected bytes")),
        };
        if !SCALES.contains(&scale) {
            return Err(wrong_scale(scale));
        }
        if !range.contains(&zero) {
            return Err(format!("a zero point of {zero}; expected a byte"));
        }
        let zero_point = zero + shift;
        Ok((Activation { scale, zero_point }, integers))
    }
}
