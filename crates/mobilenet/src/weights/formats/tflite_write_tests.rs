//! TensorFlow Lite models of integers: our own come back the same. Those in floats are in `tests/suite/round_trips.rs`.

use super::table::WeightsFormat;
use super::tflite_model::Model;
use super::tflite_tables::{Table, u32_at};
use crate::config::{MobileNetConfig, Padding};
use crate::layer::Layer;
use crate::quantized::net::{Pooling, QuantizedNet};
use crate::weights::dense::DenseLayer;
use crate::weights::export::Export;
use crate::weights::net::PixelInput;

fn net(padding: Padding) -> QuantizedNet {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(5)
        .with_padding(padding)
        .with_input_size(66);
    QuantizedNet::random(&config, 1).unwrap()
}

fn head() -> DenseLayer {
    let weight = (0..2 * 256).map(|i| i as f32 / 100.0).collect();
    DenseLayer::new(256, weight, vec![0.5, -0.5]).unwrap()
}

fn export(net: &QuantizedNet, input: PixelInput, head: Option<DenseLayer>) -> Vec<u8> {
    let weights = net.dequantize().unwrap();
    let mut export = Export::new(&weights).with_integers(net).with_input(input);
    if let Some(head) = head {
        export = export
            .with_head(Layer::Embedding, vec![head])
            .with_classes(["boat", "cloud"]);
    }
    let files = export.to_files(WeightsFormat::Tflite).unwrap();
    files.into_iter().next().unwrap().bytes
}

#[test]
fn a_net_of_signed_bytes_comes_back_the_same() {
    for padding in [Padding::Same, Padding::Both] {
        let net = net(padding);
        for input in [
            PixelInput::Byte,
            PixelInput::SignedByte,
            PixelInput::Normalized,
        ] {
            let bytes = export(&net, input, Some(head()));
            let found = QuantizedNet::from_bytes("model", &bytes).unwrap();
            assert!(found.layers == net.layers[..27], "{input:?}");
            assert_eq!(found.input, net.input);
            assert_eq!(found.config.padding, padding);
            assert_eq!(found.config.classes, 0);
            assert!(found.wide_outputs);
        }
    }
}

#[test]
fn a_net_of_unsigned_bytes_comes_back_the_same() {
    let mut net = net(Padding::Same);
    net.wide_outputs = false;
    for layer in &mut net.layers {
        layer.weight_zero_points.fill(-7);
        let scale = layer.weight_scales[0];
        layer.weight_scales.fill(scale);
        (layer.output.scale, layer.output.zero_point) = (6.0 / 247.0, 3);
        layer.clamp = (3, 250);
    }
    net.layers.last_mut().unwrap().clamp = (0, 255);
    for pooling in [Pooling::Mean, Pooling::Average] {
        net.pooling = pooling;
        if pooling == Pooling::Average {
            net.pooled = net.layers[26].output;
        }
        let bytes = export(&net, PixelInput::Byte, None);
        let found = QuantizedNet::from_bytes("model", &bytes).unwrap();
        assert!(found.layers == net.layers, "{pooling:?}");
        assert_eq!((found.pooling, found.pooled), (pooling, net.pooled));
        assert_eq!(found.dense, net.dense);
        assert!(!found.wide_outputs);
    }
}

/// The numbers that other programs take from the metadata stand where its schema has them.
#[test]
fn the_metadata_have_the_normalization_and_the_labels() {
    let net = net(Padding::Same);
    let bytes = export(&net, PixelInput::Byte, Some(head()));
    let model = Model::new(&bytes).unwrap();
    let about = model.metadata("TFLITE_METADATA").unwrap().unwrap();
    assert_eq!(&about[4..8], b"M001");
    let root = Table::new(about, u32_at(about, 0).unwrap()).unwrap();
    let graph = root.tables(3).unwrap()[0];
    let input = graph.tables(2).unwrap()[0];
    let unit = input.tables(4).unwrap()[0];
    assert_eq!(unit.u8(0).unwrap(), 1);
    let normalization = unit.table(1).unwrap().unwrap();
    let mean = net.input.zero_point as f32;
    assert_eq!(normalization.floats(0).unwrap(), [mean]);
    assert_eq!(normalization.floats(1).unwrap(), [127.5]);
    let output = graph.tables(3).unwrap()[0];
    let labels = output.tables(6).unwrap()[0];
    assert_eq!(labels.text(0).unwrap(), "labels.txt");
    assert_eq!(labels.u8(2).unwrap(), 2);
    assert!(bytes.ends_with(&[0; 2]));
}

#[test]
fn a_net_of_integers_takes_no_levels_as_floats() {
    let net = net(Padding::Same);
    let weights = net.dequantize().unwrap();
    let export = Export::new(&weights)
        .with_integers(&net)
        .with_input(PixelInput::Float);
    assert!(export.to_files(WeightsFormat::Tflite).is_err());
}
