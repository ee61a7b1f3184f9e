//! TensorFlow frozen graphs: a `GraphDef` whose variables have become constants.

use std::collections::HashMap;

use prost::Message;

use super::graph::{self, Constants, Node};
use super::parameters::Array;
use super::source::{Budget, File, count, floats};
use super::{Format, Weights};
use crate::{Error, Result};

const FORMAT: &str = "TensorFlow frozen graph";
const DT_FLOAT: i32 = 1;
const DT_INT32: i32 = 3;

// The part of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto that is read here.

#[derive(Clone, PartialEq, Message)]
struct GraphDef {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeDef>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeDef {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    op: String,
    #[prost(string, repeated, tag = "3")]
    input: Vec<String>,
    #[prost(map = "string, message", tag = "5")]
    attr: HashMap<String, AttrValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AttrValue {
    #[prost(bytes = "vec", optional, tag = "2")]
    s: Option<Vec<u8>>,
    #[prost(float, optional, tag = "4")]
    f: Option<f32>,
    #[prost(message, optional, tag = "1")]
    list: Option<ListValue>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "7")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ListValue {
    #[prost(bytes = "vec", repeated, tag = "2")]
    s: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "3")]
    i: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    tensor_shape: Option<TensorShapeProto>,
    #[prost(bytes = "vec", tag = "4")]
    tensor_content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    float_val: Vec<f32>,
    #[prost(int32, repeated, tag = "7")]
    int_val: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

pub(super) fn open(file: File<'_>) -> Result<Weights> {
    let File {
        name: file, bytes, ..
    } = file;
    let wrong = |message: String| Error::Format {
        file: file.clone(),
        format: FORMAT,
        message,
    };
    let mut budget = Budget::of(&bytes);
    let graph = GraphDef::decode(&bytes[..]).map_err(|e| wrong(e.to_string()))?;
    drop(bytes);
    if graph.node.is_empty() {
        return Err(wrong("it has no nodes".into()));
    }
    let mut constants = Constants::default();
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in graph.node {
        if node.op == "Const" {
            let Some(proto) = node.attr.remove("value").and_then(|v| v.tensor) else {
                return Err(wrong(format!("constant `{}` has no value", node.name)));
            };
            let wrong = |message| Error::Tensor {
                file: file.clone(),
                tensor: node.name.clone(),
                message,
            };
            insert(&mut constants, &mut budget, &node.name, proto).map_err(wrong)?;
        }
        nodes.push(translate(node));
    }
    graph::import(file, Format::FrozenGraph, nodes, constants)
}

fn insert(
    constants: &mut Constants,
    budget: &mut Budget,
    name: &str,
    proto: TensorProto,
) -> std::result::Result<(), String> {
    let new = match proto.dtype {
        DT_FLOAT => {
            let array = array(proto, budget)?;
            match (array.shape.is_empty(), array.data.first()) {
                (true, Some(&value)) => constants.scalars.insert(name.into(), value).is_none(),
                _ => constants.floats.insert(name.into(), array).is_none(),
            }
        }
        DT_INT32 => {
            let stored = proto.tensor_content.chunks_exact(4);
            let stored = stored.map(|b| i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            let values = stored.chain(proto.int_val.iter().map(|&v| i64::from(v)));
            let values = values.collect();
            constants.integers.insert(name.into(), values).is_none()
        }
        _ => true,
    };
    if new {
        Ok(())
    } else {
        Err("two nodes have this name".into())
    }
}

fn array(proto: TensorProto, budget: &mut Budget) -> std::result::Result<Array, String> {
    let dims = proto.tensor_shape.unwrap_or_default().dim;
    let shape: Vec<usize> = dims
        .iter()
        .map(|d| usize::try_from(d.size).map_err(|_| format!("a dimension of {}", d.size)))
        .collect::<std::result::Result<_, _>>()?;
    let count = count(&shape).ok_or("a shape beyond all memory")?;
    let data = match (proto.tensor_content.len(), &proto.float_val[..]) {
        // One value stands for all: TensorFlow compresses constant tensors so.
        (0, &[value]) => {
            budget.take(count)?;
            vec![value; count]
        }
        (0, values) if values.len() == count => proto.float_val,
        (n, []) if count * 4 == n => floats(&proto.tensor_content),
        (bytes, values) => {
            return Err(format!(
                "{bytes} bytes and {} values for shape {shape:?}",
                values.len()
            ));
        }
    };
    Ok(Array { shape, data })
}

fn translate(mut node: NodeDef) -> Node {
    let mut take = |key: &str| node.attr.remove(key);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut list = |key: &str| take(key).and_then(|a| a.list).unwrap_or_default();
    let strides = list("strides").i;
    let dilations = list("dilations").i;
    let fused = list("fused_ops").s.into_iter().map(text).collect();
    let shape = take("shape").and_then(|a| a.shape).unwrap_or_default().dim;
    let mut word = |key: &str| take(key).and_then(|a| a.s).map(text).unwrap_or_default();
    let (padding, data_format) = (word("padding"), word("data_format"));
    Node {
        strides,
        dilations,
        fused,
        padding,
        data_format,
        epsilon: take("epsilon").and_then(|a| a.f),
        shape: shape.iter().map(|d| d.size).collect(),
        name: node.name,
        op: node.op,
        inputs: node.input,
    }
}
