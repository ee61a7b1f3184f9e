//! Weights in and out: every format against what TensorFlow and timm make of the same numbers, and damaged files.
//! `fixtures/formats.py` wrote `fixtures/tiny`: random numbers, alpha 0.25, cut after block 3.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mobilenet::{Cache, Error, MobileNetConfig, Padding, Precision, Weights};
use proptest::prelude::*;

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tiny")
        .join(name)
}

/// The first floats of a safetensors file of one tensor.
fn expected(file: &str, tensor: &str) -> Vec<f32> {
    let bytes = std::fs::read(tiny(file)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor(tensor).unwrap().data();
    data.chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// The map after block 3 of the picture that the script drew, `[1, h, w, c]`.
fn features(weights: Weights) -> Vec<f32> {
    let device = Device::flex();
    let net = weights.with_blocks(3).unwrap().load(&device).unwrap();
    let side = 33;
    let mut pixels = Vec::new();
    for y in 0..side {
        for x in 0..side {
            for c in 0..3 {
                pixels.push(((7 * x + 13 * y + 29 * c) % 256) as u8);
            }
        }
    }
    let input = net.input(&pixels, [1, side, side], &device).unwrap();
    let map = net.forward_features(input).permute([0, 2, 3, 1]);
    map.into_data().try_to_vec_as::<f32>().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    difference.fold(0.0, f32::max)
}

#[test]
fn every_format_gives_what_tensorflow_and_timm_give() {
    let tensorflow = "expected_tensorflow.safetensors";
    let timm = "expected_timm.safetensors";
    // ReLU6 keeps the map between 0 and 6; file, reference, largest difference.
    let cases = [
        ("unfolded.pb", tensorflow, "same", 1e-4),
        ("folded.pb", tensorflow, "same", 1e-4),
        ("same.tflite", tensorflow, "same", 1e-4),
        ("end.tflite", tensorflow, "end", 1e-4),
        ("half.tflite", tensorflow, "same", 5e-2),
        ("graph/model.json", tensorflow, "same", 1e-4),
        ("layers_uint8/model.json", tensorflow, "end", 1.5),
        ("layers_uint16/model.json", tensorflow, "end", 2e-2),
        ("layers_float16/model.json", tensorflow, "end", 5e-2),
        ("keras.safetensors", tensorflow, "end", 1e-4),
        #[cfg(feature = "hdf5")]
        ("whole.h5", tensorflow, "end", 1e-4),
        #[cfg(feature = "hdf5")]
        ("numbered.weights.h5", tensorflow, "end", 1e-4),
        ("timm.pth", timm, "timm", 1e-4),
        ("timm_legacy.pth", timm, "timm", 1e-4),
        ("checkpoint.pth", timm, "timm", 1e-4),
        ("timm.safetensors", timm, "timm", 1e-4),
        ("timm_half.safetensors", timm, "timm", 5e-2),
        ("timm_brain.safetensors", timm, "timm", 5e-1),
        ("hugging_face.safetensors", tensorflow, "same", 1e-4),
        ("pytorch_model.bin", tensorflow, "same", 1e-4),
    ];
    let mut wrong = Vec::new();
    for (file, reference, tensor, tolerance) in cases {
        match Weights::open(tiny(file)) {
            Ok(weights) => {
                let found = largest_difference(&features(weights), &expected(reference, tensor));
                eprintln!("{file}: {found:e}");
                if found > tolerance {
                    wrong.push(format!("{file}: off by {found}"));
                }
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pickle_that_names_a_function_runs_nothing() {
    let error = Weights::open(tiny("evil.pth")).unwrap_err();
    eprintln!("{error}");
    assert!(!Path::new("pickle_was_run").exists());
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

#[test]
fn the_registry_is_consistent_and_says_what_to_do() {
    let names: std::collections::BTreeSet<_> = Weights::all().iter().map(|p| p.name).collect();
    assert_eq!(names.len(), Weights::all().len());
    for row in Weights::all() {
        row.config().check().unwrap();
        assert!(row.url.starts_with("https://") && !row.source.is_empty());
        assert!(row.sha256.is_none_or(|hash| hash.len() == 64));
        assert_eq!(row.background, row.classes == 1001);
    }
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let error = cache.open("mobilenet_v1_1.0_224").unwrap_err().to_string();
    assert!(error.contains(&folder.path().display().to_string()) && error.contains("bundled"));
    let error = cache.open("mobilenet_v9").unwrap_err();
    assert!(matches!(error, Error::UnknownWeights { .. }));
}

#[test]
fn a_file_put_into_the_cache_by_hand_is_noted_and_a_change_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let row = Weights::all()
        .iter()
        .find(|p| p.name == "mobilenet_v1_0.25_224")
        .unwrap();
    let path = cache.path_of(row);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let put = |seed: f64| {
        let config = MobileNetConfig::new()
            .with_alpha(0.25)
            .with_input_size(224 + seed as usize);
        let weights = Weights::of(&config.init(&Device::flex()).unwrap()).unwrap();
        weights.save(&path, Precision::Single).unwrap();
    };
    put(0.0);
    cache.open(row.name).unwrap();
    cache.open(row.name).unwrap();
    put(1.0);
    let error = cache.open(row.name).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    // The publisher's hash of this one is known, so no other file is taken for it.
    let row = Weights::all()
        .iter()
        .find(|p| p.name == "mobilenet_v1_1.0_224")
        .unwrap();
    let other = cache.path_of(row);
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::copy(&path, &other).unwrap();
    assert!(matches!(cache.open(row.name), Err(Error::Changed { .. })));
}

#[test]
fn archives_are_read_and_do_not_lead_out() {
    let inside = std::fs::read(tiny("folded.pb")).unwrap();
    let pack = |name: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(inside.len() as u64);
        header.set_mode(0o644);
        // `Builder::append_data` refuses what an attacker would write.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, &inside[..]).unwrap();
        builder.into_inner().unwrap()
    };
    let good = Weights::from_bytes("good.tar", &pack("./net/folded.pb")).unwrap();
    let plain = Weights::open(tiny("folded.pb")).unwrap();
    assert_eq!(good.digest(), plain.digest());
    for name in ["../folded.pb", "/etc/folded.pb", "a/../../folded.pb"] {
        let error = Weights::from_bytes("bad.tar", &pack(name))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("bad.tar") && error.contains("leads out"),
            "{error}"
        );
    }
}

#[test]
fn absurd_headers_are_errors_at_once() {
    let mut header = (4u64 << 30).to_le_bytes().to_vec();
    header.extend(b"{\"a\":");
    let deep = "[".repeat(100_000);
    let deep = format!("{{\"modelTopology\":{deep}");
    for bytes in [
        &header[..],
        deep.as_bytes(),
        b"<html>no</html>",
        b"",
        b"\x1f\x8b",
        b"PK\x03\x04",
    ] {
        let error = Weights::from_bytes("absurd", bytes)
            .unwrap_err()
            .to_string();
        assert!(error.contains("absurd"), "{error}");
    }
}

const SINGLE_FILES: [&str; 7] = [
    "unfolded.pb",
    "folded.pb",
    "same.tflite",
    "half.tflite",
    "timm.safetensors",
    "timm.pth",
    "timm_legacy.pth",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever happens to a file, reading it ends with weights or an error that names it.
    #[test]
    fn damage_is_an_error(
        file in 0..SINGLE_FILES.len(),
        cut in proptest::option::of(0.0..1.0),
        flips in proptest::collection::vec((0.0..1.0, any::<u8>()), 0..8),
        near_the_start in any::<bool>(),
    ) {
        let mut bytes = std::fs::read(tiny(SINGLE_FILES[file])).unwrap();
        let reach = if near_the_start { bytes.len().min(2000) } else { bytes.len() };
        for (at, value) in flips {
            bytes[(at * reach as f64) as usize] ^= value;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        if let Err(error) = Weights::from_bytes("damaged", &bytes) {
            prop_assert!(error.to_string().contains("damaged"), "{}", error);
        }
    }
}
