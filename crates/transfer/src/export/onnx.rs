//! ONNX, opset 17.

use mobilenet::Padding;
use prost::{Message, Oneof};

use super::net::{Conv, Net, Place};
use super::{Files, PixelInput};
use crate::Result;
use crate::tensor_file::bytes_of;

// The part of onnx.proto3 that is written here.

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(string, tag = "3")]
    producer_version: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset: Vec<Opset>,
    #[prost(message, repeated, tag = "14")]
    metadata: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Opset {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<Value>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    element: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(oneof = "Extent", tags = "1, 2")]
    extent: Option<Extent>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Extent {
    #[prost(int64, tag = "1")]
    Fixed(i64),
    #[prost(string, tag = "2")]
    Any(String),
}

const FLOAT: i32 = 1;
const UINT8: i32 = 2;

fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.into(),
        i,
        ints: Vec::new(),
        kind: 2,
    }
}

fn ints(name: &str, ints: Vec<i64>) -> Attribute {
    Attribute {
        name: name.into(),
        i: 0,
        ints,
        kind: 7,
    }
}

/// `[n, ...]` of any n.
fn value(name: &str, element: i32, shape: &[usize]) -> Value {
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

/// A graph in the making: a chain, each operation taking what the one before gave.
#[derive(Default)]
struct Chain {
    node: Vec<Node>,
    initializer: Vec<Tensor>,
    last: String,
}

impl Chain {
    fn constant(&mut self, name: String, dims: &[usize], data: &[f32]) -> String {
        self.initializer.push(Tensor {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: FLOAT,
            name: name.clone(),
            raw_data: bytes_of(data),
        });
        name
    }

    fn push(&mut self, op: &str, output: &str, more: Vec<String>, attribute: Vec<Attribute>) {
        let input = std::iter::once(std::mem::replace(&mut self.last, output.into()));
        self.node.push(Node {
            input: input.chain(more).collect(),
            output: vec![output.into()],
            name: format!("{output}/{op}"),
            op_type: op.into(),
            attribute,
        });
    }

    /// Convolution with its batch normalisation, ReLU6. Gives the size of the map.
    fn conv(&mut self, conv: &Conv<'_>, epsilon: f64, padding: Padding, size: usize) -> usize {
        let name = match conv.place {
            Place::Stem => "stem".to_string(),
            Place::Depthwise(block) => format!("block{block}/depthwise"),
            Place::Pointwise(block) => format!("block{block}/pointwise"),
        };
        let (kernel, bias) = conv.folded(epsilon);
        let dims = [conv.outputs, conv.inputs, conv.side, conv.side];
        let kernel = self.constant(format!("{name}/weight"), &dims, &kernel);
        let bias = self.constant(format!("{name}/bias"), &[conv.outputs], &bias);
        let (before, after) = match conv.side {
            1 => (0, 0),
            _ => padding
                .of_block(conv.place.block())
                .amounts(size, conv.stride),
        };
        let groups = match conv.place {
            Place::Depthwise(_) => conv.outputs,
            _ => 1,
        };
        let [b, a, side, stride] = [before, after, conv.side, conv.stride].map(|v| v as i64);
        let attributes = vec![
            ints("dilations", vec![1, 1]),
            int("group", groups as i64),
            ints("kernel_shape", vec![side, side]),
            ints("pads", vec![b, b, a, a]),
            ints("strides", vec![stride, stride]),
        ];
        self.push(
            "Conv",
            &format!("{name}/sum"),
            vec![kernel, bias],
            attributes,
        );
        self.push(
            "Clip",
            &name,
            vec!["relu6/low".into(), "relu6/high".into()],
            Vec::new(),
        );
        (size + before + after).saturating_sub(conv.side) / conv.stride + 1
    }
}

#[allow(clippy::unnecessary_wraps)] // One signature for every format.
pub(super) fn files(net: &Net<'_>, input: PixelInput) -> Result<Files> {
    let config = net.config;
    let side = net.side;
    let mut chain = Chain::default();
    for (name, value) in [("relu6/low", 0.0), ("relu6/high", 6.0)] {
        chain.constant(name.into(), &[], &[value]);
    }
    let (name, element, shape) = match input {
        PixelInput::Normalized => ("input", FLOAT, [3, side, side]),
        PixelInput::Float => ("pixels", FLOAT, [side, side, 3]),
        PixelInput::Byte => ("pixels", UINT8, [side, side, 3]),
    };
    chain.last = name.into();
    if input == PixelInput::Byte {
        chain.push(
            "Cast",
            "pixels/float",
            Vec::new(),
            vec![int("to", FLOAT as i64)],
        );
    }
    if input != PixelInput::Normalized {
        let mean = chain.constant("pixels/mean".into(), &[], &[config.mean as f32]);
        let std = chain.constant("pixels/std".into(), &[], &[config.std as f32]);
        chain.push("Sub", "pixels/centred", vec![mean], Vec::new());
        chain.push("Div", "pixels/normalised", vec![std], Vec::new());
        chain.push(
            "Transpose",
            "input",
            Vec::new(),
            vec![ints("perm", vec![0, 3, 1, 2])],
        );
    }
    let mut size = side;
    for conv in &net.convs {
        size = chain.conv(conv, config.epsilon, config.padding, size);
    }
    chain.push("GlobalAveragePool", "pool", Vec::new(), Vec::new());
    chain.push("Flatten", "embedding", Vec::new(), vec![int("axis", 1)]);
    let layers = net.layers();
    for (at, layer) in layers.iter().enumerate() {
        let last = at + 1 == layers.len();
        let name = if last {
            "logits".to_string()
        } else {
            format!("hidden{}/sum", at + 1)
        };
        let dims = [layer.outputs, layer.inputs];
        let weight = chain.constant(format!("{name}/weight"), &dims, &layer.weights);
        let bias = chain.constant(format!("{name}/bias"), &dims[..1], &layer.bias);
        chain.push("Gemm", &name, vec![weight, bias], vec![int("transB", 1)]);
        if !last {
            chain.push("Relu", &format!("hidden{}", at + 1), Vec::new(), Vec::new());
        }
    }
    chain.push(
        "Softmax",
        "probabilities",
        Vec::new(),
        vec![int("axis", -1)],
    );

    let metadata = [
        ("classes", serde_json::json!(net.classes()).to_string()),
        ("preprocessing", net.preprocessing().to_string()),
    ];
    let model = Model {
        ir_version: 8,
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        opset: vec![Opset {
            domain: String::new(),
            version: 17,
        }],
        metadata: metadata
            .map(|(key, value)| Entry {
                key: key.into(),
                value,
            })
            .into(),
        graph: Some(Graph {
            node: chain.node,
            name: "mobilenet_v1".into(),
            initializer: chain.initializer,
            input: vec![value(name, element, &shape)],
            output: vec![
                value("logits", FLOAT, &[net.classes().len()]),
                value("probabilities", FLOAT, &[net.classes().len()]),
            ],
        }),
    };
    Ok(Files::One(model.encode_to_vec()))
}
