//! Every format against what TensorFlow and timm make of the same numbers. `fixtures/formats.py` wrote
//! `fixtures/tiny`: random numbers, alpha 0.25, cut after block 2. The pictures have odd sides, where a wrong padding
//! shows: 33 px, so that the stem's map of 17 px is odd too, and 35 for timm, whose rule is TensorFlow's at odd sides
//! and another at the 18 px that follow.

use burn::tensor::Device;
use half::{bf16, f16};
use mobilenet::{MobileNetConfig, Padding, Precision, Weights};
use safetensors::tensor::{Dtype, TensorView};

use crate::support::{arrays, distance, features, open, tensors, tiny};

/// What a file holds of the numbers.
#[derive(Clone, Copy, PartialEq)]
enum Numbers {
    /// The same bits.
    Exact,
    /// Rounded to half precision or bfloat16, to the bit.
    Half,
    Brain,
    /// On a grid of this many steps between a tensor's extremes.
    Levels(f32),
    /// Others: batch norms were folded into the kernels.
    Folded,
}

use Numbers::{Brain, Exact, Folded, Half, Levels};

/// File, its numbers, and the reference's name (which is its padding) with the largest relative difference.
const CASES: [(&str, Numbers, &str, f32); 23] = [
    ("slim.pb", Exact, "same", 1e-5),
    ("unfolded.pb", Exact, "same", 1e-5),
    ("folded.pb", Folded, "same", 1e-5),
    ("same.tflite", Folded, "same", 1e-5),
    ("end.tflite", Folded, "end", 1e-5),
    ("half.tflite", Folded, "same", 2e-2),
    ("graph/model.json", Folded, "same", 1e-5),
    ("graph_uint8/model.json", Folded, "same", 0.2),
    (
        "layers_uint8/model.json",
        Levels(255.0),
        "end_but_stem",
        0.2,
    ),
    (
        "layers_uint16/model.json",
        Levels(65535.0),
        "end_but_stem",
        1e-3,
    ),
    ("layers_float16/model.json", Half, "end_but_stem", 2e-2),
    ("keras.safetensors", Exact, "end", 1e-5),
    ("whole.h5", Exact, "end_but_stem", 1e-5),
    ("numbered.weights.h5", Exact, "end_but_stem", 1e-5),
    ("published.h5", Exact, "end", 1e-5),
    ("timm.pth", Exact, "timm", 1e-5),
    ("timm_legacy.pth", Exact, "timm", 1e-5),
    ("checkpoint.pth", Exact, "timm", 1e-5),
    ("timm.safetensors", Exact, "timm", 1e-5),
    ("timm_half.safetensors", Half, "timm", 2e-2),
    ("timm_brain.safetensors", Brain, "timm", 0.1),
    ("hugging_face.safetensors", Exact, "same", 1e-5),
    ("pytorch_model.bin", Exact, "same", 1e-5),
];

#[test]
fn every_format_gives_what_tensorflow_and_timm_give() {
    let mut expected = arrays(&tiny("expected_tensorflow.safetensors"));
    expected.extend(arrays(&tiny("expected_timm.safetensors")));
    let exact = tensors(&open(&tiny(""), "keras.safetensors").unwrap());
    let mut wrong = Vec::new();
    for (file, numbers, reference, tolerance) in CASES {
        if file.ends_with("h5") && !cfg!(feature = "hdf5") {
            eprintln!("skipped: {file} needs the feature hdf5");
            continue;
        }
        let weights = match open(&tiny(""), file) {
            Ok(weights) => weights.with_blocks(2).unwrap(),
            Err(error) => {
                wrong.push(format!("{file}: {error}"));
                continue;
            }
        };
        for (name, (shape, values)) in tensors(&weights) {
            let (expected_shape, expected) = &exact[&name];
            assert_eq!(&shape, expected_shape, "{file}: {name}");
            let low = expected.iter().copied().fold(0f32, f32::min);
            let high = expected.iter().copied().fold(0f32, f32::max);
            let fits = |found: f32, exact: f32| match numbers {
                Exact => found.to_bits() == exact.to_bits(),
                Half => found == f16::from_f32(exact).to_f32(),
                Brain => found == bf16::from_f32(exact).to_f32(),
                Levels(n) => (found - exact).abs() <= (high - low) / n,
                Folded => true,
            };
            if !values.iter().zip(expected).all(|(&a, &b)| fits(a, b)) {
                wrong.push(format!("{file}: other numbers in {name}"));
            }
        }
        let (side, padding) = match reference {
            "same" => (33, Padding::Same),
            "end" => (33, Padding::End),
            "end_but_stem" => (33, Padding::EndButStem),
            _ => (35, Padding::Both),
        };
        assert_eq!(weights.config().padding, padding, "{file}");
        let net = weights.load(&Device::flex()).unwrap();
        let found = distance(&features(&net, side), &expected[reference].1);
        eprintln!("{file}: {found:.1e}");
        if found > tolerance {
            wrong.push(format!("{file}: off by {found:e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn our_own_file_keeps_everything() {
    let device = Device::flex();
    let config = MobileNetConfig::new().with_alpha(0.25).with_classes(7);
    let config = config.with_padding(Padding::Both).with_epsilon(1e-5);
    let weights = Weights::of(&config.init(&device).unwrap()).unwrap();
    let bytes = weights.to_safetensors(Precision::Single).unwrap();
    let again = Weights::from_bytes("again", &bytes).unwrap();
    assert_eq!(weights.digest(), again.digest());
    assert_eq!(weights.preprocessing(), again.preprocessing());
    assert_eq!(bytes, again.to_safetensors(Precision::Single).unwrap());
}

/// timm's `mobilenetv1_100h` has one convolution more, before its classifier: no MobileNetV1 of the paper.
#[test]
fn a_net_with_a_further_layer_is_refused() {
    let mut tensors = arrays(&tiny("timm.safetensors"));
    tensors.retain(|name, _| !name.ends_with("num_batches_tracked")); // not f32
    tensors.insert("conv_head.weight".into(), (vec![4, 2, 1, 1], vec![0.5; 8]));
    let bytes = |values: &[f32]| {
        values
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let tensors: Vec<_> = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, shape, bytes(&values)))
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    let error = Weights::from_bytes("100h", &bytes).unwrap_err().to_string();
    assert!(error.contains("conv_head.weight"), "{error}");
}
