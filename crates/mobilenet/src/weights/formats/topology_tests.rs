//! A net of one channel, operation by operation.

use super::topology::{Kind, Op, push, read, read_with_head};
use crate::config::{BLOCKS, MobileNetConfig};
use crate::weights::parameters::Array;

fn array(shape: &[usize]) -> Array {
    let data = (0..shape.iter().product())
        .map(|i: usize| i as f32)
        .collect();
    Array {
        shape: shape.to_vec(),
        data,
    }
}

/// The operations of MobileNetV1 with one channel, a classifier of five classes, and what comes after it.
fn ops(after: Vec<Vec<Kind>>) -> Vec<Op> {
    let conv = |depthwise: bool, kernel: &[usize], stride: usize| {
        let kernel = array(kernel);
        let kind = Kind::Convolution {
            depthwise,
            kernel,
            stride,
            same: true,
        };
        vec![kind, Kind::Bias(array(&[1])), Kind::Relu6]
    };
    let mut layers = vec![conv(false, &[3, 3, 3, 1], 2)];
    for (_, stride) in BLOCKS {
        layers.push(conv(true, &[3, 3, 1, 1], stride));
        layers.push(conv(false, &[1, 1, 1, 1], 1));
    }
    layers.push(vec![
        Kind::Other,
        Kind::Dense(array(&[1, 5])),
        Kind::Bias(array(&[5])),
    ]);
    layers.extend(after);
    let mut ops = Vec::new();
    for (at, kinds) in layers.into_iter().enumerate() {
        push(
            &mut ops,
            &format!("layer {at}"),
            at.to_string(),
            (at + 1).to_string(),
            kinds,
        );
    }
    ops
}

fn dense(inputs: usize, outputs: usize) -> Vec<Kind> {
    vec![
        Kind::Dense(array(&[inputs, outputs])),
        Kind::Bias(array(&[outputs])),
    ]
}

/// As the codelab converts `retrained_graph.pb`; before, such a model was refused.
#[test]
fn a_layer_behind_the_classifier_is_the_head() {
    let config = MobileNetConfig::new;
    let (_, arrays, head) = read_with_head(ops(vec![]), "0", config()).unwrap();
    assert!(arrays.contains_key("classifier.weight") && head.is_none());
    let retrained = || ops(vec![dense(5, 2), vec![Kind::Other]]);
    let (_, _, head) = read_with_head(retrained(), "0", config()).unwrap();
    let head = head.unwrap();
    assert_eq!((head.inputs(), head.outputs()), (5, 2));
    // From `[inputs, outputs]` to `[outputs, inputs]`.
    assert_eq!(
        head.weight(),
        [0.0, 2.0, 4.0, 6.0, 8.0, 1.0, 3.0, 5.0, 7.0, 9.0]
    );
    assert_eq!(head.bias(), [0.0, 1.0]);
    for (after, word) in [
        (vec![dense(5, 2), dense(2, 2)], "comes after the classifier"),
        (
            vec![vec![Kind::Dense(array(&[5, 2]))]],
            "not a fully connected layer with a bias",
        ),
    ] {
        let error = read_with_head(ops(after), "0", config()).err().unwrap();
        assert!(error.contains(word), "{error}");
    }
    let error = read(retrained(), "0", config()).err().unwrap();
    assert!(error.contains("2 outputs comes after"), "{error}");
}
