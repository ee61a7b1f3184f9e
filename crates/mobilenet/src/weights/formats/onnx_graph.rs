//! Parts of ONNX graphs: what the readers share, and what the writers share.

use super::onnx_messages::{
    Attribute, Dimension, Extent, FLOAT, Node, Shape, Tensor, TensorType, Type, Value,
};
use crate::weights::numbers::bytes_of;

/// Side of the images, from the shape of the input: `[n, 3, side, side]` or `[n, side, side, 3]`.
pub(super) fn input_size(input: &Value) -> Option<usize> {
    let shape = input.kind.as_ref()?.tensor.as_ref()?.shape.as_ref()?;
    let size = |axis: usize| match shape.dim.get(axis)?.extent.as_ref()? {
        Extent::Fixed(size) => usize::try_from(*size).ok().filter(|&size| size > 0),
        Extent::Any(_) => None,
    };
    match size(1) {
        Some(3) => size(2),
        side => side,
    }
}

pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.into(),
        i,
        kind: 2,
        ..Attribute::default()
    }
}

pub(super) fn ints(name: &str, ints: Vec<i64>) -> Attribute {
    Attribute {
        name: name.into(),
        ints,
        kind: 7,
        ..Attribute::default()
    }
}

/// `[n, ...]` of any n.
pub(super) fn value(name: &str, element: i32, shape: &[usize]) -> Value {
    let fixed = shape.iter().map(|&d| Extent::Fixed(d as i64));
    let dim = std::iter::once(Extent::Any("n".into()))
        .chain(fixed)
        .map(|extent| Dimension {
            extent: Some(extent),
        })
        .collect();
    Value {
        name: name.into(),
        kind: Some(Type {
            tensor: Some(TensorType {
                element,
                shape: Some(Shape { dim }),
            }),
        }),
    }
}

/// A graph in the making: each operation takes what the one before gave.
#[derive(Default)]
pub(super) struct Writer {
    pub node: Vec<Node>,
    pub initializer: Vec<Tensor>,
    /// What the next operation takes.
    pub last: String,
}

impl Writer {
    pub fn constant(&mut self, name: String, dims: &[usize], data: &[f32]) -> String {
        self.initializer.push(Tensor {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: FLOAT,
            name: name.clone(),
            raw_data: bytes_of(data),
            ..Tensor::default()
        });
        name
    }

    pub fn push(&mut self, op: &str, output: &str, more: Vec<String>, attribute: Vec<Attribute>) {
        let input = std::iter::once(std::mem::replace(&mut self.last, output.into()));
        self.operation(op, output, input.chain(more).collect(), attribute);
    }

    /// An operation beside the way from the input to the outputs.
    pub fn operation(
        &mut self,
        op: &str,
        output: &str,
        input: Vec<String>,
        attribute: Vec<Attribute>,
    ) {
        self.node.push(Node {
            input,
            output: vec![output.into()],
            name: format!("{output}/{op}"),
            op_type: op.into(),
            attribute,
            domain: String::new(),
        });
    }
}
