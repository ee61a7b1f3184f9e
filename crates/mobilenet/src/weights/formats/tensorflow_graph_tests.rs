//! Graphs with whole nets, made here: what is read of them, and what has the same tensors and is refused.

use super::contents::Contents;
use super::tensorflow_graph::{self, Constants, Node};
use crate::config::{BLOCKS, MobileNetConfig, STEM};
use crate::error::Result;
use crate::weights::file::File;
use crate::weights::parameters::{Array, Layer, Part, parameters};
use crate::weights::schemes::TF_SLIM;

/// Stands before a graph's variables, as TensorFlow.js' converter leaves it.
const PREFIX: &str = "module/";

struct Graph {
    nodes: Vec<Node>,
    constants: Constants,
    /// What the next operation reads.
    last: String,
}

impl Graph {
    fn new() -> Self {
        Self {
            nodes: vec![Node {
                name: "input".into(),
                op: "Placeholder".into(),
                ..Node::default()
            }],
            constants: Constants::default(),
            last: "input".into(),
        }
    }

    /// Batch norms folded in, no classifier.
    fn folded() -> Self {
        let mut graph = Self::new();
        let mut channels = 8;
        graph.convolution("stem", false, [3, 3, 3, channels], STEM.1);
        for (block, (width, stride)) in BLOCKS.into_iter().enumerate() {
            graph.convolution(&format!("dw{block}"), true, [3, 3, channels, 1], stride);
            let output = width / 4;
            let name = format!("pw{block}");
            graph.convolution(&name, false, [1, 1, channels, output], 1);
            channels = output;
        }
        graph.op("pool", "Mean");
        graph
    }

    /// TF-Slim's names; batch norms apart.
    fn slim() -> Self {
        let mut graph = Self::new();
        for p in parameters(&MobileNetConfig::new().with_alpha(0.25).with_classes(5)) {
            let name = format!("{PREFIX}{}", (TF_SLIM.name)(&p));
            graph.constant(&name, &TF_SLIM.shape(&p));
            if p.part == Part::Kernel {
                let stride = match p.layer {
                    Layer::Stem => STEM.1,
                    Layer::Depthwise(block) => BLOCKS[block - 1].1,
                    _ => 1,
                };
                let depthwise = matches!(p.layer, Layer::Depthwise(_));
                graph.push(Node {
                    inputs: vec![graph.last.clone(), name.clone()],
                    ..convolution(&format!("{name}/use"), depthwise, stride)
                });
                graph.op(&format!("{name}/norm"), "Add");
                graph.op(&format!("{name}/after"), "Relu6");
            }
        }
        graph.nodes.push(Node {
            name: "norm".into(),
            op: "FusedBatchNorm".into(),
            epsilon: Some(1e-3),
            ..Node::default()
        });
        graph
    }

    fn constant(&mut self, name: &str, shape: &[usize]) -> String {
        let data = vec![0.0; shape.iter().product()];
        let shape = shape.to_vec();
        self.constants
            .floats
            .insert(name.into(), Array { shape, data });
        self.nodes.push(Node {
            name: name.into(),
            op: "Const".into(),
            ..Node::default()
        });
        name.into()
    }

    fn push(&mut self, node: Node) {
        self.last.clone_from(&node.name);
        self.nodes.push(node);
    }

    fn op(&mut self, name: &str, op: &str) {
        self.push(Node {
            name: name.into(),
            op: op.into(),
            inputs: vec![self.last.clone()],
            ..Node::default()
        });
    }

    fn convolution(&mut self, name: &str, depthwise: bool, kernel: [usize; 4], stride: usize) {
        let outputs = kernel[if depthwise { 2 } else { 3 }];
        let weights = self.constant(&format!("{name}/weights"), &kernel);
        let bias = self.constant(&format!("{name}/bias"), &[outputs]);
        self.push(Node {
            inputs: vec![self.last.clone(), weights, bias],
            fused: vec!["BiasAdd".into(), "Relu6".into()],
            ..convolution(name, depthwise, stride)
        });
    }

    fn product(&mut self, name: &str, inputs: usize, outputs: usize) {
        let weights = self.constant(&format!("{name}/weights"), &[inputs, outputs]);
        let bias = self.constant(&format!("{name}/bias"), &[outputs]);
        let product = format!("{name}/MatMul");
        self.nodes.push(Node {
            name: product.clone(),
            op: "MatMul".into(),
            inputs: vec![self.last.clone(), weights],
            ..Node::default()
        });
        self.push(Node {
            name: format!("{name}/add"),
            op: "Add".into(),
            inputs: vec![product, bias],
            ..Node::default()
        });
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.iter_mut().find(|n| n.name == name).unwrap()
    }

    fn import(self) -> Result<Contents> {
        tensorflow_graph::import(&File::memory("graph", b""), self.nodes, self.constants)
    }

    fn refused(self, reason: &str) {
        let error = self.import().err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

fn convolution(name: &str, depthwise: bool, stride: usize) -> Node {
    let stride = stride as i64;
    Node {
        name: name.into(),
        op: if depthwise {
            "DepthwiseConv2dNative".into()
        } else {
            "Conv2D".into()
        },
        strides: vec![1, stride, stride, 1],
        padding: "SAME".into(),
        dilations: vec![1; 4],
        data_format: "NHWC".into(),
        ..Node::default()
    }
}

#[test]
fn the_retrained_layer_is_the_one_called_so_or_else_the_last() {
    // The net's own classifier, a product too, is no head: it stays the net's.
    let mut graph = Graph::folded();
    graph.product("logits", 256, 7);
    let alone = graph.import().unwrap();
    assert_eq!((alone.config.classes, alone.head), (7, None));
    for name in ["final_training_ops/Wx_plus_b", "somebody's"] {
        let mut graph = Graph::folded();
        graph.product("logits", 256, 7);
        graph.product(name, 7, 3);
        let weights = graph.import().unwrap();
        let head = weights.head.unwrap();
        let found = (weights.config.classes, head.inputs(), head.outputs());
        assert_eq!(found, (7, 7, 3), "{name}");
    }
    // A named one is taken wherever it stands in the file.
    let mut graph = Graph::folded();
    graph.product("final_training_ops/Wx_plus_b", 7, 3);
    let head = graph.nodes.len() - 4;
    let mut own = Graph::folded();
    own.product("logits", 256, 7);
    graph.last = own.last.clone();
    graph.node("final_training_ops/Wx_plus_b/MatMul").inputs[0] = own.last;
    let tail = own.nodes.split_off(head);
    graph.nodes.extend(tail);
    graph.constants.floats.extend(own.constants.floats);
    let weights = graph.import().unwrap();
    let head = weights.head.map(|head| head.outputs());
    assert_eq!((weights.config.classes, head), (7, Some(3)));
}

#[test]
fn what_lies_behind_an_unknown_operation_is_not_left_out() {
    let mut graph = Graph::folded();
    graph.op("odd", "LeakyRelu");
    graph.product("logits", 256, 7);
    graph.refused("`logits/MatMul` cannot be reached");
    let mut graph = Graph::folded();
    graph.node("dw12").inputs[0] = "odd".into();
    graph.refused("`dw12` cannot be reached");
    // At the very end there is nothing to lose.
    let mut graph = Graph::folded();
    graph.product("logits", 256, 7);
    graph.op("odd", "ArgMax");
    assert_eq!(graph.import().unwrap().config.classes, 7);
}

#[test]
fn other_arithmetic_with_the_same_tensors_is_refused() {
    assert_eq!(Graph::slim().import().unwrap().config.classes, 5);
    let twelfth = format!("{PREFIX}MobilenetV1/Conv2d_12_depthwise/depthwise_weights/use");
    // Output stride 16: the last halving is left out, and what follows is dilated.
    let mut graph = Graph::slim();
    graph.node(&twelfth).strides = vec![1; 4];
    graph.refused("has stride 1, MobileNetV1's Depthwise(12) has 2");
    let mut graph = Graph::slim();
    graph.node(&twelfth).padding = "VALID".into();
    graph.refused("expected SAME");
    let mut graph = Graph::slim();
    graph.node(&twelfth.replace("/use", "/after")).op = "Relu".into();
    graph.refused("no ReLU6 follows");
    let mut graph = Graph::slim();
    graph.node(&twelfth).op = "NoOp".into();
    graph.refused("no convolution has the kernel");
    for make in [Graph::slim, Graph::folded] {
        let name = if make().constants.floats.contains_key("dw12/weights") {
            "dw12"
        } else {
            &twelfth
        };
        let mut graph = make();
        graph.node(name).dilations = vec![1, 2, 2, 1];
        graph.refused("is dilated");
        let mut graph = make();
        graph.node(name).data_format = "NCHW".into();
        graph.refused("only NHWC");
    }
}

#[test]
fn graphs_of_a_million_nodes_are_not_walked() {
    let mut graph = Graph::folded();
    graph.nodes.resize_with(65_537, Node::default);
    graph.refused("65537 nodes");
}

#[test]
fn a_negative_variance_is_refused() {
    let mut graph = Graph::slim();
    let name = format!("{PREFIX}MobilenetV1/Conv2d_3_pointwise/BatchNorm/moving_variance");
    graph.constants.floats.get_mut(&name).unwrap().data[1] = -1e-9;
    graph.refused("a variance is not negative");
}
