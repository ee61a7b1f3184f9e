use dataset::audit::{Finding, Kind, run};
use dataset::sample::{self, Subject};
use dataset::{ImageFolder, RgbImage};
use image::ImageFormat;
use image::imageops::{FilterType, resize};

use crate::common::{encode, put, shared};

#[test]
fn each_kind_is_found_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (dir.path().join("train"), dir.path().join("test"));
    sample::write(&train, 8, 1).unwrap();
    sample::write(&test, 4, 2).unwrap();
    let boat = std::fs::read(train.join("boat/boat_00000.jpg")).unwrap();
    put(train.join("boat/again.jpg"), &boat);
    put(
        train.join("cloud/wrong.jpg"),
        std::fs::read(train.join("boat/boat_00001.jpg")).unwrap(),
    );
    let image = sample::draw(Subject::Boat, 2, 1);
    let smaller = resize(&image, 200, 150, FilterType::Triangle);
    put(
        test.join("boat/smaller.png"),
        encode(&smaller, ImageFormat::Png),
    );
    put(train.join("boat/cut.jpg"), &boat[..boat.len() / 2]);
    put(train.join("boat/page.jpg"), b"<html>not found</html>");
    put(
        train.join("boat/really.png"),
        std::fs::read(test.join("cloud/cloud_00000.jpg")).unwrap(),
    );
    std::fs::remove_file(test.join("cloud/cloud_00000.jpg")).unwrap();
    let plain = |w, h, v| encode(&RgbImage::from_pixel(w, h, [v; 3].into()), ImageFormat::Png);
    put(train.join("cloud/plain.png"), plain(90, 90, 120));
    put(
        train.join("cloud/tiny.png"),
        encode(
            &resize(&image, 20, 30, FilterType::Triangle),
            ImageFormat::Png,
        ),
    );
    let long = resize(
        &sample::draw(Subject::Cloud, 99, 1),
        500,
        100,
        FilterType::Triangle,
    );
    put(
        train.join("cloud/long.png"),
        encode(&long, ImageFormat::Png),
    );
    let blurred = image::imageops::blur(&sample::draw(Subject::Boat, 98, 1), 12.0);
    put(
        train.join("boat/blurred.png"),
        encode(&blurred, ImageFormat::Png),
    );
    let phone = sample::draw(Subject::Boat, 96, 1);
    put(
        train.join("boat/phone.HEIC"),
        encode(&phone, ImageFormat::Jpeg),
    );
    let mut dark = sample::draw(Subject::Boat, 97, 1);
    dark.iter_mut().for_each(|v| *v /= 14);
    put(train.join("boat/dark.png"), encode(&dark, ImageFormat::Png));

    let folders = [
        ImageFolder::open(&train).unwrap(),
        ImageFolder::open(&test).unwrap(),
    ];
    let findings = run(&[&folders[0], &folders[1]]).unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|f| {
            let names = f
                .paths
                .iter()
                .map(|p| p.file_name().unwrap().to_str().unwrap());
            format!("{}: {}", f.kind, names.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        // Both are copies of one picture, one of 20 x 30 pixels.
        "leakage: smaller.png boat_00002.jpg",
        "leakage: smaller.png tiny.png",
        "label-conflict: smaller.png tiny.png",
        "label-conflict: boat_00001.jpg wrong.jpg",
        "label-conflict: boat_00002.jpg tiny.png",
        "unreadable: cut.jpg",
        "unreadable: page.jpg",
        "ending: phone.HEIC",
        "ending: really.png",
        "tiny: tiny.png",
        "aspect: long.png",
        "one-color: plain.png",
        "blurred: blurred.png",
        "dark: dark.png",
        "duplicate: again.jpg boat_00000.jpg",
    ];
    assert_eq!(found, expected);
    let json = serde_json::to_string(&findings).unwrap();
    assert!(json.contains("\"kind\":\"one-color\""), "{json}");
    assert_eq!(
        serde_json::from_str::<Vec<Finding>>(&json).unwrap(),
        findings
    );
    assert_eq!(
        "near-duplicate".parse::<Kind>().unwrap(),
        Kind::NearDuplicate
    );
    assert!("nonsense".parse::<Kind>().is_err());
}

/// The picture that resembles is in the training set, and so is what it resembles; but of that there is a copy.
#[test]
fn a_copy_elsewhere_leaks_what_resembles_it() {
    let dir = tempfile::tempdir().unwrap();
    let (train, test) = (dir.path().join("train"), dir.path().join("test"));
    sample::write(&train, 2, 1).unwrap();
    sample::write(&test, 1, 2).unwrap();
    let original = std::fs::read(train.join("boat/boat_00000.jpg")).unwrap();
    put(test.join("boat/copy.jpg"), &original);
    let smaller = resize(
        &sample::draw(Subject::Boat, 0, 1),
        200,
        150,
        FilterType::Triangle,
    );
    put(
        train.join("boat/smaller.png"),
        encode(&smaller, ImageFormat::Png),
    );
    let folders = [&train, &test].map(|folder| ImageFolder::open(folder).unwrap());
    let findings = run(&[&folders[0], &folders[1]]).unwrap();
    let leaks: Vec<Vec<_>> = findings
        .iter()
        .filter(|finding| finding.kind == Kind::Leakage)
        .map(|finding| {
            let mut names: Vec<_> = finding.paths.iter().filter_map(|p| p.file_name()).collect();
            names.sort();
            names
        })
        .collect();
    assert!(
        leaks
            .iter()
            .any(|names| names == &["boat_00000.jpg", "copy.jpg"]),
        "{findings:#?}"
    );
    let all = ["boat_00000.jpg", "copy.jpg", "smaller.png"];
    assert!(leaks.iter().any(|names| names == &all), "{findings:#?}");
}

#[test]
fn boats_and_clouds_have_no_false_pairs() {
    let Some(root) = shared("data/boat-cloud") else {
        return;
    };
    let folders = ["train", "test"].map(|part| ImageFolder::open(root.join(part)).unwrap());
    let findings = run(&[&folders[0], &folders[1]]).unwrap();
    let pairs = [
        Kind::Leakage,
        Kind::LabelConflict,
        Kind::Duplicate,
        Kind::NearDuplicate,
    ];
    let accused: Vec<_> = findings
        .iter()
        .filter(|f| pairs.contains(&f.kind))
        .collect();
    assert!(accused.is_empty(), "{accused:#?}");
    for kind in [
        Kind::Unreadable,
        Kind::Blurred,
        Kind::Dark,
        Kind::OneColor,
        Kind::Tiny,
        Kind::AspectRatio,
    ] {
        eprintln!(
            "{kind}: {}",
            findings.iter().filter(|f| f.kind == kind).count()
        );
    }
}

/// Findings with names that are not UTF-8 are written, and read as they were.
#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf8_is_written_to_json() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 2, 1).unwrap();
    let bytes = std::fs::read(dir.path().join("boat/boat_00000.jpg")).unwrap();
    let names: [&[u8]; 3] = [b"fr\xfchling.jpg", b"literal\\xfc.jpg", b"\xff\xfe"];
    for name in names {
        put(
            dir.path().join("cloud").join(OsStr::from_bytes(name)),
            &bytes,
        );
    }
    let findings = run(&[&ImageFolder::open(dir.path()).unwrap()]).unwrap();
    assert_eq!(findings[0].kind, Kind::LabelConflict);
    assert_eq!(findings[0].paths.len(), 4);
    let json = serde_json::to_string(&findings).unwrap();
    for text in [r"fr\\xfchling.jpg", r"literal\\x5cxfc.jpg", r"\\xff\\xfe"] {
        assert!(json.contains(text), "{text} is not in {json}");
    }
    let read: Vec<Finding> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, findings);
}

/// Nine copies of one picture, each of other bytes, are one finding and not 36.
#[test]
fn many_that_resemble_each_other_are_one_group() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 2, 1).unwrap();
    let image = sample::draw(Subject::Boat, 0, 1);
    for number in 0..8 {
        let smaller = resize(&image, 200 + number, 150, FilterType::Triangle);
        let path = dir.path().join(format!("boat/smaller_{number}.png"));
        put(path, encode(&smaller, ImageFormat::Png));
    }
    let find = || {
        let found = run(&[&ImageFolder::open(dir.path()).unwrap()]).unwrap();
        let alike = found.into_iter().filter(|f| f.kind == Kind::NearDuplicate);
        alike.collect::<Vec<_>>()
    };
    let found = find();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].paths.len(), 9);
    assert!(
        found[0].detail.contains("a group of 9 images"),
        "{}",
        found[0].detail
    );
    // Eight of them are still given pair by pair.
    std::fs::remove_file(dir.path().join("boat/smaller_0.png")).unwrap();
    let found = find();
    assert_eq!(found.len(), 8 * 7 / 2);
    assert!(found.iter().all(|finding| finding.paths.len() == 2));
}

/// Pictures of one color, and of grain alone, are no pairs: there is nothing that could be compared.
#[test]
fn flat_pictures_are_not_paired() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..200_u8 {
        let image = RgbImage::from_pixel(40, 40, [number, 255 - number, 9].into());
        let path = dir.path().join(format!("flat/{number}.png"));
        put(path, encode(&image, ImageFormat::Png));
    }
    let findings = run(&[&ImageFolder::open(dir.path()).unwrap()]).unwrap();
    assert_eq!(findings.len(), 200);
    assert!(
        findings
            .iter()
            .all(|finding| finding.kind == Kind::OneColor)
    );
}

#[test]
fn progress_is_told_for_both_steps() {
    use dataset::audit::{Step, run_with_progress};

    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 5, 1).unwrap();
    put(dir.path().join("boat/cut.jpg"), b"\xff\xd8\xff\xe0");
    let folder = ImageFolder::open(dir.path()).unwrap();
    let mut told = Vec::new();
    let findings = run_with_progress(&[&folder], |progress| told.push(progress)).unwrap();
    assert_eq!(findings, run(&[&folder]).unwrap());
    let of = |step| told.iter().filter(move |progress| progress.step == step);
    let hashed: Vec<_> = of(Step::Hashing).map(|p| (p.done, p.total)).collect();
    assert_eq!(hashed, (1..=11).map(|done| (done, 11)).collect::<Vec<_>>());
    // The broken one is not compared.
    let compared: Vec<_> = of(Step::Comparing).map(|p| p.done).collect();
    assert!(compared.is_sorted());
    assert_eq!(compared.last(), Some(&10));
    assert!(of(Step::Comparing).all(|progress| progress.total == 10));
    assert_eq!(told.last().unwrap().step, Step::Comparing);
}
