//! ONNX models: read in f32 or half precision, of any opset, from their operations; written for opset 17.

use prost::Message;
use serde_json::{Map, Value as Json};

use super::contents::Contents;
use super::onnx_graph::{Writer, input_size, int, ints, value};
use super::onnx_messages::{Entry, FLOAT, Graph, Model, Opset, UINT8, Value};
use super::onnx_operations::Reader;
use super::onnx_quantized_tensors::QUANTIZATION;
use super::{onnx_quantized, onnx_quantized_write, topology};
use crate::config::Padding;
use crate::error::{Error, Result};
use crate::weights::budget::Budget;
use crate::weights::dense::DenseLayer;
use crate::weights::file::File;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput};
use crate::weights::parameters::Layer;
use crate::weights::schemes::TOPOLOGY;

const FORMAT: &str = "ONNX model";
/// More nodes than any MobileNetV1 has, times ten.
const MOST_NODES: usize = 4096;

pub(super) fn read(mut file: File<'_>) -> Result<Contents> {
    let bytes = std::mem::take(&mut file.bytes);
    let mut budget = Budget::of(&bytes);
    let model = Model::decode(&bytes[..]).map_err(|e| file.failed(FORMAT, e))?;
    drop(bytes);
    let wrong = |message: String| file.wrong(FORMAT, message);
    let metadata =
        metadata(&model.metadata).map_err(|e| file.failed_part(FORMAT, "metadata", e.into()))?;
    let graph = model.graph.ok_or_else(|| wrong("it has no graph".into()))?;
    if graph.node.len() > MOST_NODES {
        let found = graph.node.len();
        return Err(wrong(format!(
            "{found} nodes; at most {MOST_NODES} are expected"
        )));
    }
    if onnx_quantized::is_quantized(&graph.node) {
        return Err(Error::Quantized { file: file.name });
    }
    let mut reader = Reader::default();
    for tensor in graph.initializer {
        let name = tensor.name.clone();
        reader
            .constant(&name, tensor, &mut budget)
            .map_err(|message| file.wrong_tensor(&name, message))?;
    }
    let inputs = graph.input.iter();
    let mut inputs = inputs.filter(|value| !reader.is_constant(&value.name));
    let (Some(input), None) = (inputs.next(), inputs.next()) else {
        return Err(wrong("it has no input, or several; expected one".into()));
    };
    if let Some(size) = input_size(input) {
        reader.config.input_size = size;
    }
    for mut node in graph.node {
        let mut attributes = node.attribute.iter_mut();
        let value = attributes.find(|a| a.name == "value");
        let tensor = value.and_then(|value| value.t.take());
        match (node.op_type.as_str(), node.output.first(), tensor) {
            ("Constant", Some(name), Some(tensor)) => reader
                .constant(name, tensor, &mut budget)
                .map_err(|message| file.wrong_tensor(name, message))?,
            _ => reader.operation(&node).map_err(wrong)?,
        }
    }
    let (config, arrays) = topology::read(reader.ops, &input.name, reader.config).map_err(wrong)?;
    let contents = Contents::import(&file.name, &TOPOLOGY, config, arrays)?;
    Ok(contents.with_metadata(metadata))
}

/// What [`write`] puts into the entries, each as JSON. Those of other programs need not be JSON.
fn metadata(entries: &[Entry]) -> Result<Option<ModelMetadata>, serde_json::Error> {
    let json = |entry: &Entry| serde_json::from_str(&entry.value).ok();
    let entries = entries
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), json(entry)?)));
    ModelMetadata::read(&entries.collect::<Map<_, _>>().into())
}

impl Writer {
    /// The input, and the normalization of pixel levels if it is to be in the graph.
    fn input(&mut self, net: &Net<'_>) -> Value {
        let side = net.side;
        let (name, element, shape) = match net.input {
            PixelInput::Normalized => ("input", FLOAT, [3, side, side]),
            PixelInput::Float => ("pixels", FLOAT, [side, side, 3]),
            PixelInput::Byte | PixelInput::SignedByte => ("pixels", UINT8, [side, side, 3]),
        };
        self.last = name.into();
        if net.input == PixelInput::Byte {
            let float = int("to", i64::from(FLOAT));
            self.push("Cast", "pixels/float", Vec::new(), vec![float]);
        }
        if net.input != PixelInput::Normalized {
            let config = net.config;
            let mean = self.constant("pixels/mean".into(), &[], &[config.mean as f32]);
            let std = self.constant("pixels/std".into(), &[], &[config.std as f32]);
            self.push("Sub", "pixels/centered", vec![mean], Vec::new());
            self.push("Div", "pixels/normalized", vec![std], Vec::new());
            let channels_first = ints("perm", vec![0, 3, 1, 2]);
            self.push("Transpose", "input", Vec::new(), vec![channels_first]);
        }
        value(name, element, &shape)
    }

    /// The net in floats, up to its embedding.
    fn floats(&mut self, net: &Net<'_>) -> Value {
        for (name, value) in [("relu6/low", 0.0), ("relu6/high", 6.0)] {
            self.constant(name.into(), &[], &[value]);
        }
        let input = self.input(net);
        let (config, mut size) = (net.config, net.side);
        for conv in &net.convs {
            size = self.conv(conv, config.epsilon, config.padding, size);
        }
        self.push("GlobalAveragePool", "pool", Vec::new(), Vec::new());
        self.push("Flatten", "embedding", Vec::new(), vec![int("axis", 1)]);
        input
    }

    /// Convolution with its batch normalization folded in, ReLU6. Returns the side of the map.
    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64, padding: Padding, size: usize) -> usize {
        let name = match conv.layer {
            Layer::Stem => "stem".to_string(),
            Layer::Depthwise(block) => format!("block{block}/depthwise"),
            Layer::Pointwise(_) | Layer::Classifier => format!("block{}/pointwise", conv.block()),
        };
        let (kernel, bias) = conv.folded(epsilon);
        let shape = &conv.kernel.parameter.shape;
        let kernel = self.constant(format!("{name}/weight"), shape, &kernel);
        let bias = self.constant(format!("{name}/bias"), &shape[..1], &bias);
        let (before, after) = match conv.side() {
            1 => (0, 0),
            _ => padding.of_block(conv.block()).amounts(size, conv.stride),
        };
        let groups = match conv.layer {
            Layer::Depthwise(_) => conv.outputs(),
            _ => 1,
        };
        let [b, a, side, stride] = [before, after, conv.side(), conv.stride].map(|v| v as i64);
        let attributes = vec![
            ints("dilations", vec![1, 1]),
            int("group", groups as i64),
            ints("kernel_shape", vec![side, side]),
            ints("pads", vec![b, b, a, a]),
            ints("strides", vec![stride, stride]),
        ];
        let sum = format!("{name}/sum");
        self.push("Conv", &sum, vec![kernel, bias], attributes);
        let limits = vec!["relu6/low".into(), "relu6/high".into()];
        self.push("Clip", &name, limits, Vec::new());
        (size + before + after).saturating_sub(conv.side()) / conv.stride + 1
    }

    /// The layers behind the embedding, and softmax. Returns the outputs.
    fn head(&mut self, net: &Net<'_>, layers: &[DenseLayer]) -> Vec<Value> {
        for (at, layer) in layers.iter().enumerate() {
            let last = at + 1 == layers.len();
            let name = if last {
                "logits".to_string()
            } else {
                format!("hidden{}/sum", at + 1)
            };
            let dims = [layer.outputs(), layer.inputs()];
            let weight = self.constant(format!("{name}/weight"), &dims, layer.weight());
            let bias = self.constant(format!("{name}/bias"), &dims[..1], layer.bias());
            self.push("Gemm", &name, vec![weight, bias], vec![int("transB", 1)]);
            if !last {
                let name = format!("hidden{}", at + 1);
                self.push("Relu", &name, Vec::new(), Vec::new());
            }
        }
        let output = |name| value(name, FLOAT, &[net.outputs()]);
        if layers.is_empty() && net.classifier.is_none() {
            return vec![output("embedding")];
        }
        let axis = vec![int("axis", -1)];
        self.push("Softmax", "probabilities", Vec::new(), axis);
        // Programs take the first output of a classifier for its answer.
        vec![output("probabilities"), output("logits")]
    }
}

pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    let inputs = [PixelInput::Normalized, PixelInput::Float, PixelInput::Byte];
    net.only("an ONNX model", &inputs)?;
    let mut graph = Writer::default();
    let (input, output) = match net.integers {
        None => {
            let input = graph.floats(net);
            (input, graph.head(net, &net.layers()))
        }
        Some(integers) => {
            let input = onnx_quantized_write::write(&mut graph, net, integers)?;
            (input, graph.head(net, net.head))
        }
    };
    let mut metadata = match ModelMetadata::of(net).to_json() {
        Json::Object(fields) => fields,
        _ => Map::new(),
    };
    if let Some(integers) = net.integers {
        let outputs = onnx_quantized_write::outputs(integers);
        metadata.insert(QUANTIZATION.into(), outputs);
    }
    let entry = |(key, value): (String, Json)| Entry {
        key,
        value: value.to_string(),
    };
    let (program, version) = net.producer;
    let model = Model {
        ir_version: 8,
        producer_name: program.into(),
        producer_version: version.into(),
        opset: vec![Opset {
            domain: String::new(),
            version: 17,
        }],
        metadata: metadata.into_iter().map(entry).collect(),
        graph: Some(Graph {
            node: graph.node,
            name: "mobilenet_v1".into(),
            initializer: graph.initializer,
            input: vec![input],
            output,
        }),
    };
    let mut files = vec![ExportedFile::new("model.onnx", model.encode_to_vec())];
    if !net.classes.is_empty() {
        files.push(ExportedFile::new("labels.txt", net.labels()?));
    }
    Ok(files)
}
