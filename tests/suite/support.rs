//! What the tests across crates share.

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use dataset::{HashedSplit, ImageFolder, ImageItem, Split};
use mobilenet::Weights;
use transfer::{Backbone, Classifier, ConvergedConfig, EmbeddingCache, HeadConfig};

/// Every device that this build has, with its name.
#[allow(clippy::vec_init_then_push)] // Which are pushed depends on the features.
#[allow(deprecated)] // Burn will drop `ndarray`; it stays checked as long as it is there.
pub fn devices() -> Vec<(&'static str, Device)> {
    let mut devices = Vec::new();
    #[cfg(feature = "flex")]
    devices.push(("flex", Device::flex()));
    #[cfg(feature = "ndarray")]
    devices.push(("ndarray", Device::ndarray()));
    #[cfg(feature = "wgpu")]
    {
        use burn::tensor::{DeviceKind, DeviceType};
        if Device::enumerate(DeviceType::Wgpu).into_vec().is_empty() {
            eprintln!("skipped on wgpu: no adapter is found");
        } else {
            devices.push(("wgpu", Device::wgpu(DeviceKind::DefaultDevice)));
        }
    }
    devices
}

/// The folder of real weights, images and reference numbers, or `None` with a word about what is skipped.
pub fn shared(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SHARED_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    if folder.join("golden").is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: {what} (no reference data at {}; set SHARED_DIR)",
        folder.display()
    );
    None
}

/// A picture as RGB pixels.
pub fn picture(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().to_rgb8().into_raw()
}

/// A classifier and images for a test.
pub struct Trained {
    pub classifier: Classifier,
    pub testing: Vec<ImageItem>,
}

/// The bundled backbone and a head on the real boats and clouds, or `None` with a word about what is skipped.
pub fn boats_and_clouds(what: &str) -> Option<Trained> {
    let folder = shared(what)?.join("data/boat-cloud");
    let open = |part: &str| ImageFolder::open(folder.join(part)).unwrap();
    let (train, test) = (open("train"), open("test"));
    let split = HashedSplit::default().with_testing_percentage(0.0);
    let split = Split {
        testing: test.images().to_vec(),
        ..split.apply(&train).unwrap()
    };
    Some(trained(&split, train.classes()))
}

/// The same on drawn images.
pub fn drawn() -> Trained {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drawn");
    dataset::sample::write(&folder, 30, 1).unwrap();
    let folder = ImageFolder::open(&folder).unwrap();
    let split = HashedSplit::default().with_testing_percentage(30.0);
    trained(&split.apply(&folder).unwrap(), folder.classes())
}

/// Embeddings stay in a cache between runs: they are known by content, so it cannot lie.
fn trained(split: &Split, classes: &[String]) -> Trained {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedding-cache");
    let cache = EmbeddingCache::open(cache).unwrap();
    let weights = Weights::open("bundled").unwrap();
    let backbone = Backbone::new(weights, &devices()[0].1).unwrap();
    let embed = |items: &[ImageItem]| backbone.embed(items, &cache, |_| ()).unwrap().embeddings;
    let (training, validation) = (embed(&split.training), embed(&split.validation));
    let recipe = ConvergedConfig::new().with_regularisation([0.03]);
    let config = HeadConfig::new().with_recipe(recipe);
    let (head, report) = config.fit(&training, &validation).unwrap();
    let classifier = Classifier::new(backbone, head, classes.to_vec()).unwrap();
    Trained {
        classifier: classifier.with_report(report),
        testing: split.testing.clone(),
    }
}

/// An example, built by `cargo test` beside this test, as a user would run it.
pub fn example(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo test --workspace`, which builds it",
        path.display()
    );
    Command::new(path)
}

/// Runs a command that must succeed, and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
