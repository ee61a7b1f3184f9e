//! The bottleneck files of `retrain.py`: written, read, and taken into a cache.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{images, numbers};
use dataset::ImageItem;
use mobilenet::Weights;
use transfer::bottlenecks::{read_bottlenecks, write_bottlenecks};
use transfer::{Backbone, EmbeddingCache, Embeddings, Layer};

const NET: &str = "mobilenet_0.25_224";

fn items(names: &[&str]) -> Vec<ImageItem> {
    let item = |(class, name): (usize, &&str)| ImageItem {
        path: PathBuf::new(),
        name: (*name).into(),
        class,
    };
    names.iter().enumerate().map(item).collect()
}

#[test]
fn every_bit_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut values = numbers(40, 3);
    values.extend([
        0.0,
        -0.0,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        f32::MAX,
        f32::MIN,
        1.0 / 3.0,
        16_777_217.0,
    ]);
    let names = ["boat/a.jpg", "cloud/b c.png"];
    let set = Embeddings::new(values, 24, vec![0, 1]).unwrap();
    let set = set.with_names(names.map(String::from).to_vec()).unwrap();
    write_bottlenecks(folder.path(), NET, &set).unwrap();
    let file = folder.path().join("cloud/b c.png_mobilenet_0.25_224.txt");
    assert_eq!(fs::read_to_string(file).unwrap().split(',').count(), 24);
    let (read, failed) = read_bottlenecks(folder.path(), NET, &items(&names), 24).unwrap();
    assert!(failed.is_empty());
    let bits =
        |set: &Embeddings| -> Vec<u32> { set.values().iter().map(|v| v.to_bits()).collect() };
    assert_eq!(bits(&read), bits(&set));
    assert_eq!((read.names(), read.targets()), (set.names(), set.targets()));
    // Without names there is nothing to call the files.
    let unnamed = Embeddings::new(vec![1.0], 1, vec![0]).unwrap();
    assert!(write_bottlenecks(folder.path(), NET, &unnamed).is_err());
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(format!("{name}_{NET}.txt"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// As `retrain.py` joins NumPy's numbers.
#[test]
fn a_file_of_retrain_py_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "0.0,0.16842924,5.9604645e-08,-1.5,6.0,-3.4028235e+38,1e-45";
    write(folder.path(), "boat/x.jpg", text);
    let (read, failed) = read_bottlenecks(folder.path(), NET, &items(&["boat/x.jpg"]), 7).unwrap();
    assert!(failed.is_empty());
    let tiny = f32::from_bits(1);
    let expected = [0.0, 0.168_429_24, 5.960_464_5e-8, -1.5, 6.0, f32::MIN, tiny];
    assert_eq!(read.values(), expected);
}

#[test]
fn files_that_cannot_be_used_are_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        ("short", "1.0,2.0"),
        ("long", "1.0,2.0,3.0,4.0"),
        ("empty", ""),
        ("nan", "1.0,nan,3.0"),
        ("infinite", "1.0,inf,3.0"),
        ("words", "1.0,two,3.0"),
        ("gap", "1.0,,3.0"),
    ];
    for (name, text) in wrong {
        write(folder.path(), &format!("a/{name}"), text);
    }
    write(folder.path(), "a/good", "1.0,2.0,3.0\n");
    let names = ["missing"].into_iter().chain(wrong.map(|(name, _)| name));
    let names: Vec<String> = names
        .chain(["good"])
        .map(|name| format!("a/{name}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (read, failed) = read_bottlenecks(folder.path(), NET, &items(&names), 3).unwrap();
    assert_eq!(read.names(), ["a/good"]);
    assert_eq!(read.values(), [1.0, 2.0, 3.0]);
    assert_eq!(failed.len(), names.len() - 1);
    for ((path, error), name) in failed.iter().zip(&names) {
        let (path, error) = (path.display().to_string(), error.to_string());
        assert!(
            path.contains(name) && error.contains(&path),
            "{path}: {error}"
        );
    }
    assert!(read_bottlenecks(folder.path(), NET, &items(&["a/good"]), 0).is_err());
}

#[test]
fn what_is_imported_is_not_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let items = images(&folder.path().join("photos"), 5);
    let net = || Backbone::new(Weights::open("bundled").unwrap()).unwrap();
    let backbone = net().with_layer(Layer::Logits).unwrap();
    let cache = || EmbeddingCache::temporary().unwrap();
    let own = backbone.embed(&items, &cache(), |_| ()).unwrap().embeddings;
    let text = folder.path().join("bottlenecks");
    write_bottlenecks(&text, NET, &own).unwrap();
    fs::remove_file(text.join(format!("{}_{NET}.txt", items[7].name))).unwrap();

    let filled = cache();
    let imported = backbone
        .import_bottlenecks(&text, NET, &items, &filled)
        .unwrap();
    assert_eq!((imported.images, filled.len()), (9, 9));
    assert_eq!(imported.failed.len(), 1);
    assert!(imported.failed[0].1.to_string().contains(&items[7].name));
    let embedded = backbone.embed(&items, &filled, |_| ()).unwrap();
    assert_eq!(embedded.computed, 1);
    assert_eq!(embedded.embeddings, own);

    // Another network's numbers, or as many of another layer, are refused.
    let others = [
        net()
            .with_layer(Layer::Logits)
            .unwrap()
            .with_resize(dataset::ResizePolicy::CenterCrop),
        net(),
    ];
    for other in others {
        let empty = cache();
        let result = other.import_bottlenecks(&text, NET, &items, &empty);
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("retrain.py: tf1") || error.contains("files could be compared"),
            "{error}"
        );
        assert!(empty.is_empty());
    }

    // One file of many, and one that cannot be compared: neither is taken over unseen.
    let missing = |i: usize| fs::remove_file(text.join(format!("{}_{NET}.txt", items[i].name)));
    (0..10)
        .filter(|i| ![3, 7].contains(i))
        .for_each(|i| missing(i).unwrap());
    let import = |of: &Backbone| of.import_bottlenecks(&text, NET, &items, &cache());
    let other = net().with_layer(Layer::Logits).unwrap();
    let other = other.with_resize(dataset::ResizePolicy::CenterCrop);
    assert!(
        import(&other)
            .unwrap_err()
            .to_string()
            .contains("retrain.py: tf1")
    );
    assert_eq!(import(&backbone).unwrap().images, 1);
    fs::write(&items[3].path, b"no image").unwrap();
    let error = import(&backbone).unwrap_err().to_string();
    assert!(
        error.contains("none of 1 files could be compared"),
        "{error}"
    );
}
