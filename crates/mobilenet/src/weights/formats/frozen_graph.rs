//! TensorFlow frozen graphs: a `GraphDef` whose variables have become constants. Written are graphs with TF-Slim's names
//! and the layer that `retrain.py` adds, and the file of labels:
//! `label_image.py --graph retrained_graph.pb --labels retrained_labels.txt --input_layer input
//! --output_layer final_result --input_height 224 --input_width 224`.

use prost::Message;

use super::contents::Contents;
use super::tensorflow_graph::{self, Constants, MEAN, Node, STD};
use super::tensorflow_messages::{
    AttrValue, FLOAT, GraphDef, INT32, Kind, List, NodeDef, Shape, Tensor, Versions,
};
use crate::config::Padding;
use crate::error::{Error, Result};
use crate::weights::budget::{Budget, shape_of};
use crate::weights::dense::DenseLayer;
use crate::weights::file::File;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::net::{Conv, ExportedFile, Net, PixelInput, Tensor as NetTensor};
use crate::weights::numbers::{bytes_of, floats, integers};
use crate::weights::parameters::{Array, Layer, transpose};
use crate::weights::schemes::TF_SLIM;

const FORMAT: &str = "TensorFlow frozen graph";
/// The attribute of the input that holds classes, preprocessing and thresholds as JSON. TensorFlow checks attributes by the
/// definition of the operation, but leaves out those that begin with `_`.
const METADATA: &str = "_classifier";

pub(super) fn read(mut file: File<'_>) -> Result<Contents> {
    let bytes = std::mem::take(&mut file.bytes);
    let mut budget = Budget::of(&bytes);
    let graph = GraphDef::decode(&bytes[..]).map_err(|e| file.failed(FORMAT, e))?;
    drop(bytes);
    if graph.node.is_empty() {
        return Err(file.wrong(FORMAT, "it has no nodes"));
    }
    let mut constants = Constants::default();
    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut metadata = None;
    for mut node in graph.node {
        if node.op == "Const" {
            let value = node.attr.remove("value").and_then(|value| value.kind);
            let Some(Kind::Tensor(tensor)) = value else {
                return Err(file.wrong(FORMAT, format!("constant `{}` has no value", node.name)));
            };
            insert(&mut constants, &mut budget, &node.name, tensor)
                .map_err(|message| file.wrong_tensor(&node.name, message))?;
        }
        if let Some(about) = node.attr.remove(METADATA) {
            metadata =
                read_metadata(about).map_err(|e| file.failed_part(FORMAT, METADATA, e.into()))?;
        }
        nodes.push(translate(node));
    }
    Ok(tensorflow_graph::import(&file, nodes, constants)?.with_metadata(metadata))
}

fn read_metadata(attribute: AttrValue) -> Result<Option<ModelMetadata>, serde_json::Error> {
    match attribute.kind {
        Some(Kind::Text(json)) => ModelMetadata::read(&serde_json::from_slice(&json)?),
        _ => Ok(None),
    }
}

fn insert(
    constants: &mut Constants,
    budget: &mut Budget,
    name: &str,
    tensor: Tensor,
) -> Result<(), String> {
    let new = match tensor.dtype {
        FLOAT => {
            let array = array(tensor, budget)?;
            match (array.shape.is_empty(), array.data.first()) {
                (true, Some(&value)) => constants.scalars.insert(name.into(), value).is_none(),
                _ => constants.floats.insert(name.into(), array).is_none(),
            }
        }
        INT32 => {
            let mut values = integers(&tensor.content);
            values.extend(tensor.integers.iter().map(|&v| i64::from(v)));
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

fn array(tensor: Tensor, budget: &mut Budget) -> Result<Array, String> {
    let (shape, count) = shape_of(&tensor.shape.unwrap_or_default().sizes())?;
    let data = match (tensor.content.len(), &tensor.floats[..]) {
        // One value stands for all: TensorFlow compresses constant tensors so.
        (0, &[value]) => {
            budget.take(count)?;
            vec![value; count]
        }
        (0, values) if values.len() == count => tensor.floats,
        (n, []) if count * 4 == n => floats(&tensor.content),
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
    let mut take = |key: &str| node.attr.remove(key).and_then(|value| value.kind);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut list = |key: &str| match take(key) {
        Some(Kind::List(list)) => list,
        _ => List::default(),
    };
    let strides = list("strides").i;
    let dilations = list("dilations").i;
    let fused = list("fused_ops").s.into_iter().map(text).collect();
    let mut word = |key: &str| match take(key) {
        Some(Kind::Text(word)) => text(word),
        _ => String::new(),
    };
    let (padding, data_format) = (word("padding"), word("data_format"));
    let shape = match take("shape") {
        Some(Kind::Shape(shape)) => shape.sizes(),
        _ => Vec::new(),
    };
    let epsilon = match take("epsilon") {
        Some(Kind::Float(epsilon)) => Some(epsilon),
        _ => None,
    };
    Node {
        strides,
        dilations,
        fused,
        padding,
        data_format,
        epsilon,
        shape,
        name: node.name,
        op: node.op,
        inputs: node.input,
    }
}

/// A graph in the making.
#[derive(Default)]
struct Graph {
    node: Vec<NodeDef>,
    /// The operation whose output the next one takes.
    last: String,
}

impl Graph {
    /// Adds an operation on f32 and returns its name.
    fn op(&mut self, op: &str, name: &str, input: &[&str], attr: Vec<(&str, Kind)>) -> String {
        // These say their type by another attribute.
        let typed = matches!(op, "Const" | "Placeholder" | "PlaceholderWithDefault");
        let float = (!typed).then_some(("T", Kind::Type(FLOAT)));
        self.node.push(NodeDef {
            name: name.into(),
            op: op.into(),
            input: input.iter().map(|&i| i.into()).collect(),
            attr: attr
                .into_iter()
                .chain(float)
                .map(|(name, kind)| (name.into(), AttrValue { kind: Some(kind) }))
                .collect(),
        });
        name.into()
    }

    /// Adds an operation on what the one before gave, and on constants.
    fn push(&mut self, op: &str, name: &str, constants: &[&str], attr: Vec<(&str, Kind)>) {
        let last = std::mem::take(&mut self.last);
        let input: Vec<&str> = std::iter::once(&last[..])
            .filter(|last| !last.is_empty())
            .chain(constants.iter().copied())
            .collect();
        self.last = self.op(op, name, &input, attr);
    }

    fn constant(&mut self, name: &str, dtype: i32, dims: &[usize], content: Vec<u8>) -> String {
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let tensor = Tensor {
            dtype,
            shape: Some(Shape::of(&dims)),
            content,
            ..Tensor::default()
        };
        let attr = vec![
            ("dtype", Kind::Type(dtype)),
            ("value", Kind::Tensor(tensor)),
        ];
        self.op("Const", name, &[], attr)
    }

    fn scalar(&mut self, name: &str, value: f64) -> String {
        self.constant(name, FLOAT, &[], bytes_of(&[value as f32]))
    }

    /// A constant that was a variable: with the `read` that TensorFlow puts behind one.
    fn variable(&mut self, name: &str, dims: &[usize], data: &[f32]) -> String {
        let constant = self.constant(name, FLOAT, dims, bytes_of(data));
        self.op(
            "Identity",
            &format!("{name}/read"),
            &[&constant],
            Vec::new(),
        )
    }

    /// A parameter under TF-Slim's name, in TensorFlow's layout.
    fn parameter(&mut self, tensor: &NetTensor<'_>) -> String {
        let p = &tensor.parameter;
        let data = TF_SLIM.layout_values(p, tensor.data);
        self.variable(&(TF_SLIM.name)(p), &TF_SLIM.shape(p), &data)
    }

    /// Convolution, batch normalization as TF-Slim writes it out, ReLU6.
    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64) {
        let scope = scope(&conv.kernel);
        let kernel = self.parameter(&conv.kernel);
        let (op, name) = match conv.layer {
            Layer::Depthwise(_) => ("DepthwiseConv2dNative", "depthwise"),
            _ => ("Conv2D", "convolution"),
        };
        self.convolve(op, &format!("{scope}/{name}"), &kernel, conv.stride);
        let [gamma, beta, mean, variance] = conv.norm.each_ref().map(|part| self.parameter(part));
        let norm = format!("{scope}/BatchNorm/batchnorm");
        let epsilon = self.scalar(&format!("{norm}/add/y"), epsilon);
        let convolved = std::mem::take(&mut self.last);
        let mut op = |op: &str, name: &str, a: &str, b: Option<&str>| {
            let input: Vec<&str> = std::iter::once(a).chain(b).collect();
            self.op(op, &format!("{norm}/{name}"), &input, Vec::new())
        };
        let sum = op("Add", "add", &variance, Some(&epsilon));
        let root = op("Rsqrt", "Rsqrt", &sum, None);
        let scale = op("Mul", "mul", &root, Some(&gamma));
        let scaled = op("Mul", "mul_1", &convolved, Some(&scale));
        let moved = op("Mul", "mul_2", &mean, Some(&scale));
        let offset = op("Sub", "sub", &beta, Some(&moved));
        self.last = op("Add", "add_1", &scaled, Some(&offset));
        self.push("Relu6", &format!("{scope}/Relu6"), &[], Vec::new());
    }

    fn convolve(&mut self, op: &str, name: &str, kernel: &str, stride: usize) {
        let stride = stride as i64;
        let attr = vec![
            ("strides", list(&[1, stride, stride, 1])),
            ("padding", Kind::Text(b"SAME".into())),
            ("data_format", Kind::Text(b"NHWC".into())),
        ];
        self.push(op, name, &[kernel], attr);
    }

    /// The placeholder, and the normalization of pixel levels if it is to be in the graph.
    fn input(&mut self, net: &Net<'_>) {
        let side = net.side as i64;
        let metadata = ModelMetadata::of(net).to_json();
        let attr = vec![
            ("dtype", Kind::Type(FLOAT)),
            ("shape", Kind::Shape(Shape::of(&[-1, side, side, 3]))),
            (METADATA, Kind::Text(metadata.to_string().into_bytes())),
        ];
        self.push("Placeholder", "input", &[], attr);
        if net.input == PixelInput::Float {
            let mean = self.scalar(MEAN, net.config.mean);
            let std = self.scalar(STD, net.config.std);
            self.push("Sub", "preprocessing/centered", &[&mean], Vec::new());
            self.push("RealDiv", "preprocessing/normalized", &[&std], Vec::new());
        }
    }

    /// The global average pool over a map of this side, and the net's own classifier if it is a part of the net.
    fn pool(&mut self, net: &Net<'_>, side: usize) {
        let window = side as i64;
        let attr = vec![
            ("ksize", list(&[1, window, window, 1])),
            ("strides", list(&[1, 2, 2, 1])),
            ("padding", Kind::Text(b"VALID".into())),
            ("data_format", Kind::Text(b"NHWC".into())),
        ];
        self.push(
            "AvgPool",
            "MobilenetV1/Logits/AvgPool_1a/AvgPool",
            &[],
            attr,
        );
        let mut width = net.config.feature_dim();
        if let Some([kernel, bias]) = &net.classifier {
            let scope = "MobilenetV1/Logits/Conv2d_1c_1x1";
            let weight = self.parameter(kernel);
            let biases = self.parameter(bias);
            self.convolve("Conv2D", &format!("{scope}/convolution"), &weight, 1);
            self.push(
                "BiasAdd",
                &format!("{scope}/BiasAdd"),
                &[&biases],
                Vec::new(),
            );
            width = bias.data.len();
        }
        let squeezed = "MobilenetV1/Logits/SpatialSqueeze";
        let attr = vec![("squeeze_dims", list(&[1, 2]))];
        self.push("Squeeze", squeezed, &[], attr);
        let wanted = [-1, width as i32];
        let wanted = wanted.iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = "MobilenetV1/Predictions/Reshape/shape";
        let wanted = self.constant(shape, INT32, &[2], wanted);
        let attr = vec![("Tshape", Kind::Type(INT32))];
        self.push(
            "Reshape",
            "MobilenetV1/Predictions/Reshape",
            &[&wanted],
            attr,
        );
    }

    /// The layers that were trained, under the names of `retrain.py`.
    fn head(&mut self, layers: &[DenseLayer]) {
        let Some(first) = layers.first() else { return };
        let attr = vec![
            ("dtype", Kind::Type(FLOAT)),
            (
                "shape",
                Kind::Shape(Shape::of(&[-1, first.inputs() as i64])),
            ),
        ];
        let name = "input_1/BottleneckInputPlaceholder";
        self.push("PlaceholderWithDefault", name, &[], attr);
        for (at, layer) in layers.iter().enumerate() {
            let is_last = at + 1 == layers.len();
            let scope = if is_last {
                tensorflow_graph::RETRAINED
            } else {
                "hidden_training_ops"
            };
            let dims = [layer.inputs(), layer.outputs()];
            let weights = transpose(layer.weight(), layer.outputs(), layer.inputs());
            let name = format!("{scope}/weights/final_weights");
            let weights = self.variable(&name, &dims, &weights);
            let name = format!("{scope}/biases/final_biases");
            let biases = self.variable(&name, &dims[1..], layer.bias());
            let attr = vec![
                ("transpose_a", Kind::Flag(false)),
                ("transpose_b", Kind::Flag(false)),
            ];
            let name = format!("{scope}/Wx_plus_b");
            self.push("MatMul", &format!("{name}/MatMul"), &[&weights], attr);
            self.push("Add", &format!("{name}/add"), &[&biases], Vec::new());
            if !is_last {
                self.push("Relu", &format!("{scope}/Relu"), &[], Vec::new());
            }
        }
    }
}

fn list(i: &[i64]) -> Kind {
    Kind::List(List {
        i: i.to_vec(),
        ..List::default()
    })
}

/// TF-Slim has the operations of a layer under another name than its variables.
fn scope(kernel: &NetTensor<'_>) -> String {
    let name = (TF_SLIM.name)(&kernel.parameter);
    let layer = name.rsplit_once('/').map_or(&name[..], |(layer, _)| layer);
    format!("MobilenetV1/{layer}")
}

/// The side of the last map. A frozen graph has no padding but TensorFlow's.
fn last_side(net: &Net<'_>) -> Result<usize> {
    let mut side = net.side;
    for conv in net.convs.iter().filter(|c| c.side() > 1) {
        let rule = net.config.padding.of_block(conv.block());
        if rule.amounts(side, conv.stride) != Padding::Same.amounts(side, conv.stride) {
            let found = format!("{:?}", net.config.padding);
            let expected = "SAME for a frozen graph; export to ONNX instead";
            return Err(Error::setting("padding of the net", found, expected));
        }
        side = side.div_ceil(conv.stride);
    }
    Ok(side)
}

pub(super) fn write(net: &Net<'_>) -> Result<Vec<ExportedFile>> {
    net.only(
        "a frozen graph",
        &[PixelInput::Normalized, PixelInput::Float],
    )?;
    let side = last_side(net)?;
    let mut graph = Graph::default();
    graph.input(net);
    for conv in &net.convs {
        graph.conv(conv, net.config.epsilon);
    }
    graph.pool(net, side);
    graph.head(net.head);
    if !net.head.is_empty() {
        graph.push("Softmax", "final_result", &[], Vec::new());
    } else if net.classifier.is_some() {
        graph.push(
            "Softmax",
            "MobilenetV1/Predictions/Softmax",
            &[],
            Vec::new(),
        );
    }
    let graph = GraphDef {
        node: graph.node,
        // TensorFlow 1.4, late enough for every operation here and early enough for every reader.
        versions: Some(Versions { producer: 24 }),
    };
    let mut files = vec![ExportedFile::new(
        "retrained_graph.pb",
        graph.encode_to_vec(),
    )];
    if !net.classes.is_empty() {
        files.push(ExportedFile::new("retrained_labels.txt", net.labels()?));
    }
    Ok(files)
}
