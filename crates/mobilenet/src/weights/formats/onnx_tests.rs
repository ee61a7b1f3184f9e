//! ONNX models as other programs may write them: what is read of them, and what has the same tensors and is refused.

use prost::Message;

use super::contents::Contents;
use super::onnx;
use super::onnx_messages::{Attribute, Extent, Graph, Model, Node, Tensor};
use super::table::WeightsFormat;
use crate::config::{MobileNetConfig, Padding};
use crate::weights::export::Export;
use crate::weights::file::File;
use crate::weights::model_weights::Weights;
use crate::weights::numbers::bytes_of;
use crate::weights::parameters::{Array, Arrays, parameters};
use crate::weights::schemes::OURS;

/// A model as this crate writes it, to be changed.
fn model() -> Model {
    let config = MobileNetConfig::new().with_alpha(0.25).with_classes(5);
    // Maps of even and of odd sides, so that only one rule pads like this.
    let config = config.with_input_size(66);
    let mut arrays = Arrays::new();
    for (seed, p) in parameters(&config).into_iter().enumerate() {
        let count = p.shape.iter().product();
        let data = (0..count).map(|i| (1 + (i + seed) % 7) as f32 / 8.0);
        let data = data.collect();
        let (name, shape) = (p.name(), p.shape);
        arrays.insert(name, Array { shape, data });
    }
    let contents = Contents::import("net", &OURS, config, arrays).unwrap();
    let weights = Weights::new("net".into(), WeightsFormat::Safetensors, contents);
    let files = Export::new(&weights).to_files(WeightsFormat::Onnx).unwrap();
    Model::decode(&files[0].bytes[..]).unwrap()
}

fn read(model: &Model) -> Result<Contents, String> {
    let bytes = model.encode_to_vec();
    onnx::read(File::memory("model", &bytes)).map_err(|error| error.to_string())
}

fn changed(change: impl FnOnce(&mut Graph)) -> Model {
    let mut model = model();
    change(model.graph.as_mut().unwrap());
    model
}

fn node<'a>(graph: &'a mut Graph, output: &str) -> &'a mut Node {
    let mut nodes = graph.node.iter_mut();
    nodes.find(|node| node.output[0] == output).unwrap()
}

fn attribute<'a>(graph: &'a mut Graph, output: &str, name: &str) -> &'a mut Attribute {
    let mut attributes = node(graph, output).attribute.iter_mut();
    attributes.find(|a| a.name == name).unwrap()
}

fn constant<'a>(graph: &'a mut Graph, name: &str) -> &'a mut Tensor {
    let mut tensors = graph.initializer.iter_mut();
    tensors.find(|t| t.name == name).unwrap()
}

const TWELFTH: &str = "block12/depthwise/sum";

#[test]
fn other_arithmetic_with_the_same_tensors_is_refused() {
    let refused = |reason: &str, change: &dyn Fn(&mut Graph)| {
        let error = read(&changed(change)).err().unwrap();
        assert!(error.contains(reason), "{error}");
    };
    read(&model()).unwrap();
    refused("is dilated", &|g| {
        attribute(g, TWELFTH, "dilations").ints = vec![2, 2];
    });
    refused("has stride 1", &|g| {
        attribute(g, TWELFTH, "strides").ints = vec![1, 1];
    });
    refused("has strides [2, 1]", &|g| {
        attribute(g, TWELFTH, "strides").ints = vec![2, 1];
    });
    refused("has 2 groups", &|g| attribute(g, TWELFTH, "group").i = 2);
    refused("is padded", &|g| {
        attribute(g, TWELFTH, "pads").ints = vec![0; 4];
    });
    refused("is padded", &|g| {
        attribute(g, TWELFTH, "pads").ints = vec![1, 1, 0, 0];
    });
    refused("expected 0 and 6", &|g| {
        constant(g, "relu6/high").raw_data = bytes_of(&[5.0]);
    });
    refused("is operation Relu", &|g| {
        node(g, "block12/depthwise").op_type = "Relu".into();
    });
    refused("is an operation of com.microsoft", &|g| {
        node(g, TWELFTH).domain = "com.microsoft".into();
    });
    refused("not part of a normalization", &|g| {
        let scale = node(g, "block12/depthwise");
        scale.op_type = "Div".into();
        scale.input.truncate(2);
    });
    refused("does more than a dense layer", &|g| {
        let half = Attribute {
            name: "alpha".into(),
            f: 0.5,
            kind: 1,
            ..Attribute::default()
        };
        node(g, "logits").attribute.push(half);
    });
    refused("in another file", &|g| {
        constant(g, "block12/depthwise/weight").data_location = 1;
    });
    refused("values for", &|g| {
        constant(g, "block12/depthwise/weight").dims[0] += 1;
    });
    refused("does not fit into memory", &|g| {
        constant(g, "block12/depthwise/weight").dims = vec![i64::MAX; 4];
    });
    refused("two constants", &|g| {
        let copy = constant(g, "stem/weight").clone();
        g.initializer.push(copy);
    });
    refused("several; expected one", &|g| {
        let copy = g.input[0].clone();
        g.input.push(copy);
    });
    // A second convolution finds that the first one has taken the constants.
    refused("is not a constant", &|g| {
        let copy = node(g, TWELFTH).clone();
        g.node.push(copy);
    });
    refused("cannot be reached", &|g| {
        node(g, "block12/depthwise").input[0] = "nothing".into();
    });
    refused("5000 nodes", &|g| g.node.resize(5000, Node::default()));
}

/// Older opsets have limits as attributes; PyTorch writes constants as nodes, float lists and flattened shapes.
#[test]
fn what_other_exporters_write_is_read() {
    let same = |what: &str, change: &dyn Fn(&mut Graph)| {
        let expected = read(&model()).unwrap();
        let found = read(&changed(change)).unwrap();
        assert_eq!(found.config, expected.config, "{what}");
        assert_eq!(found.arrays, expected.arrays, "{what}");
    };
    same("limits as attributes", &|g| {
        for clip in g.node.iter_mut().filter(|node| node.op_type == "Clip") {
            clip.input.truncate(1);
            let limit = |name: &str, f| Attribute {
                name: name.into(),
                f,
                kind: 1,
                ..Attribute::default()
            };
            clip.attribute = vec![limit("min", 0.0), limit("max", 6.0)];
        }
    });
    same("constants as nodes", &|g| {
        for tensor in std::mem::take(&mut g.initializer) {
            let output = vec![tensor.name.clone()];
            let value = Attribute {
                name: "value".into(),
                t: Some(tensor),
                kind: 4,
                ..Attribute::default()
            };
            let node = Node {
                op_type: "Constant".into(),
                output,
                attribute: vec![value],
                ..Node::default()
            };
            g.node.insert(0, node);
        }
    });
    same("a product and a sum", &|g| {
        let classifier = node(g, "logits");
        classifier.op_type = "MatMul".into();
        classifier.attribute.clear();
        classifier.output = vec!["product".into()];
        let bias = classifier.input.pop().unwrap();
        let sum = Node {
            op_type: "Add".into(),
            input: vec![bias, "product".into()],
            output: vec!["logits".into()],
            ..Node::default()
        };
        g.node.push(sum);
        let weight = constant(g, "logits/weight");
        let values = crate::weights::numbers::floats(&weight.raw_data);
        weight.raw_data.clear();
        weight.float_data = crate::weights::parameters::transpose(&values, 5, 256);
        weight.dims.reverse();
    });
    same("padding by name", &|g| {
        for conv in g.node.iter_mut().filter(|node| node.op_type == "Conv") {
            let pads = conv.attribute.iter_mut().find(|a| a.name == "pads");
            let pads = pads.unwrap();
            *pads = Attribute {
                name: "auto_pad".into(),
                s: b"SAME_UPPER".to_vec(),
                kind: 3,
                ..Attribute::default()
            };
        }
    });
    assert_eq!(read(&model()).unwrap().config.padding, Padding::Same);
    let any = changed(|g| {
        let kind = g.input[0].kind.as_mut().unwrap();
        let shape = kind.tensor.as_mut().unwrap().shape.as_mut().unwrap();
        shape.dim[2].extent = Some(Extent::Any("height".into()));
    });
    // No rule pads like this at the usual size.
    let error = read(&any).err().unwrap();
    assert!(error.contains("different rules"), "{error}");
}
