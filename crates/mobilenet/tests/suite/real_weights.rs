//! Google's alpha-0.25 net in every format: the formats that this crate or this test can write, and, where the
//! environment variable `MOBILENET_PYTHON` names a Python that has the libraries of `fixtures/formats.py`, those that
//! only Python writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use half::{bf16, f16};
use mobilenet::{FloatType, Padding, Weights, WeightsFormat};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::support::{Tensors, arrays, distance, logits, open, shared, tensors};

/// The net as it is published: its folder, and its tensors by Keras' names.
fn published(shared: &Path) -> (std::path::PathBuf, Value, Tensors) {
    let folder = shared.join("weights/mobilenet_v1_0.25_224");
    let model = std::fs::read(folder.join("model.json")).unwrap();
    let model: Value = serde_json::from_slice(&model).unwrap();
    let mut tensors = Tensors::new();
    for group in model["weightsManifest"].as_array().unwrap() {
        let mut data = Vec::new();
        for path in group["paths"].as_array().unwrap() {
            data.extend(std::fs::read(folder.join(path.as_str().unwrap())).unwrap());
        }
        let mut data = data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        for entry in group["weights"].as_array().unwrap() {
            let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
            let values = data.by_ref().take(shape.iter().product()).collect();
            let name = entry["name"].as_str().unwrap().to_string();
            tensors.insert(name, (shape, values));
        }
    }
    (folder, model, tensors)
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn with_numbers(weights: &Weights, change: impl Fn(f32) -> f32) -> Tensors {
    let mut all = tensors(weights);
    for (_, values) in all.values_mut() {
        for v in values {
            *v = change(*v);
        }
    }
    all
}

#[test]
fn our_own_files_hold_the_net() {
    let Some(shared) = shared("the test of real weights in our own files") else {
        return;
    };
    let original = Weights::open(published(&shared).0).unwrap();
    assert_eq!(original.format(), WeightsFormat::TfjsLayers);
    assert_eq!(original.config().padding, Padding::Same);
    let folder = tempfile::tempdir().unwrap();
    for precision in [FloatType::F32, FloatType::F16] {
        let path = folder.path().join("net"); // The content tells the format.
        original.save(&path, precision).unwrap();
        let again = Weights::open(&path).unwrap();
        assert_eq!(again.config(), original.config());
        assert_eq!(again.preprocessing(), original.preprocessing());
        let (found, exact) = (logits(again.clone(), 224), logits(original.clone(), 224));
        if precision == FloatType::F32 {
            assert_eq!(again.digest(), original.digest());
            assert!(same_bits(&found, &exact));
        } else {
            let rounded = with_numbers(&original, |v| f16::from_f32(v).to_f32());
            assert_eq!(tensors(&again), rounded);
            let off = distance(&found, &exact);
            eprintln!("half precision moves the logits by {off:.1e}");
            assert!(off < 2e-2, "{off}");
        }
    }
}

#[test]
fn safetensors_with_keras_names_hold_the_net() {
    let Some(shared) = shared("the test of real weights under Keras' names") else {
        return;
    };
    let (folder, _, keras) = published(&shared);
    let original = Weights::open(folder).unwrap();
    let read = |dtype, bytes_of: fn(f32) -> Vec<u8>| {
        let bytes: BTreeMap<_, Vec<u8>> = keras
            .iter()
            .map(|(name, (_, values))| (name, values.iter().flat_map(|&v| bytes_of(v)).collect()))
            .collect();
        let views = keras.iter().map(|(name, (shape, _))| {
            (
                name,
                TensorView::new(dtype, shape.clone(), &bytes[name]).unwrap(),
            )
        });
        let file = safetensors::serialize(views, None).unwrap();
        Weights::from_bytes("keras", &file).unwrap()
    };
    let exact = read(Dtype::F32, |v| v.to_le_bytes().to_vec());
    assert_eq!(tensors(&exact), tensors(&original));
    assert!(same_bits(
        &logits(exact, 224),
        &logits(original.clone(), 224)
    ));
    let half = read(Dtype::F16, |v| f16::from_f32(v).to_le_bytes().to_vec());
    let rounded = with_numbers(&original, |v| f16::from_f32(v).to_f32());
    assert_eq!(tensors(&half), rounded);
    let brain = read(Dtype::BF16, |v| bf16::from_f32(v).to_le_bytes().to_vec());
    let rounded = with_numbers(&original, |v| bf16::from_f32(v).to_f32());
    assert_eq!(tensors(&brain), rounded);
}

#[test]
fn an_archive_holds_the_net() {
    let Some(shared) = shared("the test of real weights in an archive") else {
        return;
    };
    let (folder, ..) = published(&shared);
    let original = Weights::open(&folder).unwrap();
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    archive.append_dir_all("net", &folder).unwrap();
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    let packed = Weights::from_bytes("net.tgz", &bytes).unwrap();
    assert_eq!(packed.digest(), original.digest());
    assert!(same_bits(&logits(packed, 224), &logits(original, 224)));
}

/// As `tensorflowjs` writes them: `q * scale + min`, a grid a tensor.
#[test]
fn quantized_layers_models_hold_the_net() {
    let Some(shared) = shared("the test of real weights, quantized") else {
        return;
    };
    let (folder, model, keras) = published(&shared);
    let original = Weights::open(folder).unwrap();
    let exact = logits(original.clone(), 224);
    let steps = |kind| if kind == "uint8" { 255.0 } else { 65535.0 };
    for kind in ["uint8", "uint16", "float16"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut shard, mut entries) = (Vec::new(), Vec::new());
        for (name, (shape, values)) in &keras {
            let low = f64::from(values.iter().copied().fold(f32::MAX, f32::min));
            let high = f64::from(values.iter().copied().fold(f32::MIN, f32::max));
            let scale = ((high - low) / steps(kind)).max(f64::MIN_POSITIVE);
            let level = |v: f32| ((f64::from(v) - low) / scale).round();
            for &v in values {
                match kind {
                    "uint8" => shard.push(level(v) as u8),
                    "uint16" => shard.extend((level(v) as u16).to_le_bytes()),
                    _ => shard.extend(f16::from_f32(v).to_le_bytes()),
                }
            }
            let mut quantization = json!({"dtype": kind, "original_dtype": "float32"});
            if kind != "float16" {
                quantization["scale"] = scale.into();
                quantization["min"] = low.into();
            }
            entries.push(json!({"name": name, "shape": shape, "dtype": "float32", "quantization": quantization}));
        }
        std::fs::write(folder.path().join("group1-shard1of1.bin"), shard).unwrap();
        let manifest = json!([{"paths": ["group1-shard1of1.bin"], "weights": entries}]);
        let model = json!({"modelTopology": model["modelTopology"], "weightsManifest": manifest});
        std::fs::write(folder.path().join("model.json"), model.to_string()).unwrap();

        let read = Weights::open(folder.path()).unwrap();
        if kind == "float16" {
            let rounded = with_numbers(&original, |v| f16::from_f32(v).to_f32());
            assert_eq!(tensors(&read), rounded);
        } else {
            let exact = tensors(&original);
            for (name, (_, values)) in tensors(&read) {
                let off = on_grid(&values, &exact[&name].1, steps(kind) as f32);
                assert!(off <= 0.51, "{kind}: {name} is off by {off} steps");
            }
        }
        let off = distance(&logits(read, 224), &exact);
        eprintln!("{kind} moves the logits by {off:.1e}");
        // Half a step of 255 in every tensor, the variances among them, moves a net's answer by a third.
        let bound = if kind == "uint8" { 0.5 } else { 2e-2 };
        assert!(off < bound, "{kind}: {off}");
    }
}

/// File, name of the reference, whether the numbers are the published bits, and the largest relative difference of
/// the logits.
const WRITTEN_BY_PYTHON: [(&str, &str, bool, f32); 25] = [
    ("slim.pb", "same", true, 1e-4),
    ("unfolded.pb", "same", true, 1e-4),
    ("folded.pb", "same", false, 1e-5),
    ("same.tflite", "same", false, 1e-5),
    ("end.tflite", "end", false, 1e-5),
    ("half.tflite", "half_tflite", false, 1e-4),
    ("half.tflite", "same", false, 2e-2),
    ("graph/model.json", "same", false, 1e-5),
    ("graph_float16/model.json", "same", false, 2e-2),
    ("layers_float16/model.json", "float16", false, 1e-4),
    ("layers_float16/model.json", "same", false, 2e-2),
    ("layers_uint16/model.json", "uint16", false, 1e-4),
    ("layers_uint8/model.json", "uint8", false, 1e-4),
    ("keras.safetensors", "same", true, 1e-4),
    ("whole.h5", "same", true, 1e-4),
    ("numbered.weights.h5", "same", true, 1e-4),
    ("published.h5", "same", true, 1e-4),
    ("timm.pth", "timm", true, 1e-4),
    ("timm_legacy.pth", "timm", true, 1e-4),
    ("checkpoint.pth", "timm", true, 1e-4),
    ("timm_half.pth", "half", false, 1e-4),
    ("timm_brain.pth", "brain", false, 1e-4),
    ("timm_half.safetensors", "half", false, 1e-4),
    ("timm_brain.safetensors", "brain", false, 1e-4),
    ("pytorch_model.bin", "same", true, 1e-4),
];

#[test]
fn what_python_writes_holds_the_net() {
    let Some(shared) = shared("the test of real weights that Python wrote") else {
        return;
    };
    let Some(python) = std::env::var_os("MOBILENET_PYTHON") else {
        eprintln!("skipped: MOBILENET_PYTHON names no Python with the libraries of formats.py");
        return;
    };
    let (folder, ..) = published(&shared);
    let original = Weights::open(&folder).unwrap();
    let (exact, exact_logits) = (tensors(&original), logits(original, 224));
    let out = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats.py");
    let run = Command::new(python)
        .arg(script)
        .args([&folder, out.path()])
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let mut expected = arrays(&out.path().join("expected_tensorflow.safetensors"));
    expected.extend(arrays(&out.path().join("expected_timm.safetensors")));
    let mut wrong = Vec::new();
    for (file, reference, bits, tolerance) in WRITTEN_BY_PYTHON {
        let weights = match open(out.path(), file) {
            Ok(weights) => weights,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        if bits && tensors(&weights) != exact {
            wrong.push(format!("{file}: other numbers"));
        }
        let found = logits(weights, 224);
        if bits && reference == "same" && !same_bits(&found, &exact_logits) {
            wrong.push(format!("{file}: other logits"));
        }
        let off = distance(&found, &expected[reference].1);
        eprintln!("{file} against {reference}: {off:.1e}");
        if off > tolerance {
            wrong.push(format!("{file}: off {reference} by {off:e}"));
        }
    }
    // Quantizing what was folded costs these nets their answers (uint8: 70 % of the largest logit): what the grid
    // allows is a matter of the numbers.
    let graph = tensors(&open(out.path(), "graph/model.json").unwrap());
    for (kind, steps) in [("uint8", 255.0), ("uint16", 65535.0)] {
        let file = format!("graph_{kind}/model.json");
        for (name, (_, values)) in tensors(&open(out.path(), &file).unwrap()) {
            let off = on_grid(&values, &graph[&name].1, steps);
            if off > 1.01 {
                wrong.push(format!("{file}: {name} is off by {off} steps"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The largest difference in steps of a grid between the extremes (and zero, as tensorflowjs lays it).
fn on_grid(found: &[f32], exact: &[f32], steps: f32) -> f32 {
    let low = exact.iter().copied().fold(0.0, f32::min);
    let high = exact.iter().copied().fold(0.0, f32::max);
    let off = found.iter().zip(exact).map(|(a, b)| (a - b).abs());
    off.fold(0.0, f32::max) / ((high - low) / steps).max(f32::MIN_POSITIVE)
}
