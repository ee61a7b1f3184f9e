//! TensorFlow frozen graphs (`GraphDef` with constants), TF-Slim names; also as `retrain.py` writes them, with a
//! new last layer behind the net's logits.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::parameters::{Array, Arrays, TF_SLIM};
use super::{Format, HeadTensors, Weights};
use crate::{Error, MobileNetConfig, Padding, Result};

const FORMAT: &str = "TensorFlow frozen graph";
const DT_FLOAT: i32 = 1;

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
    #[prost(message, optional, tag = "1")]
    list: Option<ListValue>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "7")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ListValue {
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

pub(super) fn open(file: &str, bytes: Vec<u8>) -> Result<Weights> {
    let wrong = |message: String| Error::Format {
        file: file.into(),
        format: FORMAT,
        message,
    };
    let mut graph = GraphDef::decode(&bytes[..]).map_err(|e| wrong(e.to_string()))?;
    drop(bytes);
    if graph.node.is_empty() {
        return Err(wrong("it has no nodes".into()));
    }
    let config = configuration(&graph).map_err(wrong)?;
    let retrained = retrained_layer(&graph);
    let mut arrays = Arrays::new();
    for node in graph.node.iter_mut().filter(|n| n.op == "Const") {
        let Some(proto) = node.attr.get_mut("value").and_then(|v| v.tensor.take()) else {
            return Err(wrong(format!("constant `{}` has no value", node.name)));
        };
        // Scalars (epsilons, what summaries need) and integers (shapes, axes) are operations' arguments, not weights.
        if proto.dtype == DT_FLOAT
            && proto
                .tensor_shape
                .as_ref()
                .is_some_and(|s| !s.dim.is_empty())
        {
            let array = array(proto).map_err(|message| Error::Tensor {
                file: file.into(),
                tensor: node.name.clone(),
                message,
            })?;
            if arrays.insert(node.name.clone(), array).is_some() {
                return Err(wrong(format!("two nodes are called `{}`", node.name)));
            }
        }
    }
    let head = match retrained {
        Some((weight, bias)) => Some(head(file, &mut arrays, &weight, &bias)?),
        None => None,
    };
    Weights::import(
        file.into(),
        Format::FrozenGraph,
        &TF_SLIM,
        config,
        arrays,
        head,
    )
}

fn array(proto: TensorProto) -> std::result::Result<Array, String> {
    let dims = proto.tensor_shape.unwrap_or_default().dim;
    let shape: Vec<usize> = dims
        .iter()
        .map(|d| usize::try_from(d.size).map_err(|_| format!("a dimension of {}", d.size)))
        .collect::<std::result::Result<_, _>>()?;
    let count = shape
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .ok_or("a shape beyond all memory")?;
    let data: Vec<f32> = match (proto.tensor_content.len(), proto.float_val.len()) {
        (0, 1) if count <= 1 << 24 => vec![proto.float_val[0]; count],
        (0, n) if n == count => proto.float_val,
        (n, 0) if count.checked_mul(4) == Some(n) => proto
            .tensor_content
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        (bytes, values) => {
            return Err(format!(
                "{bytes} bytes and {values} values for shape {shape:?}"
            ));
        }
    };
    Ok(Array { shape, data })
}

/// Padding, epsilon and input size from the operations.
fn configuration(graph: &GraphDef) -> std::result::Result<MobileNetConfig, String> {
    let mut config = MobileNetConfig::new();
    let mut epsilon = None;
    for node in &graph.node {
        match node.op.as_str() {
            "Conv2D" | "DepthwiseConv2dNative" => {
                let padding = node
                    .attr
                    .get("padding")
                    .and_then(|a| a.s.as_deref())
                    .unwrap_or_default();
                let strides = node.attr.get("strides").and_then(|a| a.list.as_ref());
                let stride = strides.and_then(|l| l.i.get(1).copied()).unwrap_or(1);
                if stride == 2 && padding != b"SAME" {
                    return Err(format!(
                        "convolution `{}` is padded {:?}; expected SAME",
                        node.name,
                        String::from_utf8_lossy(padding)
                    ));
                }
            }
            "Const" if node.name.ends_with("/batchnorm/add/y") => {
                let found = node.attr.get("value").and_then(|a| a.tensor.as_ref());
                let found = found
                    .and_then(|t| array(t.clone()).ok())
                    .and_then(|a| a.data.first().copied());
                let found = found.ok_or_else(|| format!("epsilon `{}` has no value", node.name))?;
                if *epsilon.get_or_insert(found) != found {
                    return Err(format!(
                        "batch norms with different epsilons, {found} among them"
                    ));
                }
            }
            "Placeholder" => {
                let side = node
                    .attr
                    .get("shape")
                    .and_then(|a| a.shape.as_ref()?.dim.get(1));
                if let Some(side) = side
                    .and_then(|d| usize::try_from(d.size).ok())
                    .filter(|&s| s > 0)
                {
                    config.input_size = side;
                }
            }
            _ => {}
        }
    }
    let epsilon = epsilon
        .ok_or("no batch norm with TF-Slim names (`.../BatchNorm/batchnorm/add/y`) in it")?;
    // 0.001 is stored as the nearest f32; the decimal that prints the same is meant.
    config.epsilon = epsilon.to_string().parse().unwrap_or(f64::from(epsilon));
    config.padding = Padding::Same;
    Ok(config)
}

/// Names of weight and bias of the layer that `retrain.py` adds: the constants behind the `MatMul` and `Add` that
/// feed the last softmax, if they are not the net's own.
fn retrained_layer(graph: &GraphDef) -> Option<(String, String)> {
    let by_name: HashMap<&str, &NodeDef> =
        graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
    graph
        .node
        .iter()
        .filter(|n| n.op == "MatMul")
        .find_map(|product| {
            let sum = graph.node.iter().find(|n| {
                matches!(n.op.as_str(), "Add" | "AddV2" | "BiasAdd")
                    && n.input.first() == Some(&product.name)
            })?;
            Some((
                constant(&by_name, product.input.get(1)?)?,
                constant(&by_name, sum.input.get(1)?)?,
            ))
        })
}

/// The constant that `name` is, through any `Identity` in between.
fn constant<'g>(by_name: &HashMap<&'g str, &'g NodeDef>, mut name: &'g str) -> Option<String> {
    let mut seen = HashSet::new();
    while seen.insert(name) {
        let node = by_name.get(name)?;
        match node.op.as_str() {
            "Const" => return Some(node.name.clone()),
            "Identity" => name = node.input.first()?,
            _ => return None,
        }
    }
    None
}

fn head(file: &str, arrays: &mut Arrays, weight: &str, bias: &str) -> Result<HeadTensors> {
    let mut take = |name: &str| {
        arrays.remove(name).ok_or_else(|| Error::Tensor {
            file: file.into(),
            tensor: name.into(),
            message: "the last layer's tensor is not there as float32".into(),
        })
    };
    let (w, b) = (take(weight)?, take(bias)?);
    let (&[inputs, classes], &[outputs]) = (&w.shape[..], &b.shape[..]) else {
        return Err(Error::Tensor {
            file: file.into(),
            tensor: weight.into(),
            message: format!("shapes {:?} and {:?} are no layer's", w.shape, b.shape),
        });
    };
    super::parameters::check(file, weight, &[inputs, outputs], &w)?;
    super::parameters::check(file, bias, &[classes], &b)?;
    Ok(HeadTensors {
        weight: w.data,
        bias: b.data,
        inputs,
    })
}
