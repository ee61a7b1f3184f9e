//! Exports: run by another engine, tract, and read back.

use std::path::Path;

use crate::common::trained::{boats_and_clouds, drawn};
use crate::common::{fixed, levels, numbers};
use burn::tensor::Device;
use dataset::sample::{self, Subject};
use dataset::{ResizeFilter, ResizePolicy};
use mobilenet::{MobileNetConfig, Padding, Weights};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tract_onnx::prelude::*;
use transfer::export::{Export, PixelInput, WeightsFormat};
use transfer::head::{Dense, Head};
use transfer::{Backbone, Classifier, Layer};

/// The largest difference of a probability between tract on the ONNX file at `path` and the classifier; the top class
/// must be the same everywhere.
fn distance(
    path: &Path,
    classifier: &Classifier,
    batches: &[(Vec<u8>, usize)],
    bytes: bool,
) -> f64 {
    let side = classifier.backbone().size() as usize;
    let fact = if bytes {
        u8::fact([1, side, side, 3])
    } else {
        f32::fact([1, 3, side, side])
    };
    let model = tract_onnx::onnx().model_for_path(path).unwrap();
    let model = model.with_input_fact(0, fact.into()).unwrap();
    let model = model.into_optimized().unwrap().into_runnable().unwrap();
    let (mean, std) = {
        let config = classifier.backbone().weights().config();
        (config.mean as f32, config.std as f32)
    };
    let mut worst = 0.0;
    for (pixels, n) in batches {
        let expected = classifier.predict(pixels, *n).unwrap();
        let classes = classifier.classes().len();
        let images = pixels.chunks_exact(side * side * 3);
        for (image, expected) in images.zip(expected.chunks_exact(classes)) {
            let input: Tensor = if bytes {
                tract_ndarray::Array4::from_shape_vec((1, side, side, 3), image.to_vec())
                    .unwrap()
                    .into()
            } else {
                tract_ndarray::Array4::from_shape_fn((1, 3, side, side), |(_, c, y, x)| {
                    (f32::from(image[(y * side + x) * 3 + c]) - mean) / std
                })
                .into()
            };
            let outputs = model.run(tvec!(input.into())).unwrap();
            // The first output is what most programs take.
            let found: Vec<f64> = outputs[0]
                .to_plain_array_view::<f32>()
                .unwrap()
                .iter()
                .map(|&p| f64::from(p))
                .collect();
            assert_eq!(found.len(), classes);
            let top = |p: &[f64]| (0..classes).max_by(|&a, &b| p[a].total_cmp(&p[b]));
            assert_eq!(top(&found), top(expected));
            let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            worst = differences.fold(worst, f64::max);
        }
    }
    worst
}

#[test]
fn tract_gives_the_same_answers() {
    let set = boats_and_clouds().unwrap_or_else(drawn);
    let mut batches = Vec::new();
    let paths: Vec<_> = set.testing.iter().map(|item| item.path.clone()).collect();
    let loader = set.classifier.backbone().loader();
    loader
        .for_each_batch(&paths, |batch| -> Result<(), dataset::Error> {
            assert!(batch.failed.is_empty());
            batches.push((batch.pixels.clone(), batch.indices.len()));
            Ok(())
        })
        .unwrap();
    let images: usize = batches.iter().map(|(_, n)| n).sum();
    assert_eq!(images, set.testing.len());

    let folder = tempfile::tempdir().unwrap();
    for (input, name, bytes) in [
        (PixelInput::Normalized, "normalized.onnx", false),
        (PixelInput::Byte, "bytes.onnx", true),
    ] {
        let path = folder.path().join(name);
        let export = Export::new(&set.classifier).unwrap().with_input(input);
        export.write(WeightsFormat::Onnx, &path).unwrap();
        // All images once; preprocessing inside the graph is shown by one batch of them.
        let batches = if bytes { &batches[..1] } else { &batches[..] };
        let worst = distance(&path, &set.classifier, batches, bytes);
        eprintln!("{images} images, {name}: probabilities within {worst:.1e}");
        assert!(worst <= 1e-4, "{name}: {worst:e}");
    }
}

/// A small net of these conventions, whose weights are no one's.
fn small(padding: Padding, epsilon: f64) -> Weights {
    let config = MobileNetConfig::new().with_alpha(0.25).with_classes(10);
    let config = config.with_padding(padding).with_epsilon(epsilon);
    fixed(&Weights::of(&config.init(&Device::flex()).unwrap()).unwrap())
}

/// The bundled weights as if they had been trained with these conventions.
fn bundled(padding: Padding, epsilon: f64) -> Weights {
    let config = Weights::open("bundled").unwrap().config().clone();
    with_config(config.with_padding(padding).with_epsilon(epsilon))
}

fn with_config(config: MobileNetConfig) -> Weights {
    let weights = Weights::open("bundled").unwrap();
    let bytes = weights.to_safetensors(mobilenet::FloatType::F16).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut metadata = header.metadata().clone().unwrap();
    let mut about: Value = serde_json::from_str(&metadata["mobilenet"]).unwrap();
    let changed = serde_json::to_value(&config).unwrap();
    for field in ["padding", "epsilon", "mean", "std"] {
        about[field] = changed[field].clone();
    }
    metadata.insert("mobilenet".into(), about.to_string());
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let bytes = safetensors::serialize(tensors, Some(metadata)).unwrap();
    let changed = Weights::from_safetensors("a net made for tests", &bytes).unwrap();
    assert_eq!(*changed.config(), config);
    changed
}

/// A classifier whose probabilities are neither 0 nor 1.
fn classifier(weights: Weights, layer: Layer) -> Classifier {
    let backbone = Backbone::new(weights).unwrap();
    let backbone = backbone.with_layer(layer).unwrap();
    let dim = backbone.dim();
    let weights = numbers(3 * dim, 5).into_iter().map(|w| 0.05 * w).collect();
    let dense = Dense::new(dim, weights, vec![0.1, 0.0, -0.1]).unwrap();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    Classifier::new(backbone, Head::new(vec![dense]).unwrap(), classes).unwrap()
}

/// The probabilities are those of the classifier, to 1e-5.
fn same(classifier: &Classifier, what: &str, predict: impl Fn(&[u8], usize) -> Vec<f64>) {
    let drawn = [Subject::Boat, Subject::Cloud].map(|subject| sample::draw(subject, 3, 1));
    let squares = drawn.map(|picture| classifier.backbone().square(&picture).into_raw());
    let pixels = [squares.concat(), levels(squares[0].len(), 4)].concat();
    let expected = classifier.predict(&pixels, 3).unwrap();
    let spread = (0..3).map(|class| (expected[class] - expected[3 + class]).abs());
    assert!(
        spread.fold(0.0, f64::max) > 0.01,
        "images that look alike: {expected:?}"
    );
    let found = predict(&pixels, 3);
    assert_eq!(found.len(), expected.len());
    let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f64::max);
    assert!(off <= 1e-5, "{what}: off by {off:e}");
}

/// Asks a network whose logits are the classes'.
fn ask(weights: Weights) -> impl Fn(&[u8], usize) -> Vec<f64> {
    let backbone = Backbone::new(weights).unwrap();
    let backbone = backbone.with_layer(Layer::Logits).unwrap();
    move |pixels, n| {
        let logits = backbone.forward(pixels, n).unwrap();
        let mut p: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
        p.chunks_mut(3)
            .for_each(|row| transfer::head::softmax(row, 1.0));
        p
    }
}

#[test]
fn a_tfjs_model_is_read_back_as_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    for padding in [Padding::Same, Padding::End, Padding::EndButStem] {
        for layer in [Layer::Embedding, Layer::Logits] {
            let classifier = classifier(bundled(padding, 1e-3), layer);
            let export = Export::new(&classifier).unwrap();
            let files = export
                .write(WeightsFormat::TfjsLayers, folder.path())
                .unwrap();
            // Whoever finds the model finds its weights.
            assert!(files.last().unwrap().ends_with("model.json"));
            let labels = std::fs::read_to_string(folder.path().join("labels.txt")).unwrap();
            assert_eq!(labels, "a\nb\nc\n");
            let weights = Weights::open(folder.path().join("model.json")).unwrap();
            same(&classifier, &format!("{padding:?} {layer}"), ask(weights));
        }
    }
    // With the normalization inside, whatever it is.
    let config = bundled(Padding::Same, 1e-3).config().clone();
    let other = with_config(config.with_normalization(120.0, 110.0));
    let classifier = classifier(other, Layer::Logits);
    let export = Export::new(&classifier)
        .unwrap()
        .with_input(PixelInput::Float);
    export
        .write(WeightsFormat::TfjsLayers, folder.path())
        .unwrap();
    let weights = Weights::open(folder.path().join("model.json")).unwrap();
    same(&classifier, "tfjs of levels", ask(weights));
    let path = folder.path().join("net.pb");
    export.write(WeightsFormat::FrozenGraph, &path).unwrap();
    let read = Weights::open(&path).unwrap();
    assert_eq!((read.config().mean, read.config().std), (120.0, 110.0));
}

#[test]
fn a_tflite_model_is_read_back_as_the_same_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.tflite");
    for padding in [Padding::Same, Padding::Both, Padding::EndButStem] {
        for layer in [Layer::Embedding, Layer::Logits] {
            let original = classifier(bundled(padding, 1e-3), layer);
            let original = original.with_thresholds(vec![0.5, 0.4, 0.3]).unwrap();
            let export = Export::new(&original).unwrap();
            export.write(WeightsFormat::Tflite, &path).unwrap();
            let weights = Weights::open(&path).unwrap();
            same(
                &original,
                &format!("{padding:?} {layer}"),
                ask(weights.clone()),
            );
            let read = Classifier::from_network(Backbone::new(weights).unwrap(), None).unwrap();
            assert_eq!(read.classes(), original.classes());
            assert_eq!(read.thresholds(), original.thresholds());
        }
    }
    // In half precision a number has 11 bits.
    let original = classifier(bundled(Padding::Same, 1e-3), Layer::Embedding);
    let half = Export::new(&original).unwrap().with_half_weights();
    let files = half.to_files(WeightsFormat::Tflite).unwrap();
    let whole = Export::new(&original)
        .unwrap()
        .to_files(WeightsFormat::Tflite)
        .unwrap();
    assert!(files[0].bytes.len() * 100 < whole[0].bytes.len() * 51);
    assert!(half.to_files(WeightsFormat::Onnx).is_err());
}

#[test]
fn a_timm_file_is_read_back_as_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timm.safetensors");
    for layer in [Layer::Embedding, Layer::Logits] {
        // What timm's names stand for, and what is said beside them.
        for (padding, epsilon) in [(Padding::Both, 1e-5), (Padding::Same, 1e-3)] {
            let classifier = classifier(bundled(padding, epsilon), layer);
            let export = Export::new(&classifier).unwrap();
            export.write(WeightsFormat::TimmSafetensors, &path).unwrap();
            same(&classifier, "timm", ask(Weights::open(&path).unwrap()));
        }
    }
}

#[test]
fn a_timm_file_says_what_its_names_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timm.safetensors");
    let about = |classifier: &Classifier| -> Value {
        let export = Export::new(classifier).unwrap();
        export.write(WeightsFormat::TimmSafetensors, &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        assert_eq!(metadata.len(), 1, "several keys come in any order");
        let about: Value = serde_json::from_str(&metadata["timm"]).unwrap();
        assert_eq!(about["call"], export.timm_call().unwrap());
        about
    };
    let narrow = small(Padding::Both, 1e-5);
    let narrow = about(&classifier(narrow, Layer::Embedding));
    assert_eq!(
        narrow["arguments"],
        json!({"channel_multiplier": 0.25, "num_classes": 3, "pad_type": "", "bn_eps": 1e-5})
    );
    let wide = bundled(Padding::Same, 1e-3);
    let wide = about(&classifier(wide, Layer::Embedding));
    assert_eq!(wide["architecture"], "mobilenetv1_100");
    assert_eq!(
        wide["arguments"],
        json!({"num_classes": 3, "pad_type": "same", "bn_eps": 1e-3})
    );
    assert_eq!(
        wide["call"],
        "timm.create_model('mobilenetv1_100', num_classes=3, pad_type=\"same\", bn_eps=0.001)"
    );
    assert_eq!(wide["classes"], json!(["a", "b", "c"]));
    assert_eq!(
        wide["pretrained_cfg"],
        json!({"input_size": [3, 224, 224], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]})
    );
}

/// Thresholds are metadata; without them no byte of an export changes.
#[test]
fn thresholds_are_in_the_metadata() {
    let files = |classifier: &Classifier, format| {
        let export = Export::new(classifier).unwrap();
        let files = export.to_files(format).unwrap();
        let all = files.into_iter().flat_map(|file| file.bytes);
        all.collect::<Vec<u8>>()
    };
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    for (format, said) in [
        (WeightsFormat::Onnx, "[0.5,0.25,1.0]"),
        (WeightsFormat::TfjsLayers, "\"thresholds\":[0.5,0.25,1.0]"),
        (WeightsFormat::TimmSafetensors, "[0.5,0.25,1.0]"),
    ] {
        let plain = classifier(small(Padding::Same, 1e-3), Layer::Embedding);
        let without = files(&plain, format);
        assert!(!has(&without, "thresholds"), "{format}");
        let limited = plain.with_thresholds(vec![0.5, 0.25, 1.0]).unwrap();
        let with = files(&limited, format);
        assert!(has(&with, "thresholds") && has(&with, said), "{format}");
    }
}

/// The files of an export are a classifier again: names, thresholds, and how images are prepared.
#[test]
fn an_export_is_read_back_as_the_same_classifier() {
    let folder = tempfile::tempdir().unwrap();
    for (format, resize) in [
        (WeightsFormat::Onnx, ResizePolicy::Letterbox),
        (WeightsFormat::TfjsLayers, ResizePolicy::Squash),
        (WeightsFormat::TimmSafetensors, ResizePolicy::Letterbox),
        (WeightsFormat::FrozenGraph, ResizePolicy::Squash),
    ] {
        let original = classifier(bundled(Padding::Same, 1e-3), Layer::Embedding);
        let head = original.head().clone();
        let backbone = original.backbone().clone().with_resize(resize);
        let backbone = backbone.with_filter(ResizeFilter::Bicubic);
        let original = Classifier::new(backbone, head, original.classes().to_vec()).unwrap();
        let original = original.with_thresholds(vec![0.5, 0.25, 1.0]).unwrap();
        let path = folder.path().join(format!("{format}/net"));
        let export = Export::new(&original).unwrap();
        let written = export.write(format, &path).unwrap();
        assert_eq!(written, export.paths(format, &path).unwrap());
        let weights = Weights::open(&path).unwrap();
        assert_eq!(Classifier::usual_resize(&weights), resize, "{format}");
        let backbone = Backbone::new(weights).unwrap().with_resize(resize);
        let read = Classifier::from_network(backbone, None).unwrap();
        assert_eq!(read.classes(), original.classes(), "{format}");
        assert_eq!(read.thresholds(), original.thresholds(), "{format}");
        assert_eq!(read.backbone().filter(), ResizeFilter::Bicubic, "{format}");
        same(&original, &format!("{format}"), |pixels, n| {
            read.predict(pixels, n).unwrap()
        });
        // Names that are given are taken.
        let names = ["x", "y", "z"].map(String::from);
        let named = Classifier::from_network(read.backbone().clone(), Some(&names)).unwrap();
        assert_eq!(named.classes(), names);
    }
}

#[test]
fn labels_are_written_beside_a_model_and_replace_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let classifier = classifier(small(Padding::Same, 1e-3), Layer::Embedding);
    let export = Export::new(&classifier).unwrap();
    let written = export.write(WeightsFormat::Onnx, at("net.onnx")).unwrap();
    assert_eq!(written, [at("net.onnx"), at("labels.txt")]);
    let labels = || std::fs::read_to_string(at("labels.txt")).unwrap();
    assert_eq!(labels(), "a\nb\nc\n");
    // The same names are the same file.
    export.write(WeightsFormat::Onnx, at("other.onnx")).unwrap();
    std::fs::write(at("labels.txt"), "cat\ndog\nmouse\n").unwrap();
    let error = export
        .write(WeightsFormat::Onnx, at("third.onnx"))
        .unwrap_err();
    assert!(error.to_string().contains("labels.txt"), "{error}");
    assert_eq!(labels(), "cat\ndog\nmouse\n");
    assert!(!at("third.onnx").exists());
}

#[test]
fn a_frozen_graph_is_read_back_as_the_same_classifier() {
    let folder = tempfile::tempdir().unwrap();
    for layer in [Layer::Embedding, Layer::Logits] {
        let classifier = classifier(bundled(Padding::Same, 1e-3), layer);
        let export = Export::new(&classifier).unwrap();
        export
            .write(WeightsFormat::FrozenGraph, folder.path())
            .unwrap();
        let [graph, labels] =
            ["retrained_graph.pb", "retrained_labels.txt"].map(|name| folder.path().join(name));
        let read = Classifier::from_retrained_graph(graph, labels).unwrap();
        assert_eq!(read.classes(), classifier.classes());
        assert_eq!(read.backbone().layer(), layer);
        same(&classifier, &format!("{layer}"), |pixels, n| {
            read.predict(pixels, n).unwrap()
        });
    }
}

#[test]
fn joined_layers_are_refused() {
    let joined = "blocks-11-13".parse().unwrap();
    let classifier = classifier(small(Padding::Same, 1e-3), joined);
    let error = Export::new(&classifier).unwrap_err();
    assert!(
        error.to_string().contains("layer under the head"),
        "{error}"
    );
}
