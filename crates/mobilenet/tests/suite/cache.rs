//! The registry and the cache of published files.

use std::collections::BTreeSet;

use burn::tensor::Device;
use mobilenet::{Cache, Error, FloatType, MobileNetConfig, Published, Weights};

pub fn row(name: &str) -> &'static Published {
    let row = Weights::all().iter().find(|row| row.name == name);
    row.unwrap()
}

#[test]
fn the_registry_is_consistent_and_says_what_to_do() {
    let names: BTreeSet<_> = Weights::all().iter().map(|p| p.name).collect();
    assert_eq!(names.len(), Weights::all().len());
    for row in Weights::all() {
        row.config.check().unwrap();
        assert!(row.url.starts_with("https://") && !row.source.is_empty());
        assert!(row.sha256.is_none_or(|hash| hash.len() == 64));
        assert_eq!(row.background(), row.config.classes == 1001);
        assert_eq!(row.quantized, row.name.ends_with("_quant"));
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
    let unknown = row("mobilenet_v1_0.25_224");
    let path = cache.path_of(unknown);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let put = |input_size| {
        let config = MobileNetConfig::new()
            .with_alpha(0.25)
            .with_input_size(input_size);
        let weights = Weights::of(&config.init(&Device::flex()).unwrap()).unwrap();
        weights.save(&path, FloatType::F32).unwrap();
    };
    put(224);
    cache.open(unknown.name).unwrap();
    cache.open(unknown.name).unwrap();
    put(192);
    let error = cache.open(unknown.name).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    // The publisher's hash of this one is known, so no other file is taken for it.
    let known = row("mobilenet_v1_1.0_224");
    let other = cache.path_of(known);
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::copy(&path, &other).unwrap();
    assert!(matches!(cache.open(known.name), Err(Error::Changed { .. })));
}

/// A quantized publication is not taken for weights of floats, nor floats for integers; what is in the cache must be the
/// publisher's file.
#[test]
fn quantized_publications_are_nets_of_integers() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let name = "mobilenet_v1_0.25_128_quant";
    let error = cache.open_quantized(name).unwrap_err().to_string();
    let path = cache.path_of(row(name));
    assert!(error.contains(&path.display().to_string()), "{error}");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"another file").unwrap();
    let error = cache.open_quantized(name).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    let error = cache.open_quantized("mobilenet_v1_0.25_128").unwrap_err();
    assert!(error.to_string().contains("floats"), "{error}");
}

/// The umask decides who may read what is saved, as for any other file.
#[cfg(unix)]
#[test]
fn saved_files_have_the_permissions_that_files_have() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (saved, plain) = (folder.path().join("saved"), folder.path().join("plain"));
    let config = MobileNetConfig::new().with_alpha(0.25).with_blocks(0);
    let weights = Weights::of(&config.init(&Device::flex()).unwrap()).unwrap();
    weights.save(&saved, FloatType::F32).unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved), mode(&plain));
}
