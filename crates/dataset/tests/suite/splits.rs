use std::collections::BTreeSet;

use dataset::ImageFolder;
use dataset::split::{GroupBy, GroupedSplit, Split, StratifiedSplit, first_fraction, k_fold};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

/// 40 images of `a`, 25 of `b`.
fn folder() -> (tempfile::TempDir, ImageFolder) {
    let dir = tempfile::tempdir().unwrap();
    let png = encode(&gradient(2, 2), ImageFormat::Png);
    for (class, count) in [("a", 40), ("b", 25)] {
        for i in 0..count {
            put(
                dir.path()
                    .join(format!("{class}/leaf{:02}_v{}.png", i / 2, i % 2)),
                &png,
            );
        }
    }
    let folder = ImageFolder::open(dir.path()).unwrap();
    (dir, folder)
}

fn names(items: &[dataset::ImageItem]) -> BTreeSet<&str> {
    items.iter().map(|item| item.name.as_str()).collect()
}

fn assert_whole(split: &Split, images: usize) {
    let sets = [&split.training, &split.validation, &split.testing].map(|s| names(s));
    let all: BTreeSet<_> = sets.iter().flatten().collect();
    assert_eq!(
        (all.len(), sets.iter().map(BTreeSet::len).sum::<usize>()),
        (images, images)
    );
}

#[test]
fn images_in_no_subset_are_counted() {
    let (_dir, folder) = folder();
    let mut split = first_fraction(&folder, 0.5).unwrap();
    assert_eq!(split.unused(&folder), 0);
    let removed = split.training.split_off(3).len();
    assert_eq!(split.unused(&folder), removed);
}

#[test]
fn first_fraction_takes_the_first_of_each_class() {
    let (_dir, folder) = folder();
    let split = first_fraction(&folder, 0.8).unwrap();
    assert_whole(&split, 65);
    assert_eq!((split.training.len(), split.testing.len()), (52, 13));
    assert!(
        split
            .testing
            .iter()
            .all(|item| *item.name > *"a/leaf15_v1.png")
    );
    assert!(first_fraction(&folder, 1.0).is_err());
}

#[test]
fn stratified_keeps_the_shares_of_the_classes() {
    let (_dir, folder) = folder();
    let split = StratifiedSplit::new(3)
        .with_percentages(20.0, 20.0)
        .apply(&folder)
        .unwrap();
    assert_whole(&split, 65);
    for set in [&split.validation, &split.testing] {
        assert_eq!(
            [0, 1].map(|c| set.iter().filter(|i| i.class == c).count()),
            [8, 5]
        );
    }
    let other = StratifiedSplit::new(4)
        .with_percentages(20.0, 20.0)
        .apply(&folder)
        .unwrap();
    assert_ne!(split, other);
}

#[test]
fn groups_stay_together() {
    let (dir, folder) = folder();
    put(
        dir.path().join("groups.csv"),
        folder
            .images()
            .iter()
            .fold("name,plant\n".to_owned(), |text, item| {
                format!(
                    "{text}{},{}\n",
                    item.name,
                    item.file().split("_v").next().unwrap()
                )
            }),
    );
    let by_column = GroupBy::csv(dir.path().join("groups.csv"), "plant").unwrap();
    assert!(GroupBy::csv(dir.path().join("groups.csv"), "tree").is_err());
    let splits = [GroupBy::Before("_v".into()), by_column].map(|group| {
        GroupedSplit::new(group)
            .with_percentages(20.0, 20.0)
            .apply(&folder)
            .unwrap()
    });
    assert_eq!(splits[0], splits[1]);
    assert_whole(&splits[0], 65);
    let leaf = |item: &dataset::ImageItem| item.name.split("_v").next().unwrap().to_owned();
    let training: BTreeSet<_> = splits[0].training.iter().map(leaf).collect();
    assert!(
        splits[0]
            .testing
            .iter()
            .all(|item| !training.contains(&leaf(item)))
    );
}

#[test]
fn groups_of_unknown_images_and_two_groups_for_one_image_are_refused() {
    let (dir, folder) = folder();
    let path = dir.path().join("groups.csv");
    put(&path, "name,plant\na/leaf00_v0.png,1\na/leaf00_v0.png,2\n");
    let error = GroupBy::csv(&path, "plant").unwrap_err().to_string();
    assert!(
        error.contains("groups.csv") && error.contains("'a/leaf00_v0.png' is listed twice"),
        "{error}"
    );
    put(
        &path,
        "name,plant\na/leaf00_v0.png,1\na/leaf0_v1.png,1\nleaf00_v1.png,1\n",
    );
    let groups = GroupBy::csv(&path, "plant").unwrap();
    let error = GroupedSplit::new(groups)
        .apply(&folder)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2 names") && error.contains("'a/leaf0_v1.png'"),
        "{error}"
    );
}

#[test]
fn folds_cover_every_image_once() {
    let (_dir, folder) = folder();
    let folds = k_fold(&folder, 5, 1).unwrap();
    let mut seen = BTreeSet::new();
    for fold in &folds {
        assert_whole(fold, 65);
        assert_eq!(fold.validation.len(), 13);
        assert!(
            fold.validation
                .iter()
                .all(|item| seen.insert(item.name.clone()))
        );
    }
    assert_eq!(seen.len(), 65);
    assert!(k_fold(&folder, 26, 1).is_err());
}

#[test]
fn a_split_is_a_file() {
    let (dir, folder) = folder();
    let split = StratifiedSplit::new(1).apply(&folder).unwrap();
    let path = dir.path().join("split.csv");
    split.write(&path).unwrap();
    assert_eq!(Split::read(&path, &folder).unwrap(), split);
    let text = std::fs::read_to_string(&path).unwrap();
    let shorter: String = text
        .lines()
        .take(30)
        .map(|line| format!("{line}\n"))
        .collect();
    for (broken, word) in [
        (shorter, "not listed"),
        (format!("{text}a/new.png,testing\n"), "a/new.png"),
        (format!("{text}a/leaf00_v0.png,testing\n"), "twice"),
        (text.replace(",testing", ",test"), "found 'test'"),
    ] {
        put(&path, broken);
        let error = Split::read(&path, &folder).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let whole = Split::from_folders(&folder, None, Some(&folder)).unwrap();
    assert_eq!((whole.training.len(), whole.testing.len()), (65, 65));
}
