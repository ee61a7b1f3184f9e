//! A TensorFlow frozen graph with TF-Slim's names and the layer that `retrain.py` adds, and its labels file:
//! `label_image.py --graph retrained_graph.pb --labels retrained_labels.txt --input_layer input
//! --output_layer final_result --input_height 224 --input_width 224`.

use std::collections::BTreeMap;

use mobilenet::Padding;
use prost::{Message, Oneof};

use super::net::{Conv, Net, Place, transpose};
use super::{Files, PixelInput, labels, only};
use crate::tensor_file::bytes_of;
use crate::{Error, Result};

// The part of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape,versions}.proto that is written.

#[derive(Clone, PartialEq, Message)]
struct GraphDef {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeDef>,
    #[prost(message, optional, tag = "4")]
    versions: Option<Versions>,
}

#[derive(Clone, PartialEq, Message)]
struct Versions {
    #[prost(int32, tag = "1")]
    producer: i32,
}

#[derive(Clone, PartialEq, Message)]
struct NodeDef {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    op: String,
    #[prost(string, repeated, tag = "3")]
    input: Vec<String>,
    #[prost(btree_map = "string, message", tag = "5")]
    attr: BTreeMap<String, Attr>,
}

#[derive(Clone, PartialEq, Message)]
struct Attr {
    #[prost(oneof = "Kind", tags = "1, 2, 5, 6, 7, 8")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    List(List),
    #[prost(bytes, tag = "2")]
    Text(Vec<u8>),
    #[prost(bool, tag = "5")]
    Flag(bool),
    /// A type: 1 float32, 3 int32.
    #[prost(int32, tag = "6")]
    Type(i32),
    #[prost(message, tag = "7")]
    Shape(Shape),
    #[prost(message, tag = "8")]
    Tensor(Tensor),
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(int64, repeated, tag = "3")]
    i: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", tag = "4")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

const FLOAT: i32 = 1;
const INT32: i32 = 3;

fn shape(dims: &[i64]) -> Shape {
    Shape {
        dim: dims.iter().map(|&size| Dim { size }).collect(),
    }
}

fn list(i: &[i64]) -> Kind {
    Kind::List(List { i: i.to_vec() })
}

#[derive(Default)]
struct Graph {
    node: Vec<NodeDef>,
}

impl Graph {
    /// An operation on float32; gives its name.
    fn op(&mut self, op: &str, name: &str, input: &[&str], attr: Vec<(&str, Kind)>) -> String {
        let float = ("T", Kind::Type(FLOAT));
        let attr = attr
            .into_iter()
            .chain((!attr_has_type(op)).then_some(float));
        self.node.push(NodeDef {
            name: name.into(),
            op: op.into(),
            input: input.iter().map(|&i| i.into()).collect(),
            attr: attr
                .map(|(name, kind)| (name.into(), Attr { kind: Some(kind) }))
                .collect(),
        });
        name.into()
    }

    fn constant(&mut self, name: &str, dtype: i32, dims: &[usize], content: Vec<u8>) -> String {
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let tensor = Tensor {
            dtype,
            shape: Some(shape(&dims)),
            content,
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

    /// Convolution, batch normalisation as TF-Slim writes it out, ReLU6.
    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64, input: &str) -> String {
        let (layer, op, weights, convolution) = match conv.place {
            Place::Stem => ("Conv2d_0".into(), "Conv2D", "weights", "convolution"),
            Place::Pointwise(i) => (
                format!("Conv2d_{i}_pointwise"),
                "Conv2D",
                "weights",
                "convolution",
            ),
            Place::Depthwise(i) => (
                format!("Conv2d_{i}_depthwise"),
                "DepthwiseConv2dNative",
                "depthwise_weights",
                "depthwise",
            ),
        };
        let variables = format!("MobilenetV1/{layer}");
        let scope = format!("MobilenetV1/MobilenetV1/{layer}");
        let (dims, kernel) = conv.tensorflow_kernel();
        let kernel = self.variable(&format!("{variables}/{weights}"), &dims, &kernel);
        let convolved = convolve(
            self,
            op,
            &format!("{scope}/{convolution}"),
            [input, &kernel],
            conv.stride,
        );

        let mut part = |name: &str, data: &[f32]| {
            self.variable(
                &format!("{variables}/BatchNorm/{name}"),
                &[conv.outputs],
                data,
            )
        };
        let gamma = part("gamma", conv.gamma);
        let beta = part("beta", conv.beta);
        let mean = part("moving_mean", conv.mean);
        let variance = part("moving_variance", conv.variance);
        let norm = format!("{scope}/BatchNorm/batchnorm");
        let epsilon = self.scalar(&format!("{norm}/add/y"), epsilon);
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
        let normalised = op("Add", "add_1", &scaled, Some(&offset));
        self.op(
            "Relu6",
            &format!("{scope}/Relu6"),
            &[&normalised],
            Vec::new(),
        )
    }
}

/// Operations whose type goes by another name.
fn attr_has_type(op: &str) -> bool {
    matches!(op, "Const" | "Placeholder" | "PlaceholderWithDefault")
}

fn convolve(graph: &mut Graph, op: &str, name: &str, input: [&str; 2], stride: usize) -> String {
    let stride = stride as i64;
    let attr = vec![
        ("strides", list(&[1, stride, stride, 1])),
        ("padding", Kind::Text(b"SAME".into())),
        ("data_format", Kind::Text(b"NHWC".into())),
    ];
    graph.op(op, name, &input, attr)
}

pub(super) fn files(net: &Net<'_>, input: PixelInput) -> Result<Files> {
    only(
        "frozen-graph",
        &[PixelInput::Normalized, PixelInput::Float],
        input,
    )?;
    let config = net.config;
    let mut size = net.side;
    for conv in net.convs.iter().filter(|c| c.side > 1) {
        let rule = config.padding.of_block(conv.place.block());
        let amounts = rule.amounts(size, conv.stride);
        if amounts != Padding::Same.amounts(size, conv.stride) {
            let found = format!("{:?}; export to ONNX instead", config.padding);
            return Err(Error::mismatch(
                "padding of the backbone for a frozen graph",
                "SAME",
                found,
            ));
        }
        size = size.div_ceil(conv.stride);
    }

    let mut graph = Graph::default();
    let side = net.side as i64;
    let attr = vec![
        ("dtype", Kind::Type(FLOAT)),
        ("shape", Kind::Shape(shape(&[-1, side, side, 3]))),
    ];
    let mut last = graph.op("Placeholder", "input", &[], attr);
    if input == PixelInput::Float {
        let mean = graph.scalar("preprocessing/mean", config.mean);
        let std = graph.scalar("preprocessing/std", config.std);
        last = graph.op("Sub", "preprocessing/centred", &[&last, &mean], Vec::new());
        last = graph.op(
            "RealDiv",
            "preprocessing/normalised",
            &[&last, &std],
            Vec::new(),
        );
    }
    for conv in &net.convs {
        last = graph.conv(conv, config.epsilon, &last);
    }
    let window = size as i64;
    let attr = vec![
        ("ksize", list(&[1, window, window, 1])),
        ("strides", list(&[1, 2, 2, 1])),
        ("padding", Kind::Text(b"VALID".into())),
        ("data_format", Kind::Text(b"NHWC".into())),
    ];
    last = graph.op(
        "AvgPool",
        "MobilenetV1/Logits/AvgPool_1a/AvgPool",
        &[&last],
        attr,
    );
    if let Some((weight, bias)) = net.logits() {
        let scope = "MobilenetV1/Logits/Conv2d_1c_1x1";
        let dims = [1, 1, config.feature_dim(), config.classes];
        let weight = graph.variable(&format!("{scope}/weights"), &dims, weight);
        let bias = graph.variable(&format!("{scope}/biases"), &dims[3..], bias);
        last = convolve(
            &mut graph,
            "Conv2D",
            &format!("{scope}/convolution"),
            [&last, &weight],
            1,
        );
        last = graph.op(
            "BiasAdd",
            &format!("{scope}/BiasAdd"),
            &[&last, &bias],
            Vec::new(),
        );
    }
    let squeezed = "MobilenetV1/Logits/SpatialSqueeze";
    last = graph.op(
        "Squeeze",
        squeezed,
        &[&last],
        vec![("squeeze_dims", list(&[1, 2]))],
    );
    let width = net.classifier.head().dim();
    let wanted = [-1, width as i32]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let wanted = graph.constant("MobilenetV1/Predictions/Reshape/shape", INT32, &[2], wanted);
    let attr = vec![("Tshape", Kind::Type(INT32))];
    last = graph.op(
        "Reshape",
        "MobilenetV1/Predictions/Reshape",
        &[&last, &wanted],
        attr,
    );
    let attr = vec![
        ("dtype", Kind::Type(FLOAT)),
        ("shape", Kind::Shape(shape(&[-1, width as i64]))),
    ];
    last = graph.op(
        "PlaceholderWithDefault",
        "input_1/BottleneckInputPlaceholder",
        &[&last],
        attr,
    );

    let layers = net.head_layers();
    for (at, layer) in layers.iter().enumerate() {
        let is_last = at + 1 == layers.len();
        let scope = if is_last {
            "final_training_ops"
        } else {
            "hidden_training_ops"
        };
        let dims = [layer.inputs, layer.outputs];
        let weights = transpose(&layer.weights, layer.inputs);
        let weights = graph.variable(&format!("{scope}/weights/final_weights"), &dims, &weights);
        let biases = graph.variable(
            &format!("{scope}/biases/final_biases"),
            &dims[1..],
            &layer.bias,
        );
        last = graph.op(
            "MatMul",
            &format!("{scope}/Wx_plus_b/MatMul"),
            &[&last, &weights],
            {
                vec![
                    ("transpose_a", Kind::Flag(false)),
                    ("transpose_b", Kind::Flag(false)),
                ]
            },
        );
        last = graph.op(
            "Add",
            &format!("{scope}/Wx_plus_b/add"),
            &[&last, &biases],
            Vec::new(),
        );
        if !is_last {
            last = graph.op("Relu", &format!("{scope}/Relu"), &[&last], Vec::new());
        }
    }
    graph.op("Softmax", "final_result", &[&last], Vec::new());

    let graph = GraphDef {
        node: graph.node,
        // TensorFlow 1.4, late enough for every operation here and early enough for every reader.
        versions: Some(Versions { producer: 24 }),
    };
    Ok(Files::Folder(vec![
        ("retrained_graph.pb", graph.encode_to_vec()),
        ("retrained_labels.txt", labels(net)?),
    ]))
}
