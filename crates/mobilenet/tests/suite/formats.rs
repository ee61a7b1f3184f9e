//! Every format against what TensorFlow and timm make of the same numbers. `fixtures/formats.py` wrote
//! `fixtures/tiny`: random numbers, alpha 0.25, cut after block 2. The pictures have odd sides, where a wrong padding
//! shows: 33 px, so that the stem's map of 17 px is odd too, and 35 for timm, whose rule is TensorFlow's at odd sides
//! and another at the 18 px that follow.

use burn::tensor::Device;
use half::{bf16, f16};
use mobilenet::{FloatType, MobileNetConfig, Padding, Weights, WeightsFormat};
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
    let bytes = weights.to_safetensors(FloatType::F32).unwrap();
    let again = Weights::from_bytes("again", &bytes).unwrap();
    assert_eq!(weights.digest(), again.digest());
    assert_eq!(weights.preprocessing(), again.preprocessing());
    assert_eq!(bytes, again.to_safetensors(FloatType::F32).unwrap());
}

/// A folder as an archive: of several files, the one whose kind comes first, and none where two are of it.
#[test]
fn a_folder_is_read_as_an_archive_of_it_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let put = |file: &str| std::fs::copy(tiny(file), folder.path().join(file)).unwrap();
    put("pytorch_model.bin");
    let open = || Weights::open(folder.path());
    assert_eq!(open().unwrap().format(), WeightsFormat::PyTorch);
    put("hugging_face.safetensors");
    put("slim.pb");
    assert_eq!(open().unwrap().format(), WeightsFormat::Safetensors);
    let about = |json: &str| std::fs::write(folder.path().join("config.json"), json).unwrap();
    about(r#"{"hidden_act": "relu6", "layer_norm_eps": 0.25}"#);
    assert_eq!(open().unwrap().config().epsilon, 0.25);
    about(r#"{"hidden_act": "relu"}"#);
    let error = open().unwrap_err().to_string();
    assert!(
        error.contains("config.json") && error.contains("relu6"),
        "{error}"
    );
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    put("timm.safetensors");
    let error = open().unwrap_err().to_string();
    for said in [
        "hugging_face.safetensors",
        "timm.safetensors",
        "may be meant",
    ] {
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn parts_that_do_not_fit_the_configuration_are_refused() {
    let device = Device::flex();
    let config = MobileNetConfig::new().with_alpha(0.25).with_classes(7);
    let net = || config.init(&device).unwrap();
    let other = config.clone().with_classes(9).init(&device).unwrap();
    let wide = config.clone().with_alpha(0.5).init(&device).unwrap();
    let mut cases = Vec::new();
    cases.push(("classifier.weight", net()));
    cases.last_mut().unwrap().1.classifier = other.classifier;
    cases.push(("no classifier", net()));
    cases.last_mut().unwrap().1.classifier = None;
    cases.push(("stem.conv.weight", net()));
    cases.last_mut().unwrap().1.stem = wide.stem.clone();
    cases.push(("stem.bn.running_var", net()));
    cases.last_mut().unwrap().1.stem.bn.running_var = wide.stem.bn.running_var;
    cases.push(("12 blocks", net()));
    cases.last_mut().unwrap().1.blocks.pop();
    cases.push(("stride [1, 1]", net()));
    cases.last_mut().unwrap().1.blocks[1].depthwise.conv.stride = [1, 1];
    cases.push(("padding Explicit", net()));
    let both = config.clone().with_padding(Padding::Both).init(&device);
    cases.last_mut().unwrap().1.blocks[1] = both.unwrap().blocks[1].clone();
    cases.push(("epsilon", net()));
    cases.last_mut().unwrap().1.blocks[1].depthwise.bn.epsilon = 1e-5;
    for (said, net) in cases {
        for error in [net.compile().err(), Weights::of(&net).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
    // A layer without a bias adds nothing.
    let mut net = net();
    net.classifier.as_mut().unwrap().bias = None;
    let weights = Weights::of(&net).unwrap();
    let bias = weights
        .tensors()
        .find(|t| t.0 == "classifier.bias")
        .unwrap();
    assert_eq!(bias.2, [0.0; 7]);
    net.compile().unwrap();
}

#[test]
fn a_long_list_of_what_is_left_over_is_cut() {
    let mut tensors = arrays(&tiny("timm.safetensors"));
    tensors.retain(|name, _| !name.ends_with("num_batches_tracked")); // not f32
    for i in 0..100 {
        tensors.insert(format!("odd{i:02}"), (vec![1], vec![0.5]));
    }
    let bytes = safetensors_of(tensors);
    let error = Weights::from_bytes("odd", &bytes).unwrap_err().to_string();
    assert!(
        error.contains("100 tensors") && error.contains("odd04") && !error.contains("odd05"),
        "{error}"
    );
}

fn safetensors_of(tensors: crate::support::Tensors) -> Vec<u8> {
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
    safetensors::serialize(views, None).unwrap()
}

/// timm's `mobilenetv1_100h` has one convolution more, before its classifier: no MobileNetV1 of the paper.
#[test]
fn a_net_with_a_further_layer_is_refused() {
    let mut tensors = arrays(&tiny("timm.safetensors"));
    tensors.retain(|name, _| !name.ends_with("num_batches_tracked")); // not f32
    tensors.insert("conv_head.weight".into(), (vec![4, 2, 1, 1], vec![0.5; 8]));
    let bytes = safetensors_of(tensors);
    let error = Weights::from_bytes("100h", &bytes).unwrap_err().to_string();
    assert!(error.contains("conv_head.weight"), "{error}");
}
