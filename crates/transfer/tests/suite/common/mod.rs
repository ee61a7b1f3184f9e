//! What the tests share.
pub mod out_of_distribution;
pub mod trained;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use dataset::{ImageFolder, ImageItem};
use mobilenet::{MobileNetConfig, Weights};
use transfer::head::{Dense, Head};
use transfer::{Backbone, Classifier};

/// Numbers between -1 and 1.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

/// Levels of pixels.
pub fn levels(count: usize, seed: u64) -> Vec<u8> {
    let levels = numbers(count, seed).into_iter();
    levels.map(|x| (x * 127.0 + 128.0) as u8).collect()
}

/// A small net whose weights depend on nothing but the arguments.
pub fn weights(blocks: usize, size: usize) -> Weights {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(10)
        .with_blocks(blocks)
        .with_input_size(size);
    let net = config.init(&Device::flex()).unwrap();
    fixed(&Weights::of(&net).unwrap())
}

/// The same net with numbers that do not come from Burn's generator, which all threads share.
pub fn fixed(weights: &Weights) -> Weights {
    use safetensors::SafeTensors;
    use safetensors::tensor::{Dtype, TensorView};
    let bytes = weights.to_safetensors(mobilenet::FloatType::F32).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<&str> = tensors.names();
    names.sort_unstable();
    let data: Vec<(String, Vec<usize>, Vec<u8>)> = names
        .iter()
        .enumerate()
        .map(|(seed, name)| {
            let shape = tensors.tensor(name).unwrap().shape().to_vec();
            let count: usize = shape.iter().product();
            let fan_in = (shape.iter().skip(1).product::<usize>().max(1) as f32).sqrt();
            let number = |x: f32| match name {
                name if name.ends_with("running_var") || name.ends_with("gamma") => 1.0 + 0.3 * x,
                name if name.ends_with("beta") || name.ends_with("bias") => x,
                name if name.ends_with("running_mean") => 0.3 * x,
                _ => 2.0 * x / fan_in,
            };
            let values = numbers(count, seed as u64 + 1).into_iter().map(number);
            let bytes = values.flat_map(f32::to_le_bytes).collect();
            ((*name).to_string(), shape, bytes)
        })
        .collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views, header.metadata().clone()).unwrap();
    Weights::from_safetensors("a net made for tests", &bytes).unwrap()
}

/// A classifier of three classes on a backbone.
pub fn classifier(backbone: Backbone) -> Classifier {
    let dim = backbone.dim();
    let dense = Dense::new(dim, numbers(3 * dim, 5), vec![0.1, 0.0, -0.1]).unwrap();
    let classes = ["a", "b", "c"].map(String::from);
    Classifier::new(backbone, Head::new(vec![dense]).unwrap(), classes.to_vec()).unwrap()
}

/// The drawn images in a folder.
pub fn images(folder: &Path, a_class: usize) -> Vec<ImageItem> {
    dataset::sample::write(folder, a_class, 1).unwrap();
    ImageFolder::open(folder).unwrap().images().to_vec()
}

/// Data that are not in the repository, or `None`, said aloud.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SHARED_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// A file in the folder of fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}
