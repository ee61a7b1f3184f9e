//! Quantized ONNX models: our own come back the same, and what is wrong with a file is said.

use prost::Message;

use super::onnx_messages::{FLOAT, Graph, Model, Node, Tensor};
use super::onnx_quantized;
use super::table::WeightsFormat;
use crate::config::MobileNetConfig;
use crate::error::Error;
use crate::layer::Layer;
use crate::quantized::QuantizedNet;
use crate::weights::dense::DenseLayer;
use crate::weights::export::Export;
use crate::weights::file::File;
use crate::weights::model_weights::Weights;
use crate::weights::net::PixelInput;
use crate::weights::numbers::bytes_of;

fn net() -> QuantizedNet {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(5)
        .with_input_size(66);
    QuantizedNet::random(&config, 1).unwrap()
}

fn export(net: &QuantizedNet, input: PixelInput, head: Option<(Layer, DenseLayer)>) -> Vec<u8> {
    let weights = net.dequantize().unwrap();
    let mut export = Export::new(&weights).with_integers(net).with_input(input);
    if let Some((layer, head)) = head {
        export = export.with_head(layer, vec![head]);
    }
    let files = export.to_files(WeightsFormat::Onnx).unwrap();
    files.into_iter().next().unwrap().bytes
}

fn read(bytes: &[u8]) -> Result<(QuantizedNet, Vec<DenseLayer>), String> {
    onnx_quantized::read(&File::memory("model", bytes)).map_err(|error| error.to_string())
}

/// What differs beside the layers, and the first layer that differs.
fn difference(found: &QuantizedNet, expected: &QuantizedNet) -> String {
    let about = |net: &QuantizedNet| {
        let without = QuantizedNet {
            layers: Vec::new(),
            ..net.clone()
        };
        format!("{without:?}")
    };
    let mut layers = found.layers.iter().zip(&expected.layers);
    let layer = layers.position(|(found, expected)| found != expected);
    format!("{}\n{}\nlayer {layer:?}", about(found), about(expected))
}

#[test]
fn a_written_net_comes_back_the_same() {
    let net = net();
    for input in [PixelInput::Byte, PixelInput::Normalized] {
        let (found, head) = read(&export(&net, input, None)).unwrap();
        assert_eq!(head, []);
        assert!(found == net, "{input:?}: {}", difference(&found, &net));
    }
    // What a file of unsigned bytes has, whose activations saturate elsewhere.
    let mut other = net.clone();
    other.wide_outputs = false;
    for layer in &mut other.layers {
        layer.weight_zero_points.fill(-7);
        // 247 levels up to 6.
        (layer.output.scale, layer.output.zero_point) = (6.0 / 247.0, 3);
        layer.clamp = (3, 250);
    }
    other.layers.last_mut().unwrap().clamp = (0, 255);
    let (found, _) = read(&export(&other, PixelInput::Byte, None)).unwrap();
    assert!(found == other, "{}", difference(&found, &other));
}

#[test]
fn a_head_of_floats_stays_behind_the_net() {
    let net = net();
    for (layer, inputs) in [(Layer::Embedding, 256), (Layer::Logits, 5)] {
        let weight = (0..2 * inputs).map(|i| i as f32 / 100.0).collect();
        let head = DenseLayer::new(inputs, weight, vec![0.5, -0.5]).unwrap();
        let bytes = export(&net, PixelInput::Normalized, Some((layer, head.clone())));
        let (found, layers) = read(&bytes).unwrap();
        assert_eq!(layers, [head]);
        let kept = if layer == Layer::Logits { 28 } else { 27 };
        assert!(found.layers[..kept] == net.layers[..kept]);
    }
}

#[test]
fn floats_and_integers_are_not_taken_for_each_other() {
    let net = net();
    let bytes = export(&net, PixelInput::Byte, None);
    let error = Weights::from_bytes("model", &bytes).unwrap_err();
    assert!(matches!(error, Error::Quantized { .. }), "{error}");
    let weights = net.dequantize().unwrap();
    let files = Export::new(&weights).to_files(WeightsFormat::Onnx).unwrap();
    let error = read(&files[0].bytes).unwrap_err();
    assert!(error.contains("floats"), "{error}");
    let other = Export::new(&weights).with_integers(&net);
    let error = other.to_files(WeightsFormat::TfjsLayers).unwrap_err();
    assert!(error.to_string().contains("onnx"), "{error}");
    let pixels = Export::new(&weights).with_integers(&net);
    let error = pixels
        .with_input(PixelInput::Float)
        .to_files(WeightsFormat::Onnx);
    assert!(error.is_err());
}

fn node<'a>(graph: &'a mut Graph, output: &str) -> &'a mut Node {
    let mut nodes = graph.node.iter_mut();
    nodes.find(|node| node.output[0] == output).unwrap()
}

fn constant<'a>(graph: &'a mut Graph, name: &str) -> &'a mut Tensor {
    let mut tensors = graph.initializer.iter_mut();
    tensors.find(|tensor| tensor.name == name).unwrap()
}

#[test]
fn each_thing_that_is_wrong_has_its_error() {
    let model = Model::decode(&export(&net(), PixelInput::Byte, None)[..]).unwrap();
    let refused = |reason: &str, change: &dyn Fn(&mut Graph)| {
        let mut model = model.clone();
        change(model.graph.as_mut().unwrap());
        let error = read(&model.encode_to_vec()).err().unwrap();
        assert!(error.contains(reason), "{reason}: {error}");
    };
    for scale in [0.0, f32::NAN, 1e30, -1.0] {
        refused("a scale of", &|graph| {
            constant(graph, "stem/scale").raw_data = bytes_of(&[scale]);
        });
        refused("a scale of", &|graph| {
            let scales = &mut constant(graph, "block3/pointwise/weight/scales").raw_data;
            scales[..4].copy_from_slice(&scale.to_le_bytes());
        });
    }
    refused("expected bytes", &|graph| {
        let zero_point = constant(graph, "stem/zero_point");
        (zero_point.data_type, zero_point.raw_data) = (6, vec![0; 4]);
    });
    refused("2 scales of levels", &|graph| {
        let scale = constant(graph, "stem/scale");
        (scale.dims, scale.raw_data) = (vec![2], bytes_of(&[0.1, 0.1]));
    });
    refused("3 values for 8", &|graph| {
        constant(graph, "stem/weight/scales").raw_data.truncate(12);
    });
    refused("zero points for", &|graph| {
        let scales = constant(graph, "stem/weight/scales");
        (scales.dims, scales.raw_data) = (vec![3], bytes_of(&[0.1; 3]));
    });
    refused("along axis 1", &|graph| {
        node(graph, "stem/weight").attribute[0].i = 1;
    });
    refused("biases of another scale", &|graph| {
        let scales = constant(graph, "stem/bias/scales");
        scales.raw_data[..4].copy_from_slice(&1f32.to_le_bytes());
    });
    refused("no dequantized constant", &|graph| {
        node(graph, "stem/sum").input[1] = "stem/scale".into();
    });
    refused("numbers of type 11", &|graph| {
        constant(graph, "stem/scale").data_type = 11;
    });
    refused("branches", &|graph| {
        let mut second = node(graph, "block2/depthwise/sum").clone();
        second.output = vec!["second".into()];
        graph.node.push(second);
    });
    refused("stride 1", &|graph| {
        let node = node(graph, "block2/depthwise/sum");
        let mut attributes = node.attribute.iter_mut();
        attributes.find(|a| a.name == "strides").unwrap().ints = vec![1, 1];
    });
    refused("operation Elu", &|graph| {
        node(graph, "pool").op_type = "Elu".into();
    });
    refused("was written", &|graph| {
        node(graph, "stem/dequantized").input[1] = "input/scale".into();
    });
    refused("in another file", &|graph| {
        constant(graph, "stem/scale").data_location = 1;
    });
    refused("no input", &|graph| graph.input.clear());
    refused("where none were written", &|graph| {
        let next = node(graph, "block1/depthwise/sum");
        next.input[0] = "stem/sum".into();
        let skipped = ["stem/levels", "stem/dequantized"];
        graph
            .node
            .retain(|node| !skipped.contains(&&node.output[0][..]));
    });
    let floats = |graph: &mut Graph| constant(graph, "stem/weight/integers").data_type = FLOAT;
    refused("values for", &floats);
}

#[test]
fn damage_ends_in_an_error_or_in_a_net() {
    let bytes = export(&net(), PixelInput::Normalized, None);
    // Every length is tried by `tests/suite/damage.rs` for other formats; decoding is the same.
    for length in (0..bytes.len()).step_by(4999) {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    let mut state = 1u64;
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..3 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let at = (state >> 20) as usize % damaged.len();
            damaged[at] = (state >> 12) as u8;
        }
        if let Ok((net, _)) = read(&damaged) {
            net.check().unwrap();
        }
    }
}
