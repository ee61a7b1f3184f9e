//! TensorFlow graphs, however they are stored: nodes and constants. TF-Slim's names are read as such, so that batch
//! norms arrive as they were trained; any other graph by its operations. `retrain.py`'s graphs have a new last layer
//! behind the net's logits.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::contents::Contents;
use super::topology::{self, Kind, Op};
use crate::config::{BLOCKS, MobileNetConfig, Padding, STEM};
use crate::error::Result;
use crate::weights::dense::DenseLayer;
use crate::weights::file::File;
use crate::weights::numbers::decimal;
use crate::weights::parameters::{
    Array, Arrays, Layer, Parameter, Part, check, parameters, transpose,
};
use crate::weights::schemes::{TF_SLIM, TOPOLOGY};

const FORMAT: &str = "TensorFlow graph";

/// What is read of a node.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub name: String,
    pub op: String,
    pub inputs: Vec<String>,
    pub strides: Vec<i64>,
    pub padding: String,
    /// One number an axis, as the strides; nothing where there are none.
    pub dilations: Vec<i64>,
    /// `NHWC`, `NCHW`, or nothing.
    pub data_format: String,
    pub epsilon: Option<f32>,
    /// What was merged into a convolution, in order: `BiasAdd`, `Relu6`.
    pub fused: Vec<String>,
    /// Of a placeholder: batch, height, width, channels; -1 for any.
    pub shape: Vec<i64>,
}

/// The values of `Const` nodes, by name.
#[derive(Debug, Default)]
pub(super) struct Constants {
    pub floats: Arrays,
    pub scalars: BTreeMap<String, f32>,
    pub integers: BTreeMap<String, Vec<i64>>,
}

/// More operations than any MobileNetV1 has, times ten.
const MOST: usize = 4096;
/// More nodes than any MobileNetV1's graph has, its constants and what trained it included, times ten.
const MOST_NODES: usize = 1 << 16;
/// The most `Identity` between an operation and its constant.
const DEEPEST: usize = 64;
/// The scope in which `retrain.py` puts its layer.
pub(super) const RETRAINED: &str = "final_training_ops";
/// Constants of the normalization that our own exports of nets that take pixel levels begin with.
pub(super) const MEAN: &str = "preprocessing/mean";
pub(super) const STD: &str = "preprocessing/std";
const CONVOLUTIONS: [&str; 4] = [
    "Conv2D",
    "_FusedConv2D",
    "DepthwiseConv2dNative",
    "FusedDepthwiseConv2dNative",
];

/// Reads a net from its graph.
pub(super) fn import(
    file: &File<'_>,
    nodes: Vec<Node>,
    mut constants: Constants,
) -> Result<Contents> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    if nodes.len() > MOST_NODES {
        let found = nodes.len();
        return Err(wrong(format!(
            "{found} nodes; at most {MOST_NODES} are expected"
        )));
    }
    nodes.iter().try_for_each(as_read).map_err(wrong)?;
    let by_name: HashMap<&str, &Node> = nodes.iter().map(|n| (n.name.as_str(), n)).collect();
    let retrained = retrained_layer(&nodes, &by_name);
    let head = match &retrained {
        Some((weight, bias, _)) => Some(head(file, &mut constants.floats, weight, bias)?),
        None => None,
    };
    let placeholder = nodes.iter().find(|n| n.op == "Placeholder");
    let mut config = MobileNetConfig::new();
    if let Some(&side) = placeholder.and_then(|n| n.shape.get(1)).filter(|s| **s > 0) {
        config.input_size = usize::try_from(side).unwrap_or(usize::MAX);
    }
    // What our own exports of nets that take pixel levels begin with.
    let scalar = |name: &str| constants.scalars.get(name).copied();
    if let (Some(mean), Some(std)) = (scalar(MEAN), scalar(STD)) {
        (config.mean, config.std) = (decimal(mean), decimal(std));
    }
    if let Some(prefix) = slim_prefix(&constants) {
        let config = slim_config(&nodes, &by_name, &prefix, &constants, config).map_err(wrong)?;
        let arrays = slim_arrays(constants.floats, &prefix);
        return Ok(Contents::import(&file.name, &TF_SLIM, config, arrays)?.with_head(head));
    }
    let Some(input) = placeholder else {
        return Err(wrong("it has no placeholder, so no input".into()));
    };
    let last = retrained.map(|(_, _, product)| product);
    let mut ops = Vec::new();
    for node in nodes.iter().filter(|n| Some(&n.name) != last.as_ref()) {
        operations(node, &by_name, &mut constants, &mut ops).map_err(wrong)?;
        if ops.len() > MOST {
            return Err(wrong(format!("more than {MOST} operations")));
        }
    }
    let (config, arrays) = topology::read(ops, &input.name, config).map_err(wrong)?;
    Ok(Contents::import(&file.name, &TOPOLOGY, config, arrays)?.with_head(head))
}

/// The tensors of a graph with TF-Slim's names, without what stands before them.
fn slim_arrays(floats: Arrays, prefix: &str) -> Arrays {
    // Scalars (epsilons, what summaries need) are arguments of operations, not weights.
    let arrays = floats.into_iter().filter(|(_, a)| !a.shape.is_empty());
    let short = |name: String| name.strip_prefix(prefix).unwrap_or(&name).to_string();
    arrays.map(|(name, array)| (short(name), array)).collect()
}

/// What stands before `MobilenetV1/` in a graph with TF-Slim's names and batch norms: nothing, or `module/`.
fn slim_prefix(constants: &Constants) -> Option<String> {
    let gamma = "MobilenetV1/Conv2d_0/BatchNorm/gamma";
    let mut names = constants.floats.keys();
    names.find_map(|name| name.strip_suffix(gamma).map(String::from))
}

/// Nothing but what the net's own arithmetic does: what is refused here has the same tensors and gives other numbers.
fn as_read(node: &Node) -> Result<(), String> {
    let name = &node.name;
    if !matches!(&node.data_format[..], "" | "NHWC") {
        return Err(format!(
            "`{name}` has its data as {:?}; only NHWC graphs are read",
            node.data_format
        ));
    }
    if CONVOLUTIONS.contains(&node.op.as_str()) && node.dilations.iter().any(|&d| d != 1) {
        return Err(format!(
            "convolution `{name}` is dilated by {:?}; MobileNetV1's are not",
            node.dilations
        ));
    }
    Ok(())
}

/// Padding and epsilon of a graph with TF-Slim's names, in which each layer's convolution must be MobileNetV1's.
fn slim_config(
    nodes: &[Node],
    by_name: &HashMap<&str, &Node>,
    prefix: &str,
    constants: &Constants,
    mut config: MobileNetConfig,
) -> Result<MobileNetConfig, String> {
    let mut users: HashMap<String, Vec<&Node>> = HashMap::new();
    let mut readers: HashMap<&str, Vec<&Node>> = HashMap::new();
    for node in nodes {
        for input in &node.inputs {
            readers.entry(plain(input)).or_default().push(node);
        }
    }
    let convolutions = nodes
        .iter()
        .filter(|n| CONVOLUTIONS.contains(&n.op.as_str()));
    for node in convolutions {
        if let Some(kernel) = node.inputs.get(1).and_then(|name| constant(by_name, name)) {
            users.entry(kernel).or_default().push(node);
        }
    }
    for p in parameters(&config.clone().with_classes(1)) {
        let kernel = format!("{prefix}{}", (TF_SLIM.name)(&p));
        if p.part != Part::Kernel || !constants.floats.contains_key(&kernel) {
            continue;
        }
        let Some(users) = users.get(&kernel) else {
            return Err(format!("no convolution has the kernel `{kernel}`"));
        };
        for node in users {
            slim_convolution(node, &p, &readers)?;
        }
    }
    config.epsilon = slim_epsilon(nodes, constants)?;
    config.padding = Padding::Same;
    Ok(config)
}

/// Refuses a convolution that has the kernel of a layer and does something else with it.
fn slim_convolution(
    node: &Node,
    p: &Parameter,
    readers: &HashMap<&str, Vec<&Node>>,
) -> Result<(), String> {
    let (name, layer) = (&node.name, p.layer);
    let expected = match layer {
        Layer::Stem => STEM.1,
        Layer::Depthwise(block) => BLOCKS[block - 1].1,
        Layer::Pointwise(_) | Layer::Classifier => 1,
    };
    let found = stride(node)?;
    if found != expected {
        return Err(format!(
            "convolution `{name}` has stride {found}, MobileNetV1's {layer:?} has {expected}"
        ));
    }
    if p.shape.get(2) > Some(&1) && node.padding != "SAME" {
        let padding = &node.padding;
        return Err(format!(
            "convolution `{name}` is padded {padding:?}; expected SAME"
        ));
    }
    if layer != Layer::Classifier && !is_before_relu6(node, readers) {
        return Err(format!(
            "no ReLU6 follows convolution `{name}`, as MobileNetV1's {layer:?} has it"
        ));
    }
    Ok(())
}

/// The epsilon that all batch norms of a graph have in common.
fn slim_epsilon(nodes: &[Node], constants: &Constants) -> Result<f64, String> {
    let written_out = constants
        .scalars
        .iter()
        .filter(|(name, _)| name.ends_with("/batchnorm/add/y"))
        .map(|(_, &epsilon)| epsilon);
    let mut epsilons = written_out.chain(nodes.iter().filter_map(|n| n.epsilon));
    let epsilon = epsilons.next().ok_or(
        "no batch norm says its epsilon (`.../batchnorm/add/y`, or the attribute `epsilon`)",
    )?;
    match epsilons.find(|&e| e != epsilon) {
        Some(other) => Err(format!(
            "batch norms with different epsilons, {epsilon} and {other}"
        )),
        None => Ok(decimal(epsilon)),
    }
}

/// Is there a ReLU6 between this convolution and the next?
fn is_before_relu6(convolution: &Node, readers: &HashMap<&str, Vec<&Node>>) -> bool {
    let mut seen = HashSet::new();
    let mut at = vec![convolution];
    while let Some(node) = at.pop() {
        for &reader in readers.get(node.name.as_str()).into_iter().flatten() {
            if reader.op == "Relu6" {
                return true;
            }
            if !CONVOLUTIONS.contains(&reader.op.as_str()) && seen.insert(&reader.name) {
                at.push(reader);
            }
        }
    }
    false
}

/// What one node does to the data that flows through it; nothing for constants and what computes shapes.
fn operations(
    node: &Node,
    by_name: &HashMap<&str, &Node>,
    constants: &mut Constants,
    ops: &mut Vec<Op>,
) -> Result<(), String> {
    let input = |i: usize| node.inputs.get(i).map(|name| plain(name).to_string());
    let mut value = |i: usize| {
        let name = constant(by_name, node.inputs.get(i)?)?;
        topology::take(&mut constants.floats, &name)
    };
    let Some(mut first) = input(0) else {
        return Ok(());
    };
    let missing = || format!("`{}` has inputs that are not constants", node.name);
    let kinds = match node.op.as_str() {
        "Conv2D" | "_FusedConv2D" | "DepthwiseConv2dNative" | "FusedDepthwiseConv2dNative" => {
            let kind = Kind::Convolution {
                depthwise: node.op.contains("Depthwise"),
                kernel: value(1).ok_or_else(missing)?,
                stride: stride(node)?,
                same: node.padding == "SAME",
            };
            fused(node, kind, &mut |i| value(i).map(flat))?
        }
        "MatMul" | "_FusedMatMul" => match value(1) {
            Some(kernel) => fused(node, Kind::Dense(kernel), &mut |i| value(i).map(flat))?,
            None => return Ok(()),
        },
        "BiasAdd" | "Add" | "AddV2" => match (value(0).map(flat), value(1).map(flat)) {
            (_, Some(bias)) => vec![Kind::Bias(bias)],
            (Some(bias), None) => {
                first = input(1).unwrap_or_default();
                vec![Kind::Bias(bias)]
            }
            (None, None) => return Ok(()),
        },
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
            let mut part = |i| value(i).map(flat).ok_or_else(missing);
            let norm = [part(1)?, part(2)?, part(3)?, part(4)?];
            let epsilon = decimal(node.epsilon.unwrap_or(1e-4)); // The default of the operation.
            vec![Kind::Norm(norm, epsilon)]
        }
        "Pad" | "PadV2" => {
            let name = node.inputs.get(1).and_then(|name| constant(by_name, name));
            vec![pad(
                node,
                name.and_then(|name| constants.integers.get(&name)),
            )?]
        }
        "Relu6" => vec![Kind::Relu6],
        "Identity"
        | "Reshape"
        | "Squeeze"
        | "Mean"
        | "AvgPool"
        | "Softmax"
        | "PlaceholderWithDefault"
        | "StopGradient" => vec![Kind::Other],
        _ => return Ok(()),
    };
    topology::push(ops, &node.name, first, node.name.clone(), kinds);
    Ok(())
}

fn pad(node: &Node, amounts: Option<&Vec<i64>>) -> Result<Kind, String> {
    let kind = match amounts.map(Vec::as_slice) {
        Some(&[0, 0, top, bottom, left, right, 0, 0]) => Kind::pad([top, bottom], [left, right]),
        _ => None,
    };
    kind.ok_or_else(|| format!("`{}` pads by {amounts:?}", node.name))
}

/// A convolution or product and what was merged into it.
fn fused(
    node: &Node,
    kind: Kind,
    vector: &mut dyn FnMut(usize) -> Option<Array>,
) -> Result<Vec<Kind>, String> {
    let mut kinds = vec![kind];
    for fused in &node.fused {
        kinds.push(match fused.as_str() {
            "BiasAdd" => Kind::Bias(
                vector(2).ok_or_else(|| format!("`{}` has no constant bias", node.name))?,
            ),
            "Relu6" => Kind::Relu6,
            other => return Err(format!("`{}` is merged with {other}", node.name)),
        });
    }
    Ok(kinds)
}

fn stride(node: &Node) -> Result<usize, String> {
    match node.strides[..] {
        [1, height, width, 1] if height == width && (1..=2).contains(&height) => {
            Ok(height as usize)
        }
        _ => Err(format!(
            "convolution `{}` has strides {:?}; expected [1, s, s, 1] with s 1 or 2",
            node.name, node.strides
        )),
    }
}

/// `[1, 1, 1, c]` as `[c]`.
fn flat(array: Array) -> Array {
    match array.shape.split_last() {
        Some((&last, rest)) if rest.iter().all(|&n| n == 1) => Array {
            shape: vec![last],
            data: array.data,
        },
        _ => array,
    }
}

/// A node's name without the number of its output.
fn plain(name: &str) -> &str {
    name.strip_suffix(":0").unwrap_or(name)
}

/// Names of weight and bias of the layer that `retrain.py` adds (the constants behind a `MatMul` and the `Add` that
/// reads it), and of the `MatMul`: the one called as `retrain.py` calls it; else, of several, the last. A `MatMul` that
/// is the only one and has another name is the net's own classifier.
fn retrained_layer(
    nodes: &[Node],
    by_name: &HashMap<&str, &Node>,
) -> Option<(String, String, String)> {
    let mut sums = HashMap::new();
    for node in nodes {
        if let ("Add" | "AddV2" | "BiasAdd", Some(first)) = (node.op.as_str(), node.inputs.first())
        {
            sums.entry(plain(first)).or_insert(node);
        }
    }
    let products = nodes.iter().filter(|n| n.op == "MatMul");
    let several = products.clone().count() > 1;
    let mut layers = products.filter_map(|product| {
        let sum = sums.get(&product.name[..])?;
        let weight = constant(by_name, product.inputs.get(1)?)?;
        let bias = constant(by_name, sum.inputs.get(1)?)?;
        Some((weight, bias, product.name.clone()))
    });
    let named = |(weight, _, product): &(String, String, String)| {
        weight.contains(RETRAINED) || product.contains(RETRAINED)
    };
    let mut last = None;
    match layers.find(|layer| {
        last = Some(layer.clone());
        named(layer)
    }) {
        Some(layer) => Some(layer),
        None => last.filter(|_| several),
    }
}

/// The constant that `name` is, through any `Identity` in between.
fn constant(by_name: &HashMap<&str, &Node>, name: &str) -> Option<String> {
    let mut name = plain(name);
    for _ in 0..DEEPEST {
        let node = by_name.get(name)?;
        match node.op.as_str() {
            "Const" => return Some(node.name.clone()),
            "Identity" | "ReadVariableOp" => name = plain(node.inputs.first()?),
            _ => return None,
        }
    }
    None
}

fn head(file: &File<'_>, arrays: &mut Arrays, weight: &str, bias: &str) -> Result<DenseLayer> {
    let mut take = |name: &str| {
        let array = arrays.remove(name);
        array.ok_or_else(|| {
            file.wrong_tensor(name, "it is not there as f32, as the last layer's is")
        })
    };
    let (w, b) = (take(weight)?, take(bias)?);
    let (&[inputs, classes], &[outputs]) = (&w.shape[..], &b.shape[..]) else {
        let message = format!(
            "shapes {:?} and {:?} are not those of a layer",
            w.shape, b.shape
        );
        return Err(file.wrong_tensor(weight, message));
    };
    check(&file.name, weight, &[inputs, outputs], &w)?;
    check(&file.name, bias, &[classes], &b)?;
    // TensorFlow has a column for each class.
    let weight = transpose(&w.data, inputs, classes);
    DenseLayer::new(inputs, weight, b.data)
}
