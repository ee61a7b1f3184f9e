use std::collections::BTreeMap;

use dataset::split::{GroupBy, GroupedSplit, retrain_py_labels};
use dataset::{Error, HashedSplit, ImageFolder, Split};
use image::ImageFormat;
use proptest::prelude::*;

use crate::common::{encode, gradient, put, shared};

fn sizes(split: &Split) -> [usize; 3] {
    [
        split.training.len(),
        split.validation.len(),
        split.testing.len(),
    ]
}

#[test]
fn boats_and_clouds_split_as_in_the_reference() {
    let Some(train) = shared("data/boat-cloud/train") else {
        return;
    };
    let folder = ImageFolder::open(train).unwrap();
    assert_eq!(folder.classes(), ["boat", "cloud"]);
    assert_eq!(folder.counts(), [434, 908]);
    assert!(folder.skipped().is_empty());
    let named = HashedSplit::default().with_retrain_py_paths("");
    assert_eq!(sizes(&named.apply(&folder).unwrap()), [1095, 131, 116]);
    // As Python's `hashlib` has it, for the file names alone.
    assert_eq!(
        sizes(&HashedSplit::default().apply(&folder).unwrap()),
        [1067, 132, 143]
    );
    let parity = HashedSplit::default().with_retrain_py_paths("tf_files/ibm_task");
    assert_eq!(sizes(&parity.apply(&folder).unwrap()), [1084, 140, 118]);
    let slash = HashedSplit::default().with_retrain_py_paths("tf_files/ibm_task/");
    assert_eq!(
        slash.apply(&folder).unwrap(),
        parity.apply(&folder).unwrap()
    );
}

/// Sets by SHA-1 as Python's `hashlib` has it and the arithmetic of `retrain.py`.
#[test]
fn names_have_the_sets_of_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let names = (0..60).map(|i| format!("{}/{}.jpg", ["boat", "cloud"][i % 2], i / 2));
    let folder = folder_of(dir.path(), names);
    let own = HashedSplit::default().with_retrain_py_paths("");
    let own = sets(&own.apply(&folder).unwrap());
    let parity = HashedSplit::default().with_retrain_py_paths("tf_files/ibm_task");
    let parity = sets(&parity.apply(&folder).unwrap());
    let (training, validation, testing) = (0, 1, 2);
    for (name, by_name, by_path) in [
        ("boat/0.jpg", validation, training),
        ("boat/1.jpg", training, training),
        ("boat/17.jpg", training, validation),
        ("boat/19.jpg", validation, testing),
        ("boat/25.jpg", testing, training),
        ("cloud/4.jpg", validation, training),
        ("cloud/10.jpg", training, testing),
        ("cloud/24.jpg", testing, training),
    ] {
        assert_eq!((own[name], parity[name]), (by_name, by_path), "{name}");
    }
    let by_file = sets(&HashedSplit::default().apply(&folder).unwrap());
    for (file, set) in [(0, training), (5, validation), (20, testing)] {
        for class in ["boat", "cloud"] {
            assert_eq!(by_file[&format!("{class}/{file}.jpg")], set, "{file}");
        }
    }
}

fn folder_of(dir: &std::path::Path, names: impl IntoIterator<Item = String>) -> ImageFolder {
    let png = encode(&gradient(2, 2), ImageFormat::Png);
    for name in names {
        put(dir.join(name), &png);
    }
    ImageFolder::open(dir).unwrap()
}

/// Which set each name is in.
fn sets(split: &Split) -> BTreeMap<String, u8> {
    [&split.training, &split.validation, &split.testing]
        .into_iter()
        .zip(0..)
        .flat_map(|(items, set)| items.iter().map(move |item| (item.name.clone(), set)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn adding_images_and_moving_the_folder_move_no_image(seed in 0_u32..1_000_000) {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let names = |from: u32, to: u32| {
            (from..to).map(move |i| format!("{}/{seed}_{i}.png", ["a", "b"][i as usize % 2]))
        };
        let few = folder_of(one.path(), names(0, 150));
        let before = sets(&HashedSplit::default().apply(&few).unwrap());
        let many = folder_of(&two.path().join("elsewhere"), names(0, 250));
        let after = sets(&HashedSplit::default().apply(&many).unwrap());
        prop_assert_eq!(after.len(), 250);
        for (name, set) in before {
            prop_assert_eq!(after[&name], set);
        }
    }
}

/// A relabeled image is a file that was moved to the folder of another class.
#[test]
fn relabeling_an_image_and_renaming_a_class_move_no_image() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names = |classes: [&'static str; 2]| {
        (0..200).map(move |i| format!("{}/{i}.png", classes[usize::from(i % 7 < 3)]))
    };
    let before = folder_of(one.path(), names(["a", "b"]));
    // Of the class `b` one third is called `c` now, and `a` has another name.
    let after = names(["other", "b"]).map(|name| match name.strip_prefix("b/") {
        Some(file) if file.len() == 6 => format!("c/{file}"),
        _ => name,
    });
    let after = folder_of(two.path(), after);
    assert_eq!(after.classes(), ["b", "c", "other"]);
    let by_file = |sets: BTreeMap<String, u8>| -> BTreeMap<String, u8> {
        let file = |name: String| name.split_once('/').unwrap().1.to_owned();
        sets.into_iter()
            .map(|(name, set)| (file(name), set))
            .collect()
    };
    let moved = |apply: &dyn Fn(&ImageFolder) -> Split| {
        let [before, after] = [&before, &after].map(|folder| by_file(sets(&apply(folder))));
        before
            .iter()
            .filter(|(file, set)| after[*file] != **set)
            .count()
    };
    assert_eq!(moved(&|f| HashedSplit::default().apply(f).unwrap()), 0);
    let groups = || GroupedSplit::new(GroupBy::Before("_v".into()));
    assert_eq!(moved(&|f| groups().apply(f).unwrap()), 0);
    // What `retrain.py` hashes has the class in it.
    let parity = HashedSplit::default().with_retrain_py_paths("");
    assert!(moved(&|f| parity.apply(f).unwrap()) > 0);
}

#[test]
fn variants_marked_nohash_stay_together() {
    let dir = tempfile::tempdir().unwrap();
    let names = (0..60)
        .flat_map(|i| (0..3).map(move |v| format!("{}/leaf{i}_nohash_{v}.png", ["a", "b"][i % 2])));
    let split = HashedSplit::default()
        .apply(&folder_of(dir.path(), names))
        .unwrap();
    let mut of_leaf = BTreeMap::new();
    for (name, set) in sets(&split) {
        let leaf = name.split("_nohash_").next().unwrap().to_owned();
        assert_eq!(*of_leaf.entry(leaf).or_insert(set), set, "{name}");
    }
}

#[test]
fn a_set_that_would_be_empty_is_refused_with_a_repair() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder_of(dir.path(), ["a/1.png".to_owned(), "b/1.png".to_owned()]);
    let error = HashedSplit::default().apply(&folder).unwrap_err();
    assert!(matches!(&error, Error::EmptySubset { .. }), "{error}");
    assert!(error.to_string().contains("percentage"), "{error}");
    let none = HashedSplit::default()
        .with_validation_percentage(0.0)
        .with_testing_percentage(0.0);
    assert_eq!(sizes(&none.apply(&folder).unwrap()), [2, 0, 0]);
    let wrong = HashedSplit::default()
        .with_testing_percentage(95.0)
        .apply(&folder);
    assert!(matches!(wrong, Err(Error::Setting { .. })));
}

#[test]
fn labels_of_the_original() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let labels = retrain_py_labels(&names(&["Sail--Boat_2", "cloud"])).unwrap();
    assert_eq!(labels, ["sail boat 2", "cloud"]);
    let error = retrain_py_labels(&names(&["big boat", "Big-Boat"])).unwrap_err();
    assert!(error.to_string().contains("Big-Boat"), "{error}");
}
