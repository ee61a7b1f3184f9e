//! Folders that lie deeper, folders that are divided already, and what is passed over.

use dataset::folder::FolderOptions;
use dataset::split::{BesideTestFolder, Subset};
use dataset::{Error, HashedSplit, ImageFolder, SkipReason, Split};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

fn png() -> Vec<u8> {
    encode(&gradient(3, 2), ImageFormat::Png)
}

fn names(folder: &ImageFolder) -> Vec<&str> {
    folder.iter().map(|item| item.name.as_str()).collect()
}

#[test]
fn folders_inside_classes_are_gone_into() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "b/x.png",
        "a/images/2.png",
        "a/images/1.png",
        "a/0.png",
        "a/z/deep/er/3.png",
    ] {
        put(dir.path().join(name), png());
    }
    let folder = ImageFolder::open(dir.path()).unwrap();
    let expected = [
        "a/0.png",
        "a/images/1.png",
        "a/images/2.png",
        "a/z/deep/er/3.png",
        "b/x.png",
    ];
    assert_eq!(names(&folder), expected);
    assert_eq!(folder.counts(), [4, 1]);
    assert_eq!(folder.images()[3].file(), "3.png");
    assert!(folder.skipped().is_empty() && folder.remarks().is_empty());
}

#[test]
fn what_systems_leave_behind_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "a/1.png",
        "b/1.png",
        "__MACOSX/a/1.png",
        "a/.ipynb_checkpoints/1.png",
    ] {
        put(dir.path().join(name), png());
    }
    put(dir.path().join("a/Thumbs.db"), b"\xd0\xcf\x11\xe0");
    put(dir.path().join("b/desktop.ini"), b"[x]");
    let folder = ImageFolder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), ["a/1.png", "b/1.png"]);
    assert_eq!(folder.skipped().len(), 4);
    for skipped in folder.skipped() {
        assert!(skipped.reason.is_passed_over(), "{skipped}");
    }
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_not_followed() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    put(dir.path().join("a/1.png"), png());
    put(outside.path().join("2.png"), png());
    symlink(dir.path(), dir.path().join("a/up")).unwrap();
    symlink(outside.path(), dir.path().join("a/out")).unwrap();
    symlink(dir.path(), dir.path().join("again")).unwrap();
    // A class may be a link, and so may a file.
    symlink(outside.path(), dir.path().join("b")).unwrap();
    symlink(outside.path().join("2.png"), dir.path().join("a/3.png")).unwrap();
    let folder = ImageFolder::open(dir.path()).unwrap();
    assert_eq!(names(&folder), ["a/1.png", "a/3.png", "b/2.png"]);
    let linked = folder.skipped().iter();
    let linked = linked.filter(|skipped| matches!(skipped.reason, SkipReason::LinkedFolder));
    assert_eq!(linked.count(), 3);
}

#[test]
fn a_folder_that_is_divided_already_is_a_split() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "train/cat/1.png",
        "train/dog/1.png",
        "train/dog/in/2.png",
        "train/eel/1.png",
        "valid/cat/1.png",
        "test/dog/1.png",
        "test/cat/9.png",
    ] {
        put(dir.path().join(name), png());
    }
    put(dir.path().join("README.md"), b"hello");
    let folder = ImageFolder::open(dir.path()).unwrap();
    assert_eq!(folder.classes(), ["cat", "dog", "eel"]);
    assert_eq!(folder.counts(), [3, 3, 1]);
    assert!(folder.images()[0].name.starts_with("train/cat/"));
    let remark = folder.remarks().concat();
    assert!(
        remark.contains("train/ is for training, valid/ is for validation, test/ is for testing"),
        "{remark}"
    );
    let split = Split::ready(&folder).unwrap().unwrap();
    let sizes = [&split.training, &split.validation, &split.testing].map(Vec::len);
    assert_eq!(sizes, [4, 1, 2]);
    let classes: Vec<_> = split.testing.iter().map(|item| item.class).collect();
    assert_eq!(classes, [0, 1]);
    assert_eq!(split.unused(&folder), 0);
    let test = folder.part(Subset::Testing);
    assert_eq!(
        (test.images(), test.classes()),
        (&split.testing[..], folder.classes())
    );

    // As the rule for folders that are not divided does, and in words.
    let (same, words) = HashedSplit::default().apply_unless_ready(&folder).unwrap();
    assert_eq!(same, split);
    assert!(words.contains("divided already"), "{words}");

    let classes = FolderOptions::new()
        .with_parts(false)
        .open(dir.path())
        .unwrap();
    assert_eq!(classes.classes(), ["test", "train", "valid"]);
    assert!(Split::ready(&classes).unwrap().is_none());
}

#[test]
fn names_of_parts_that_cannot_be_parts_are_refused() {
    let refused = |names: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        names
            .iter()
            .for_each(|name| put(dir.path().join(name), png()));
        match ImageFolder::open(dir.path()) {
            Ok(folder) => folder.classes().join(","),
            Err(error) => error.to_string(),
        }
    };
    let said = refused(&["train/1.png", "test/1.png"]);
    assert!(said.contains("--labels"), "{said}");
    let said = refused(&["train/cat/1.png", "train/dog/1.png", "test/1.png"]);
    assert!(
        said.contains("there are no folders of classes in test"),
        "{said}"
    );
    let said = refused(&["train/cat/1.png", "val/cat/1.png", "dev/cat/1.png"]);
    assert!(said.contains("may both be"), "{said}");
    // A train and a bus are classes.
    assert_eq!(refused(&["train/1.png", "bus/1.png"]), "bus,train");
    assert_eq!(refused(&["test/cat/1.png", "val/cat/1.png"]), "test,val");
}

#[test]
fn a_class_needs_training_images_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["train/cat/1.png", "train/dog/1.png", "test/eel/1.png"] {
        put(dir.path().join(name), png());
    }
    let error = Split::ready(&ImageFolder::open(dir.path()).unwrap()).unwrap_err();
    assert!(
        matches!(&error, Error::EmptySubset { class: Some(class), .. } if class == "eel"),
        "{error}"
    );
}

/// Before, a test folder without one of the classes was refused.
#[test]
fn a_test_folder_may_lack_classes_but_has_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let [train, test, other] = ["photos", "held-out", "other"].map(|name| dir.path().join(name));
    for class in ["a", "b", "c"] {
        (0..9).for_each(|i| put(train.join(format!("{class}/{i}.png")), png()));
    }
    put(test.join("c/1.png"), png());
    put(test.join("b/1.png"), png());
    put(other.join("d/1.png"), png());
    put(other.join("c/1.png"), png());
    let [train, test, other] = [train, test, other].map(|path| ImageFolder::open(path).unwrap());
    let split = HashedSplit::default()
        .apply_beside(&train, &test, BesideTestFolder::Training)
        .unwrap();
    let classes: Vec<_> = split.testing.iter().map(|item| item.class).collect();
    assert_eq!(classes, [1, 2]);
    let error = Split::from_folders(&train, None, Some(&other)).unwrap_err();
    assert!(
        matches!(&error, Error::ClassesDiffer { found, .. } if *found == ["d"]),
        "{error}"
    );
}

/// Before, the message had the first file alone, and the advice to remove the folder.
#[test]
fn a_class_without_usable_images_has_the_most_frequent_reason() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path().join("a/1.png"), png());
    put(dir.path().join("b/.DS_Store"), b"x");
    put(dir.path().join("b/0.jpg"), b"");
    for i in 1..=24 {
        put(
            dir.path().join(format!("b/{i}.jpg")),
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        );
    }
    let said = ImageFolder::open(dir.path()).unwrap_err().to_string();
    assert!(
        said.contains("24 of 25 files: HEIC") && said.contains("convert it to JPEG"),
        "{said}"
    );
    assert!(!said.contains("remove the folder"), "{said}");
}

#[test]
fn a_folder_of_a_table_alone_names_it() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path().join("train.csv"), b"id,label\n");
    let said = ImageFolder::open(dir.path()).unwrap_err().to_string();
    assert!(said.contains("train.csv may have the labels"), "{said}");
}
