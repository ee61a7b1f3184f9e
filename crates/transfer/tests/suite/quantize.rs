//! A classifier in integers: near to the one in floats, small, and the same when it is loaded.

use std::path::PathBuf;

use mobilenet::quantized::Quantize;
use mobilenet::{MobileNetConfig, Precision, Weights};
use transfer::export::{Export, WeightsFormat};
use transfer::head::{Dense, Head};
use transfer::quantize::{QuantizeConfig, quantize};
use transfer::retrain::Retrain;
use transfer::{Backbone, Classifier};

const SIDE: usize = 64;

fn classifier() -> Classifier {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(0)
        .with_input_size(SIDE);
    let backbone = Backbone::new(Weights::random(&config, 3).unwrap()).unwrap();
    let weights = (0..3 * 256).map(|i| ((i * 37 % 101) as f32 - 50.0) / 200.0);
    let head = Dense::new(256, weights.collect(), vec![0.1, 0.0, -0.1]).unwrap();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    Classifier::new(backbone, Head::new(vec![head]).unwrap(), classes).unwrap()
}

/// Levels that look like noise.
fn levels(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = |_| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    (0..count).map(next).collect()
}

/// Pictures that differ from each other.
fn pictures(folder: &std::path::Path) -> Vec<PathBuf> {
    let picture = |i: usize| {
        let pixels: Vec<u8> = levels(SIDE * SIDE * 3)
            .iter()
            .enumerate()
            .map(|(at, &level)| (level as usize * (i + 1) / 7 + at / 600 * (i % 3)) as u8)
            .collect();
        let path = folder.join(format!("{i}.png"));
        image::save_buffer(
            &path,
            &pixels,
            SIDE as u32,
            SIDE as u32,
            image::ColorType::Rgb8,
        )
        .unwrap();
        path
    };
    (0..10).map(picture).collect()
}

#[test]
fn a_quantized_classifier_comes_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path());
    let floats = classifier();
    let config = QuantizeConfig::new().with_images(8);
    let found = quantize(&floats, &images, &config).unwrap();
    assert!(found.failed.is_empty());
    assert_eq!(found.record.images, 8);
    // Random weights; those of real nets give more.
    assert!(
        found.record.outputs.sqnr.unwrap() > 15.0,
        "{}",
        found.record
    );
    assert!(found.record.to_string().contains("calibrated on 8 images"));
    let integers = found.classifier;
    assert_eq!(integers.backbone().engine().precision(), Precision::Int8);
    assert_eq!(integers.provenance().quantization, Some(found.record));
    let [small, large] = [&integers, &floats].map(|c| c.to_bytes().unwrap());
    assert!(
        small.len() * 3 < large.len(),
        "{} of {}",
        small.len(),
        large.len()
    );
    assert_eq!(integers.to_bytes().unwrap(), small);

    let path = folder.path().join("int8.safetensors");
    integers.save(&path).unwrap();
    let loaded = Classifier::load(&path).unwrap();
    assert_eq!(loaded.backbone().digest(), integers.backbone().digest());
    assert_eq!(loaded.to_bytes().unwrap(), small);
    for image in &images {
        let [a, b] = [&loaded, &integers].map(|c| c.classify(image).unwrap());
        assert_eq!(a, b);
    }
    // What is explained are the floats that the integers stand for.
    let pixels: Vec<f32> = levels(SIDE * SIDE * 3)
        .iter()
        .map(|&l| f32::from(l))
        .collect();
    let (scores, gradients) = loaded.gradient(1)(&pixels, [1, SIDE, SIDE, 3]).unwrap();
    assert!((0.0..=1.0).contains(&scores[0]) && gradients.iter().any(|&g| g != 0.0));

    let error = quantize(&loaded, &images, &config).unwrap_err().to_string();
    assert!(
        error.contains("one in floats, found one in int8"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_quantized_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path());
    let floats = classifier();
    let refused = |images: &[PathBuf], config: &QuantizeConfig| {
        quantize(&floats, images, config).unwrap_err().to_string()
    };
    let none = refused(&images, &QuantizeConfig::new().with_images(0));
    assert!(none.contains("expected 1 or more"), "{none}");
    let none = refused(&[], &QuantizeConfig::new());
    assert!(none.contains("images to calibrate on"), "{none}");
    let missing = vec![folder.path().join("none.png")];
    assert!(refused(&missing, &QuantizeConfig::new()).contains("images to calibrate on"));
    // One of several is said.
    let some = [&images[..2], &missing[..]].concat();
    let plain = QuantizeConfig::new().with_net(Quantize::new().with_bias_correction(false));
    let found = quantize(&floats, &some, &plain).unwrap();
    assert_eq!((found.record.images, found.failed.len()), (2, 1));
    assert!(!found.record.bias_correction);
}

/// Version and seal cover a net of integers as one of floats.
#[test]
fn a_changed_integer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path());
    let found = quantize(&classifier(), &images, &QuantizeConfig::new()).unwrap();
    let mut bytes = found.classifier.to_bytes().unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let error = Classifier::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}

/// A job whose network is quantized on its training images, and whose head learns from the integers.
#[test]
fn a_job_in_integers_gives_a_classifier_in_integers() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        let to = folder.path().join(class);
        std::fs::create_dir(&to).unwrap();
        for (i, path) in pictures(&to).into_iter().enumerate() {
            let shade = if class == "a" {
                (40 * i) as u8
            } else {
                (255 - i) as u8
            };
            let mut image = image::open(&path).unwrap().to_rgb8();
            image.pixels_mut().take(900).for_each(|p| p.0 = [shade; 3]);
            image.save(path).unwrap();
        }
    }
    let job = |precision| {
        Retrain::new(folder.path())
            .with_backbone(classifier().backbone().clone())
            .with_precision(precision)
            .run()
    };
    let retrained = job(Precision::Int8).unwrap();
    let backbone = retrained.classifier.backbone();
    assert_eq!(backbone.engine().precision(), Precision::Int8);
    let record = retrained.classifier.provenance().quantization.clone();
    let record = record.unwrap();
    assert!(
        record.logits.is_none() && record.outputs.sqnr.unwrap() > 10.0,
        "{record}"
    );
    let floats = job(Precision::F32).unwrap();
    assert!(floats.classifier.provenance().quantization.is_none());
    assert_ne!(backbone.digest(), floats.classifier.backbone().digest());
    let error = job(Precision::Bf16).unwrap_err().to_string();
    assert!(error.contains("f32 or int8"), "{error}");
}

/// The integers as ONNX: the same network again, with the head behind it. Floats have none.
#[test]
fn integers_are_exported_as_onnx() {
    let folder = tempfile::tempdir().unwrap();
    let quantized = quantize(
        &classifier(),
        &pictures(folder.path()),
        &QuantizeConfig::new(),
    );
    let quantized = quantized.unwrap().classifier;
    let export = Export::new(&quantized).unwrap();
    let export = export.with_precision(Precision::Int8).unwrap();
    let path = folder.path().join("net.onnx");
    export.write(WeightsFormat::Onnx, &path).unwrap();
    let read = mobilenet::QuantizedNet::open(&path).unwrap();
    assert_eq!(
        Some(&read.layers),
        quantized.backbone().integers().map(|net| &net.layers)
    );
    let error = export.to_files(WeightsFormat::TfjsLayers).unwrap_err();
    assert!(error.to_string().contains("onnx"), "{error}");
    let floats = classifier();
    let error = Export::new(&floats)
        .unwrap()
        .with_precision(Precision::Int8);
    assert!(error.unwrap_err().to_string().contains("quantize it first"));
}
