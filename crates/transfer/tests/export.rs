//! Exports, run by another engine: tract.

mod common;

use std::path::Path;

use common::trained::{boats_and_clouds, drawn};
use tract_onnx::prelude::*;
use transfer::Classifier;
use transfer::export::{Export, Format, PixelInput};

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
            let found: Vec<f64> = outputs[1]
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
        (PixelInput::Normalized, "normalised.onnx", false),
        (PixelInput::Byte, "bytes.onnx", true),
    ] {
        let path = folder.path().join(name);
        let export = Export::new(&set.classifier).unwrap().with_input(input);
        export.write(Format::Onnx, &path).unwrap();
        // All images once; preprocessing inside the graph is shown by one batch of them.
        let batches = if bytes { &batches[..1] } else { &batches[..] };
        let worst = distance(&path, &set.classifier, batches, bytes);
        eprintln!("{images} images, {name}: probabilities within {worst:.1e}");
        assert!(worst <= 1e-4, "{name}: {worst:e}");
    }
}
