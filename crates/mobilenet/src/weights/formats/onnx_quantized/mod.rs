//! Quantized ONNX models, as ONNX Runtime's static quantizer and this crate write them: with tensors that are dequantized
//! where they are read (`QDQ`), and with operations of integers (`QOperator`).

mod layers;

use std::collections::HashMap;

use prost::Message;

use super::onnx_graph::input_size;
use super::onnx_messages::{Model, Node, Value};
use super::onnx_operations::{attribute, integer, integers, label};
use super::onnx_quantized_tensors::{Constant, Constants, Outputs, QUANTIZATION, Scaled};
use super::tflite_quantized_layer::clamp;
use super::topology::common_padding;
use crate::config::{BLOCKS, MobileNetConfig, Padding, STEM};
use crate::error::{Error, Result};
use crate::quantized::net::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet, Softmax, stride,
};
use crate::weights::budget::Budget;
use crate::weights::dense::DenseLayer;
use crate::weights::file::File;

const FORMAT: &str = "quantized ONNX model";
/// More nodes than any quantized MobileNetV1 has, times ten.
const MOST_NODES: usize = 8192;

type Parsed<T> = std::result::Result<T, String>;

/// Whether a graph has operations of integers.
pub(super) fn is_quantized(nodes: &[Node]) -> bool {
    let known = ["QuantizeLinear", "DequantizeLinear", "QLinearConv"];
    nodes.iter().any(|node| known.contains(&&node.op_type[..]))
}

/// Reads a net, and the layers in floats behind its embedding.
pub(in crate::weights) fn read(file: &File<'_>) -> Result<(QuantizedNet, Vec<DenseLayer>)> {
    let wrong = |message: String| file.wrong(FORMAT, message);
    let mut budget = Budget::of(&file.bytes);
    let model = Model::decode(&file.bytes[..]).map_err(|e| file.failed(FORMAT, e))?;
    let about = model
        .metadata
        .iter()
        .find(|entry| entry.key == QUANTIZATION);
    let about = about.map(|entry| serde_json::from_str(&entry.value));
    let about = about.transpose().map_err(|e| file.failed(FORMAT, e))?;
    let graph = model.graph.ok_or_else(|| wrong("it has no graph".into()))?;
    if !is_quantized(&graph.node) {
        return Err(wrong(
            "its weights are floats: open it as weights, and quantize them".into(),
        ));
    }
    if graph.node.len() > MOST_NODES {
        let found = graph.node.len();
        return Err(wrong(format!(
            "{found} nodes; at most {MOST_NODES} are expected"
        )));
    }
    let mut constants = Constants::default();
    for tensor in graph.initializer {
        let name = tensor.name.clone();
        let constant = Constant::read(tensor, &mut budget);
        let constant = constant.map_err(|message| file.wrong_tensor(&name, message))?;
        constants.plain.insert(name, constant);
    }
    let mut walk = Walk::new(constants);
    walk.follow(graph.node, &graph.input).map_err(wrong)?;
    let (net, head) = walk.finish(about).map_err(wrong)?;
    net.check().map_err(|error| match error {
        Error::Mismatch { message, .. } => wrong(message),
        other => wrong(other.to_string()),
    })?;
    Ok((net, head))
}

/// A layer, and what the file says of its convolution.
struct Found {
    name: String,
    layer: QuantizedLayer,
    stride: usize,
    padding: Option<Padding>,
    /// The activation in the file: none, ReLU or ReLU6, as TensorFlow Lite's schema counts them.
    activation: u8,
    /// Whether levels were written: a classifier may leave its sums as they are.
    rounded: bool,
}

/// What was found on the way from the input to the end.
struct Walk {
    constants: Constants,
    integers: Option<Integers>,
    side: Option<usize>,
    /// What was subtracted from the input, before it was rounded.
    shift: f64,
    input: Option<Activation>,
    /// Whether the input itself has levels, which are not rounded from real numbers.
    of_levels: bool,
    found: Vec<Found>,
    /// Whether the average pool was met.
    pool_met: bool,
    /// What the average pool writes, once that is said.
    pooled: Option<Activation>,
    head: Vec<DenseLayer>,
    softmax: Option<Softmax>,
    ended: bool,
}

impl Walk {
    fn new(constants: Constants) -> Self {
        Self {
            constants,
            integers: None,
            side: None,
            shift: 0.0,
            input: None,
            of_levels: false,
            found: Vec::new(),
            pool_met: false,
            pooled: None,
            head: Vec::new(),
            softmax: None,
            ended: false,
        }
    }

    /// Follows the operations from the graph's input; those on constants come first.
    fn follow(&mut self, nodes: Vec<Node>, inputs: &[Value]) -> Parsed<()> {
        let mut readers: HashMap<String, Vec<Node>> = HashMap::new();
        for node in nodes {
            let first = node.input.first().cloned().unwrap_or_default();
            if node.op_type == "DequantizeLinear" && self.constants.plain.contains_key(&first) {
                let scaled = self.constants.scales(&node, 0, integer(&node, "axis", 1));
                let scaled = scaled.map_err(|what| format!("`{}`: {what}", label(&node)))?;
                let output = node.output.first().cloned().unwrap_or_default();
                self.constants.scaled.insert(output, scaled);
                continue;
            }
            // Data may come second where a constant is added.
            let constant = self.constants.contains(&first);
            let data = node.input.get(usize::from(constant)).unwrap_or(&first);
            readers.entry(data.clone()).or_default().push(node);
        }
        let mut inputs = inputs.iter().filter(|v| !self.constants.contains(&v.name));
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err("it has no input, or several; expected one".into());
        };
        self.side = input_size(input);
        let mut at = input.name.clone();
        // Each value is taken out once, so a circle ends too.
        while let Some(next) = readers.remove(&at) {
            let [node] = &next[..] else {
                return Err(format!(
                    "the graph branches at `{at}`; MobileNetV1's does not"
                ));
            };
            self.operation(node)
                .map_err(|what| format!("`{}`: {what}", label(node)))?;
            at = node.output.first().cloned().unwrap_or_default();
        }
        match readers.values().flatten().next() {
            Some(node) => Err(format!(
                "`{}` cannot be reached: no operation that MobileNetV1 has leads there",
                label(node)
            )),
            None => Ok(()),
        }
    }

    /// What the last operation wrote.
    fn current(&self) -> Parsed<Activation> {
        let last = self.found.last();
        match (self.pooled, last, self.input) {
            (_, Some(found), _) if found.layer.kind == LayerKind::Dense => Ok(found.layer.output),
            (Some(pooled), ..) => Ok(pooled),
            (None, Some(found), _) if found.rounded && !self.pool_met => Ok(found.layer.output),
            (None, None, Some(input)) if !self.pool_met => Ok(input),
            _ => Err("it reads levels where none were written".into()),
        }
    }

    fn operation(&mut self, node: &Node) -> Parsed<()> {
        match &node.op_type[..] {
            "QuantizeLinear" => self.quantize(node),
            "DequantizeLinear" => self.expect(node, 1),
            "Conv" => {
                let weights = self.scaled(node, 1)?;
                let bias = node.input.get(2).cloned();
                self.convolution(node, weights, bias)
            }
            "QLinearConv" => {
                self.expect(node, 1)?;
                let weights = self.constants.scales(node, 3, 0)?;
                self.convolution(node, weights, node.input.get(8).cloned())?;
                self.rounded(node, 6)
            }
            "Gemm" => self.gemm(node),
            "MatMul" => self.dense(node, 1, false, None),
            "QGemm" => {
                self.expect(node, 1)?;
                let transposed = integer(node, "transB", 0) != 0;
                let weights = self.constants.scales(node, 3, i64::from(!transposed))?;
                self.classifier(node, weights, transposed, node.input.get(6).cloned())?;
                self.rounded(node, 7)
            }
            "QLinearMatMul" => {
                self.expect(node, 1)?;
                let weights = self.constants.scales(node, 3, 1)?;
                self.classifier(node, weights, false, None)?;
                self.rounded(node, 6)
            }
            "Add" => self.add(node),
            "Clip" | "Relu" => self.activation(node),
            "GlobalAveragePool" | "ReduceMean" => self.pool(None),
            "QLinearGlobalAveragePool" => {
                self.expect(node, 1)?;
                let (pooled, _) = self.constants.activation(node, 3)?;
                self.pool(Some(pooled))
            }
            "Sub" if self.input.is_none() && self.shift == 0.0 => {
                let values = self.constants.plain(node, 1)?.floats()?;
                let &[shift] = values else {
                    return Err("more than one number is subtracted from the pixels".into());
                };
                self.shift = f64::from(shift);
                Ok(())
            }
            "Softmax" => {
                self.ended = true;
                Ok(())
            }
            "Transpose" => match integers(node, "perm") {
                Some([0, 3, 1, 2]) if self.found.is_empty() => Ok(()),
                other => Err(format!("transposes by {other:?}")),
            },
            "Flatten" | "Reshape" | "Squeeze" | "Identity" if !self.found.is_empty() => Ok(()),
            other => Err(format!(
                "operation {other}, which a quantized MobileNetV1 does not have"
            )),
        }
    }

    /// The levels that an operation reads must be those that the last one wrote.
    fn expect(&mut self, node: &Node, first: usize) -> Parsed<()> {
        let (found, integers) = self.constants.activation(node, first)?;
        if let (None, true) = (self.input, self.found.is_empty()) {
            // The pixels are levels.
            (self.input, self.integers) = (Some(found), Some(integers));
            self.of_levels = true;
        }
        if self.softmax.is_some_and(|softmax| softmax.output == found) {
            return Ok(());
        }
        let expected = self.current()?;
        if found == expected && self.integers == Some(integers) {
            return Ok(());
        }
        Err(format!("reads {found:?} where {expected:?} was written"))
    }

    fn quantize(&mut self, node: &Node) -> Parsed<()> {
        let (found, integers) = self.constants.activation(node, 1)?;
        if *self.integers.get_or_insert(integers) != integers {
            return Err("both signed and unsigned levels".into());
        }
        if self.ended {
            self.softmax = Some(Softmax {
                beta: 1.0,
                output: found,
            });
            return Ok(());
        }
        match self.found.last() {
            Some(last) if !last.rounded => self.rounded(node, 1),
            _ if self.pool_met && self.pooled.is_none() => {
                self.pooled = Some(found);
                Ok(())
            }
            None if self.input.is_none() => {
                self.input = Some(found);
                Ok(())
            }
            // Levels that were rounded already.
            _ => self.expect(node, 1),
        }
    }

    /// The last layer is rounded to the levels whose scale and zero point are the inputs from `first` on.
    fn rounded(&mut self, node: &Node, first: usize) -> Parsed<()> {
        let (output, integers) = self.constants.activation(node, first)?;
        if self.integers != Some(integers) {
            return Err("both signed and unsigned levels".into());
        }
        let last = self
            .found
            .last_mut()
            .ok_or("no layer is there to be rounded")?;
        last.layer.output = output;
        last.layer.clamp = clamp(last.layer.kind, output, last.activation)?;
        last.rounded = true;
        Ok(())
    }

    fn scaled(&self, node: &Node, input: usize) -> Parsed<Scaled> {
        let scaled = node
            .input
            .get(input)
            .and_then(|name| self.constants.scaled.get(name));
        scaled.cloned().ok_or_else(|| {
            format!("input {input} is no dequantized constant: its weights are floats")
        })
    }

    /// Biases that are added behind a product.
    fn add(&mut self, node: &Node) -> Parsed<()> {
        let constant = |name: &&String| self.constants.contains(name);
        let name = node
            .input
            .iter()
            .find(constant)
            .cloned()
            .unwrap_or_default();
        if let Some(bias) = self.head.last().map(DenseLayer::bias) {
            let more = self
                .constants
                .plain
                .get(&name)
                .ok_or("adds no constant")?
                .floats()?;
            if more.len() != bias.len() || bias.iter().any(|&b| b != 0.0) {
                return Err("adds to a layer that has biases".into());
            }
            let more = more.to_vec();
            let last = self.head.pop().ok_or("no layer")?;
            let layer = DenseLayer::new(last.inputs(), last.weight().to_vec(), more);
            self.head.push(layer.map_err(|e| e.to_string())?);
            return Ok(());
        }
        let Some(last) = self.found.pop().filter(|last| !last.rounded) else {
            return Err("adds to levels".into());
        };
        if last.layer.bias.iter().any(|&b| b != 0) {
            return Err("adds to a layer that has biases".into());
        }
        let bias = self.bias(&name, &last.layer)?;
        self.found.push(Found {
            layer: QuantizedLayer { bias, ..last.layer },
            ..last
        });
        Ok(())
    }

    /// ReLU or ReLU6 behind a convolution that is not rounded yet, or ReLU between layers in floats.
    fn activation(&mut self, node: &Node) -> Parsed<()> {
        if node.op_type == "Relu" && !self.head.is_empty() {
            return Ok(());
        }
        let scalar = |input: usize| match self.constants.plain(node, input).ok()?.floats() {
            Ok(&[value]) => Some(value),
            _ => None,
        };
        let limit = |name, input| attribute(node, name).map(|a| a.f).or_else(|| scalar(input));
        let limits = (limit("min", 1), limit("max", 2));
        let Some(last) = self.found.last_mut().filter(|last| !last.rounded) else {
            return Err("an activation where none is expected".into());
        };
        last.activation = match (&node.op_type[..], limits) {
            ("Relu", _) => 1,
            // Levels may end a little beside 6.
            (_, (Some(0.0), Some(high))) if (5.9..=6.1).contains(&high) => 3,
            (_, limits) => return Err(format!("clips to {limits:?}; expected 0 and 6, as ReLU6")),
        };
        Ok(())
    }

    fn pool(&mut self, pooled: Option<Activation>) -> Parsed<()> {
        if self.pool_met || !self.found.last().is_some_and(|last| last.rounded) {
            return Err("a pool where none is expected".into());
        }
        (self.pool_met, self.pooled) = (true, pooled);
        Ok(())
    }

    /// Puts the layers together.
    fn finish(mut self, about: Option<Outputs>) -> Parsed<(QuantizedNet, Vec<DenseLayer>)> {
        let mut config = MobileNetConfig::new();
        if let Some(about) = &about {
            (config.mean, config.std) = (about.mean, about.std);
        }
        if let Some(side) = self.side {
            config.input_size = side;
        }
        let read = self.input.ok_or("its pixels are not rounded to levels")?;
        if self.of_levels && about.is_none() {
            let (mean, scale) = (read.zero_point, read.scale);
            (config.mean, config.std) = (f64::from(mean), 1.0 / f64::from(scale));
        }
        let input = Activation {
            scale: (1.0 / config.std) as f32,
            zero_point: config.mean.round() as i32,
        };
        let shift = if self.of_levels {
            f64::from(input.zero_point - read.zero_point) * f64::from(read.scale)
        } else {
            (f64::from(input.zero_point) - config.mean) / config.std - self.shift
        };
        let stem = self
            .found
            .first_mut()
            .ok_or("no convolution reads its pixels")?;
        rebase(&mut stem.layer, read, input, shift);
        let of = |kind| self.found.iter().filter(move |f| f.layer.kind == kind);
        config.alpha = self.found[0].layer.outputs() as f64 / STEM.0 as f64;
        config.blocks = of(LayerKind::Depthwise).count();
        config.classes = of(LayerKind::Dense).next().map_or(0, |f| f.layer.outputs());
        for (i, found) in self.found.iter().enumerate() {
            let dense = found.layer.kind == LayerKind::Dense;
            let expected = if dense { 1 } else { stride(i) };
            if found.stride != expected {
                return Err(format!(
                    "`{}` has stride {}; MobileNetV1's has {expected}",
                    found.name, found.stride
                ));
            }
            if !dense && !found.rounded {
                return Err(format!("`{}` is not rounded to levels", found.name));
            }
        }
        if config.blocks > BLOCKS.len() {
            return Err("it has more than MobileNetV1's 13 blocks".into());
        }
        let strided = self
            .found
            .iter()
            .map(|f| (&f.name[..], f.stride, f.padding));
        config.padding = common_padding(&strided.collect::<Vec<_>>(), config.input_size)?;
        let wide = self.found.last().is_none_or(|last| !last.rounded);
        let wide = wide || config.classes == 0 && self.pooled.is_none();
        let mut layers: Vec<_> = self.found.into_iter().map(|found| found.layer).collect();
        let logits = about.as_ref().and_then(|about| about.logits);
        if let (true, Some(last)) = (wide && config.classes > 0, layers.last_mut()) {
            last.output = logits.unwrap_or_else(|| widest(last, self.pooled));
        }
        let last = layers.iter().rfind(|layer| layer.kind != LayerKind::Dense);
        let last = last.map_or(input, |layer| layer.output);
        let pooled = about.as_ref().map(|about| about.pooled);
        let pooled = pooled.or(self.pooled).unwrap_or(last);
        let read = self.integers.unwrap_or_default();
        let defaults = (read, Pooling::default(), DenseOperation::default());
        let (integers, pooling, dense) = about.map_or(defaults, |about| {
            (about.integers, about.pooling, about.dense)
        });
        let net = QuantizedNet {
            config,
            input,
            layers,
            pooled,
            arithmetic: Arithmetic::default(),
            integers,
            pooling,
            dense,
            softmax: self.softmax,
            wide_outputs: wide,
        };
        Ok((net, self.head))
    }
}

/// The stem for pixels as levels: the file may round them otherwise. `shift` is what the real number of a level is below
/// that of the file.
fn rebase(stem: &mut QuantizedLayer, read: Activation, input: Activation, shift: f64) {
    let zero_points = stem.weight_zero_points.iter();
    let filters = stem.weights.chunks_exact(27).zip(zero_points);
    let sums =
        filters.map(|(filter, &zero)| filter.iter().map(|&w| i64::from(w) - i64::from(zero)).sum());
    let sums: Vec<i64> = sums.collect();
    for (bias, sum) in stem.bias.iter_mut().zip(sums) {
        let real = f64::from(*bias) * f64::from(read.scale) + shift * sum as f64;
        *bias = (real / f64::from(input.scale)).round_ties_even() as i32;
    }
}

/// An activation that the classifier's sums cannot leave: what a file that has none may be rounded to.
fn widest(layer: &QuantizedLayer, pooled: Option<Activation>) -> Activation {
    let inputs = (layer.weights.len() / layer.outputs().max(1)).max(1);
    let rows = layer.weights.chunks_exact(inputs).zip(&layer.weight_scales);
    let most = rows.zip(&layer.bias).map(|((row, &scale), &bias)| {
        let sum: f64 = row
            .iter()
            .map(|&w| 255.0 * f64::from(w.unsigned_abs()))
            .sum();
        (sum + f64::from(bias).abs()) * f64::from(scale)
    });
    let real = most.fold(0.0, f64::max) * pooled.map_or(1.0, |pooled| f64::from(pooled.scale));
    Activation {
        scale: ((real / 127.0) as f32).clamp(*crate::quantized::net::SCALES.start(), 1e6),
        zero_point: 128,
    }
}
