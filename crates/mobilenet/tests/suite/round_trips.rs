//! Every format that is written is read back as the same net: with the same bits where the format keeps them.

use mobilenet::weights::{DenseLayer, Export, PixelInput};
use mobilenet::{
    Error, FloatType, ImageBatch, Layer, MobileNetConfig, Padding, Weights, WeightsFormat,
};

use crate::support::{distance, picture, tensors};

const SIDE: usize = 64;

/// Numbers between -1 and 1 that depend on nothing but the arguments.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

fn config(padding: Padding, classes: usize, blocks: usize) -> MobileNetConfig {
    MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(classes)
        .with_blocks(blocks)
        .with_padding(padding)
        .with_epsilon(2e-3)
        .with_input_size(SIDE)
}

/// A net with numbers of its own.
fn net(config: &MobileNetConfig) -> Weights {
    let net = config.init(&burn::tensor::Device::flex()).unwrap();
    let mut weights = Weights::of(&net).unwrap();
    for (seed, (name, (shape, values))) in tensors(&weights).into_iter().enumerate() {
        let fan_in = shape.iter().skip(1).product::<usize>().max(1) as f32;
        let number = |x: f32| match &name[..] {
            n if n.ends_with("running_var") || n.ends_with("gamma") => 1.0 + 0.3 * x,
            n if n.ends_with("beta") || n.ends_with("bias") => x,
            n if n.ends_with("running_mean") => 0.3 * x,
            _ => 2.0 * x / fan_in.sqrt(),
        };
        let values = numbers(values.len(), seed as u64 + 1).into_iter();
        let values = values.map(number).collect();
        weights = weights.with_tensor(&name, values).unwrap();
    }
    weights
}

/// Logits or embedding of the picture of the scripts.
fn outputs(weights: &Weights) -> Vec<f32> {
    let layer = match weights.config().classes {
        0 => Layer::Embedding,
        _ => Layer::Logits,
    };
    let pixels = picture(SIDE);
    let net = weights.compile().unwrap();
    let images = ImageBatch::from_u8(&pixels, [1, SIDE, SIDE]).unwrap();
    mobilenet::Engine::forward(&net, &images, layer).unwrap()
}

/// Writes and reads; `None` where the format has no place for this net, which the error then says.
fn through(export: &Export<'_>, format: WeightsFormat) -> Option<Weights> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    match export.write(format, &output) {
        Ok(files) => {
            let bytes = files.iter().map(|file| std::fs::read(file).unwrap());
            let in_memory = export.to_files(format).unwrap();
            assert!(bytes.eq(in_memory.into_iter().map(|file| file.bytes)));
        }
        Err(Error::Setting { .. }) => return None,
        Err(error) => panic!("{format}: {error}"),
    }
    let read = Weights::open(&output).unwrap();
    assert_eq!(read.format(), format);
    Some(read)
}

fn written() -> impl Iterator<Item = WeightsFormat> {
    WeightsFormat::all().filter(|format| format.is_written())
}

#[test]
fn a_net_comes_back_as_it_was() {
    let mut done = Vec::new();
    for padding in [
        Padding::Same,
        Padding::End,
        Padding::Both,
        Padding::EndButStem,
    ] {
        for (classes, blocks) in [(5, 13), (0, 13), (0, 4)] {
            let weights = net(&config(padding, classes, blocks));
            let expected = outputs(&weights);
            for format in written() {
                let what = format!("{format}, {padding:?}, {classes} classes, {blocks} blocks");
                let Some(read) = through(&Export::new(&weights), format) else {
                    eprintln!("refused: {what}");
                    continue;
                };
                done.push(format);
                let read = read.with_blocks(blocks).unwrap();
                assert_eq!(read.config().classes, classes, "{what}");
                assert_eq!(read.config().input_size, SIDE, "{what}");
                if matches!(format, WeightsFormat::Onnx | WeightsFormat::Tflite) {
                    // Batch norms are folded, and at this size several rules pad alike.
                    let off = distance(&outputs(&read), &expected);
                    assert!(off < 1e-5, "{what}: {off:e}");
                } else {
                    // A format may have no word for a padding that is always at the end. At this size it is another rule's,
                    // too, and nothing else may differ.
                    let rule = read.config().padding;
                    let same = weights.config().clone().with_padding(rule);
                    assert_eq!(read.config(), &same, "{what}");
                    assert!(rule == padding || outputs(&read) == expected, "{what}");
                    assert_eq!(tensors(&read), tensors(&weights), "{what}");
                }
            }
        }
    }
    for format in written() {
        assert!(done.contains(&format), "{format} was never written");
    }
}

#[test]
fn a_head_comes_back_as_it_was() {
    let weights = net(&config(Padding::Same, 5, 13));
    let head =
        |inputs, seed| DenseLayer::new(inputs, numbers(3 * inputs, seed), numbers(3, 9)).unwrap();
    let (on_embedding, on_logits) = (head(256, 7), head(5, 8));
    for format in written() {
        let export = Export::new(&weights).with_classes(["a", "b", "c"]);
        let embedding = export
            .clone()
            .with_head(Layer::Embedding, vec![on_embedding.clone()]);
        let Some(read) = through(&embedding, format) else {
            assert_eq!(format, WeightsFormat::Safetensors);
            continue;
        };
        let logits = export.with_head(Layer::Logits, vec![on_logits.clone()]);
        let read_logits = through(&logits, format).unwrap();
        if format == WeightsFormat::FrozenGraph {
            assert_eq!(read.head(), Some(&on_embedding));
            assert_eq!(read.config().classes, 0);
            assert_eq!(read_logits.head(), Some(&on_logits));
            assert_eq!(tensors(&read_logits), tensors(&weights));
            continue;
        }
        // Here it is the classifier of the net.
        assert_eq!(read.config().classes, 3, "{format}");
        let found = &tensors(&read)["classifier.weight"].1;
        let rows = (0..3).flat_map(|o| (0..256).map(move |i| found[i * 3 + o]));
        assert!(rows.eq(on_embedding.weight().iter().copied()), "{format}");
        let own = outputs(&weights);
        let expected: Vec<f32> = std::iter::zip(on_logits.weight().chunks(5), on_logits.bias())
            .map(|(row, b)| b + row.iter().zip(&own).map(|(w, x)| w * x).sum::<f32>())
            .collect();
        let off = distance(&outputs(&read_logits), &expected);
        assert!(off < 1e-5, "{format}: {off:e}");
    }
}

/// Formats that fold batch norms fold them to the same bits, and keep them.
#[test]
fn folded_numbers_are_kept() {
    let weights = net(&config(Padding::Both, 5, 13));
    let export = Export::new(&weights);
    let read = |format| through(&export, format).unwrap();
    let (onnx, tflite) = (read(WeightsFormat::Onnx), read(WeightsFormat::Tflite));
    assert_eq!(tensors(&tflite), tensors(&onnx));
    assert_eq!(outputs(&tflite), outputs(&onnx));
    let half = export.with_float_type(FloatType::F16);
    let half = tensors(&through(&half, WeightsFormat::Tflite).unwrap());
    for (name, (shape, values)) in tensors(&onnx) {
        // What the fold adds for a batch norm is not in the file.
        let stored = !name.contains(".bn.") || name.ends_with("beta");
        let rounded = values.iter().map(|&v| half::f16::from_f32(v).to_f32());
        let expected = if stored {
            rounded.collect()
        } else {
            values.clone()
        };
        assert_eq!(half[&name], (shape, expected), "{name}");
    }
}

#[test]
fn what_is_said_beside_a_tflite_model_comes_back() {
    let weights = net(&config(Padding::Same, 2, 13).with_normalization(120.0, 110.0));
    let preprocessing = serde_json::json!({"mean": 120.0, "std": 110.0, "filter": "bicubic"});
    let export = Export::new(&weights)
        .with_classes(["boat", "cloud"])
        .with_thresholds(vec![0.5, 0.25])
        .with_preprocessing(preprocessing.clone());
    let read = through(&export, WeightsFormat::Tflite).unwrap();
    assert_eq!((read.config().mean, read.config().std), (120.0, 110.0));
    let about = read.metadata().unwrap();
    assert_eq!(about.classes, ["boat", "cloud"]);
    assert_eq!(about.thresholds, [0.5, 0.25]);
    assert_eq!(about.preprocessing, preprocessing);
    let files = export.to_files(WeightsFormat::Tflite).unwrap();
    assert_eq!(files[1].name, "labels.txt");
    assert_eq!(files[1].bytes, b"boat\ncloud\n");
    // Programs find the archive from its end.
    let end = &files[0].bytes[files[0].bytes.len() - 22..];
    assert_eq!(end[..4], *b"PK\x05\x06");
}

#[test]
fn the_normalization_comes_back() {
    let weights = net(&config(Padding::Same, 5, 13).with_normalization(120.0, 110.0));
    for format in written() {
        for input in [PixelInput::Float, PixelInput::Byte] {
            let export = Export::new(&weights).with_input(input);
            let Some(read) = through(&export, format) else {
                continue;
            };
            let (mean, std) = (read.config().mean, read.config().std);
            let off = (mean - 120.0).abs().max((std - 110.0).abs());
            assert!(off < 1e-9, "{format}, {input:?}: {mean}, {std}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let weights = net(&config(Padding::Same, 5, 13));
    let refused = |export: Export<'_>, format: WeightsFormat, reason: &str| {
        let error = export.to_files(format).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    let export = Export::new(&weights);
    let onnx = WeightsFormat::Onnx;
    for format in WeightsFormat::all().filter(|format| !format.is_written()) {
        refused(export.clone(), format, "onnx");
    }
    let layer = DenseLayer::new(7, vec![0.0; 14], vec![0.0; 2]).unwrap();
    let wrong = export.clone().with_head(Layer::Logits, vec![layer]);
    refused(wrong, onnx, "inputs of a dense layer is 7");
    let joined = Layer::joined([11, 13]).unwrap();
    refused(
        export.clone().with_head(joined, Vec::new()),
        onnx,
        "layer under the head",
    );
    refused(
        export.clone().with_classes(["a"]),
        onnx,
        "number of class names is 1",
    );
    let half = export.with_float_type(FloatType::F16);
    refused(half.clone(), onnx, "type of the numbers is F16");
    let bytes = half.to_files(WeightsFormat::Safetensors).unwrap();
    assert_eq!(
        bytes[0].bytes,
        weights.to_safetensors(FloatType::F16).unwrap()
    );
    assert!(DenseLayer::new(2, vec![0.0; 3], vec![0.0; 2]).is_err());
    assert!(DenseLayer::new(1, vec![f32::NAN], vec![0.0]).is_err());
}
