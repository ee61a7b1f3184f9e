//! A net read from the topology of a graph: what frozen graphs, TensorFlow.js graph models, TensorFlow Lite models and
//! ONNX models have in common once their own operations are translated to [`Op`]. It serves graphs whose names tell
//! nothing and those whose batch norms were folded into the convolutions.
//!
//! A folded convolution `y = W x + b` becomes this crate's convolution and batch norm with the kernel as it is, gamma
//! 1, beta b, mean 0 and variance 1 - epsilon: the norm divides by sqrt(1 - epsilon + epsilon) = 1 and adds b, so no
//! number changes. Epsilon itself is then of no meaning.

use std::collections::HashMap;

use crate::config::{BLOCKS, MobileNetConfig, Padding, STEM};
use crate::weights::dense::DenseLayer;
use crate::weights::parameters::{Array, Arrays, Layer, Parameter, Part, transpose};

type Result<T> = std::result::Result<T, String>;

/// An operation with one input that is data.
pub(super) struct Op {
    pub name: String,
    pub input: String,
    pub output: String,
    pub kind: Kind,
}

pub(super) enum Kind {
    /// Kernel `[h, w, in, out]`, depthwise `[h, w, channels, 1]`.
    Convolution {
        depthwise: bool,
        kernel: Array,
        stride: usize,
        /// TensorFlow's `SAME`; else `VALID`.
        same: bool,
    },
    /// Kernel `[in, out]`.
    Dense(Array),
    Bias(Array),
    /// Gamma, beta, mean, variance.
    Norm([Array; 4], f64),
    /// Rows (and columns) of zeros before and after.
    Pad(usize, usize),
    Relu6,
    /// Pools, reshapes, softmax, identities.
    Other,
}

impl Kind {
    /// A padding by as many rows as columns, of those that MobileNetV1 has: one after, and none or one before.
    pub fn pad(rows: [i64; 2], columns: [i64; 2]) -> Option<Self> {
        match rows {
            [before @ 0..=1, 1] if rows == columns => Some(Self::Pad(before as usize, 1)),
            _ => None,
        }
    }
}

/// Longest constant that several operations may share.
const SMALL: usize = 4096;

/// A constant of a graph. Kernels are moved out; the small rest is copied, since it may serve twice.
pub(super) fn take(constants: &mut Arrays, name: &str) -> Option<Array> {
    match constants.get(name)? {
        array if array.shape.len() > 1 || array.data.len() > SMALL => constants.remove(name),
        array => Some(array.clone()),
    }
}

/// Adds one operation of a file that does several things, one after the other.
pub(super) fn push(
    ops: &mut Vec<Op>,
    name: &str,
    input: String,
    output: String,
    kinds: impl IntoIterator<Item = Kind>,
) {
    let mut kinds = kinds.into_iter().enumerate().peekable();
    let mut from = input;
    while let Some((i, kind)) = kinds.next() {
        // The values between the parts have no name in the file, and no name has a `#`.
        let to = match kinds.peek() {
            Some(_) => format!("{output}#{i}"),
            None => output.clone(),
        };
        ops.push(Op {
            name: name.into(),
            input: std::mem::replace(&mut from, to.clone()),
            output: to,
            kind,
        });
    }
}

/// A convolution or the classifier, with what follows it.
struct Found {
    name: String,
    depthwise: bool,
    kernel: Array,
    stride: usize,
    padding: Option<Padding>,
    bias: Option<Array>,
    norm: Option<[Array; 4]>,
    relu6: bool,
}

impl Found {
    fn new(name: String, kernel: Array) -> Self {
        Self {
            name,
            kernel,
            depthwise: false,
            stride: 1,
            padding: None,
            bias: None,
            norm: None,
            relu6: false,
        }
    }
}

/// As [`read_with_head`], where nothing may come after the net's own classifier.
pub(super) fn read(
    ops: Vec<Op>,
    input: &str,
    config: MobileNetConfig,
) -> Result<(MobileNetConfig, Arrays)> {
    match read_with_head(ops, input, config)? {
        (config, arrays, None) => Ok((config, arrays)),
        (.., Some(head)) => Err(format!(
            "a layer of {} outputs comes after the classifier",
            head.outputs()
        )),
    }
}

/// Follows the operations from `input` to the end, and sorts what they hold into tensors by our names, laid out as
/// TensorFlow's ([`TOPOLOGY`]). A fully connected layer behind the net's own classifier is one that was trained behind it.
pub(super) fn read_with_head(
    ops: Vec<Op>,
    input: &str,
    mut config: MobileNetConfig,
) -> Result<(MobileNetConfig, Arrays, Option<DenseLayer>)> {
    let (found, epsilon) = follow(ops, input)?;
    if let Some(epsilon) = epsilon {
        config.epsilon = epsilon;
    }
    let strided = found.iter().map(|f| (&f.name[..], f.stride, f.padding));
    config.padding = common_padding(&strided.collect::<Vec<_>>(), config.input_size)?;
    let mut arrays = Arrays::new();
    let mut layers = found.into_iter().peekable();
    let Some(stem) = layers.next() else {
        return Err(format!("no convolution can be reached from `{input}`"));
    };
    let mut place = |found: Found, layer: Layer, stride: usize| -> Result<()> {
        let wrong =
            |what: String| Err(format!("`{}`, MobileNetV1's {layer:?}, {what}", found.name));
        if found.stride != stride || found.depthwise != matches!(layer, Layer::Depthwise(_)) {
            return wrong(format!(
                "has stride {} and is {}depthwise",
                found.stride,
                if found.depthwise { "" } else { "not " }
            ));
        }
        if !found.relu6 {
            return wrong("is not followed by a ReLU6".into());
        }
        match (layer, stride, found.padding) {
            (Layer::Pointwise(_), ..)
            | (_, 1, Some(Padding::Same | Padding::Both))
            | (_, 2, Some(_)) => {}
            (_, _, found) => return wrong(format!("is padded {found:?}")),
        }
        let norm = match (found.norm, found.bias) {
            (Some(norm), None) => norm,
            (None, Some(bias)) => folded(bias, config.epsilon),
            _ => return wrong("has neither one batch norm nor one bias".into()),
        };
        insert(&mut arrays, layer, Part::Kernel, found.kernel);
        let parts = [Part::Gamma, Part::Beta, Part::Mean, Part::Variance];
        for (part, array) in parts.into_iter().zip(norm) {
            insert(&mut arrays, layer, part, array);
        }
        Ok(())
    };
    place(stem, Layer::Stem, STEM.1)?;
    let mut blocks = 0;
    while layers.peek().is_some_and(|found| found.depthwise) {
        let Some((&(_, stride), depthwise)) = BLOCKS.get(blocks).zip(layers.next()) else {
            return Err("it has more than MobileNetV1's 13 blocks".into());
        };
        blocks += 1;
        let name = depthwise.name.clone();
        place(depthwise, Layer::Depthwise(blocks), stride)?;
        let Some(pointwise) = layers.next() else {
            return Err(format!("nothing follows `{name}`"));
        };
        place(pointwise, Layer::Pointwise(blocks), 1)?;
    }
    if let Some(found) = layers.next() {
        if blocks < BLOCKS.len() || found.stride != 1 {
            return Err(format!(
                "`{}` comes after {blocks} blocks of a depthwise and a pointwise convolution",
                found.name
            ));
        }
        let (Some(bias), None) = (found.bias, found.norm) else {
            return Err(format!("the classifier `{}` has no bias", found.name));
        };
        insert(&mut arrays, Layer::Classifier, Part::Kernel, found.kernel);
        insert(&mut arrays, Layer::Classifier, Part::Bias, bias);
    }
    let head = layers.next().map(dense).transpose()?;
    match layers.next() {
        Some(found) => Err(format!("`{}` comes after the classifier", found.name)),
        None => Ok((config, arrays, head)),
    }
}

/// The layer that was trained behind the net.
fn dense(found: Found) -> Result<DenseLayer> {
    let name = &found.name;
    let (Some(bias), &[inputs, outputs]) = (found.bias, &found.kernel.shape[..]) else {
        return Err(format!(
            "`{name}` comes after the classifier, and is not a fully connected layer with a bias"
        ));
    };
    if found.depthwise || found.relu6 || found.norm.is_some() {
        return Err(format!("`{name}` comes after the classifier"));
    }
    let weight = transpose(&found.kernel.data, inputs, outputs);
    DenseLayer::new(inputs, weight, bias.data).map_err(|error| format!("`{name}`: {error}"))
}

/// The rule of a convolution that follows a padding by so many rows before and after, if there is one: `same` is
/// TensorFlow's `SAME`, else `VALID`, which for filters of 1x1 is the same.
pub(super) fn padding_of(
    same: bool,
    padding: Option<(usize, usize)>,
    large: bool,
) -> Option<Padding> {
    match (same, padding) {
        (true, None) => Some(Padding::Same),
        (false, Some((0, 1))) => Some(Padding::End),
        (false, Some((1, 1))) => Some(Padding::Both),
        (false, None) if !large => Some(Padding::Same),
        _ => None,
    }
}

/// The one rule that pads every convolution of stride 2 as the graph does, at the graph's input size: a converter
/// writes `SAME` for an explicit 0/1 where the two are one, that is at even sizes. Of each convolution its name, its
/// stride and its padding.
pub(super) fn common_padding(
    found: &[(&str, usize, Option<Padding>)],
    input_size: usize,
) -> Result<Padding> {
    let mut size = input_size;
    let mut seen = Vec::new();
    for (i, &(name, stride, padding)) in found.iter().enumerate() {
        if stride != 2 {
            continue;
        }
        let Some(padding) = padding else {
            return Err(format!("`{name}` is padded as no MobileNetV1 is"));
        };
        let (before, after) = padding.amounts(size, 2);
        seen.push((i, padding, size));
        size = (size + before + after).saturating_sub(3) / 2 + 1;
    }
    let fits = |rule: Padding| {
        seen.iter().all(|&(block, padding, size)| {
            rule.of_block(block).amounts(size, 2) == padding.amounts(size, 2)
        })
    };
    // A rule that the graph states somewhere is preferred: all that is known of another is that it fits.
    let stated = seen.iter().map(|&(_, padding, _)| padding);
    let mut rules = stated.clone().chain([Padding::Same, Padding::EndButStem]);
    rules.find(|&rule| fits(rule)).ok_or_else(|| {
        format!(
            "its convolutions of stride 2 are padded by different rules: {:?}",
            stated.collect::<Vec<_>>()
        )
    })
}

fn follow(ops: Vec<Op>, input: &str) -> Result<(Vec<Found>, Option<f64>)> {
    let mut consumers: HashMap<String, Vec<Op>> = HashMap::new();
    for op in ops {
        consumers.entry(op.input.clone()).or_default().push(op);
    }
    let mut value = input.to_string();
    let mut pad = None;
    let mut epsilon = None;
    let mut found: Vec<Found> = Vec::new();
    // Each value is taken out once, so a circle ends too.
    while let Some(mut next) = consumers.remove(&value) {
        let Some(op) = next.pop().filter(|_| next.is_empty()) else {
            return Err(format!(
                "the graph branches at `{value}`; MobileNetV1's does not"
            ));
        };
        let padding = pad.take();
        let name = op.name;
        let unexpected = |what| Err(format!("`{name}` is {what} where none is expected"));
        match (op.kind, found.last_mut()) {
            (
                Kind::Convolution {
                    depthwise,
                    kernel,
                    stride,
                    same,
                },
                _,
            ) => {
                let large = kernel.shape.first() != Some(&1);
                let padding = padding_of(same, padding, large);
                found.push(Found {
                    depthwise,
                    stride,
                    padding,
                    ..Found::new(name, kernel)
                });
            }
            (Kind::Dense(kernel), _) => found.push(Found::new(name, kernel)),
            (Kind::Pad(before, after), _) => pad = Some((before, after)),
            (Kind::Bias(bias), Some(last)) if last.bias.is_none() && !last.relu6 => {
                last.bias = Some(bias);
            }
            (Kind::Norm(norm, e), Some(last)) if last.norm.is_none() && !last.relu6 => {
                if *epsilon.get_or_insert(e) != e {
                    return Err(format!(
                        "batch norms with different epsilons, {e} among them"
                    ));
                }
                last.norm = Some(norm);
            }
            (Kind::Relu6, Some(last)) => last.relu6 = true,
            (Kind::Other, _) => {}
            (Kind::Bias(_), _) => return unexpected("a bias"),
            (Kind::Norm(..), _) => return unexpected("a batch norm"),
            (Kind::Relu6, None) => return unexpected("an activation"),
        }
        value = op.output;
    }
    // What the walk did not come to lies behind an operation that is not known here: the net is more than was read.
    let layers = consumers.values().flatten();
    let left = layers.filter(|op| matches!(op.kind, Kind::Convolution { .. } | Kind::Dense(_)));
    match left.map(|op| &op.name).min() {
        Some(name) => Err(format!(
            "`{name}` cannot be reached: no operation that MobileNetV1 has reads `{value}`"
        )),
        None => Ok((found, epsilon)),
    }
}

/// The batch norm that only adds `bias`.
fn folded(bias: Array, epsilon: f64) -> [Array; 4] {
    let constant = |value: f32| Array {
        shape: bias.shape.clone(),
        data: vec![value; bias.data.len()],
    };
    let (gamma, mean) = (constant(1.0), constant(0.0));
    let variance = constant(1.0 - epsilon as f32);
    [gamma, bias, mean, variance]
}

fn insert(arrays: &mut Arrays, layer: Layer, part: Part, array: Array) {
    let shape = Vec::new();
    arrays.insert(Parameter { layer, part, shape }.name(), array);
}
