//! What several tests need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mobilenet::{MobileNet, Weights};
use safetensors::SafeTensors;

pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A file that `fixtures/formats.py tiny` wrote.
pub fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tiny")
        .join(name)
}

/// The project's folder of shared data; `None`, said aloud, where it is missing.
pub fn shared(test: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("SHARED_DIR").map_or(beside, PathBuf::from);
    if folder.join("weights").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {test} needs {}", folder.display());
    None
}

/// Opens a fixture; HDF5 files are stored compressed, since they are mostly zeros.
pub fn open(folder: &Path, name: &str) -> mobilenet::Result<Weights> {
    let packed = folder.join(format!("{name}.gz"));
    if !packed.is_file() {
        return Weights::open(folder.join(name));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(packed).unwrap();
    std::io::copy(&mut flate2::read::GzDecoder::new(file), &mut bytes).unwrap();
    Weights::from_bytes(name, &bytes)
}

/// The tensors of a net, by this crate's names.
pub fn tensors(weights: &Weights) -> Tensors {
    weights
        .tensors()
        .map(|(name, shape, values)| (name.into(), (shape.to_vec(), values.to_vec())))
        .collect()
}

/// The f32 tensors of a safetensors file, by its own names.
pub fn arrays(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    SafeTensors::deserialize(&bytes)
        .unwrap()
        .iter()
        .map(|(name, view)| {
            let data = view.data().chunks_exact(4);
            let data = data.map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            (name.to_string(), (view.shape().to_vec(), data.collect()))
        })
        .collect()
}

/// The picture that the scripts draw, `[side, side, 3]`.
pub fn picture(side: usize) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..side {
        for x in 0..side {
            for c in 0..3 {
                pixels.push(((7 * x + 13 * y + 29 * c) % 256) as u8);
            }
        }
    }
    pixels
}

/// The last map of a net for that picture, `[1, h, w, c]`.
pub fn features(net: &MobileNet, side: usize) -> Vec<f32> {
    let device = Device::flex();
    let input = net.input(&picture(side), [1, side, side], &device).unwrap();
    let map = net.forward_features(input).permute([0, 2, 3, 1]);
    map.into_data().try_to_vec_as::<f32>().unwrap()
}

/// The logits of a net for that picture.
pub fn logits(weights: Weights, side: usize) -> Vec<f32> {
    let device = Device::flex();
    let net = weights.load(&device).unwrap();
    let input = net.input(&picture(side), [1, side, side], &device).unwrap();
    let logits = net.forward(input).unwrap();
    logits.into_data().try_to_vec_as::<f32>().unwrap()
}

/// Largest difference, relative to the largest magnitude that is expected.
pub fn distance(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|x| x.is_finite()));
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}
