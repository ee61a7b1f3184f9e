//! Tables that correct labels.

use std::fs;
use std::path::Path;

use dataset::split::Subset;
use dataset::{Error, ImageFolder, sample};

fn corrected(photos: &Path, rows: &str) -> Result<ImageFolder, Error> {
    let table = photos.with_file_name("labels.csv");
    fs::write(&table, rows).unwrap();
    ImageFolder::open(photos)?.corrected(table)
}

fn refused(photos: &Path, rows: &str) -> String {
    match corrected(photos, rows) {
        Err(Error::Parse { message, .. }) => message,
        other => panic!("{rows}: {other:?}"),
    }
}

#[test]
fn labels_change_and_images_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    sample::write(&photos, 3, 1).unwrap();
    // Deeper folders have names of their own.
    fs::create_dir(photos.join("cloud/more")).unwrap();
    fs::copy(
        photos.join("cloud/cloud_00000.jpg"),
        photos.join("cloud/more/1.jpg"),
    )
    .unwrap();
    let rows = "file,label\nboat/boat_00000.jpg,cloud\nboat/boat_00001.jpg,\ncloud/more/1.jpg,boat\n\
                cloud/cloud_00002.jpg,cloud\nboat/gone.jpg,cloud\n";
    let folder = corrected(&photos, rows).unwrap();
    assert_eq!(folder.counts(), [2, 4]);
    let names = folder.images().iter().map(|item| (&*item.name, item.class));
    assert!(names.clone().any(|it| it == ("boat/boat_00000.jpg", 1)));
    assert!(names.clone().any(|it| it == ("cloud/more/1.jpg", 0)));
    let skipped = folder.skipped();
    assert!(skipped[0].path.ends_with("boat/boat_00001.jpg"));
    assert!(skipped[0].reason.to_string().contains("corrections"));
    let said = folder.remarks().join("\n");
    assert!(
        said.contains("labels changed: 2, images left out: 1"),
        "{said}"
    );
    assert!(
        said.contains("rows without an image file: 1 (boat/gone.jpg)"),
        "{said}"
    );
    // With a semicolon or a tab, without the ending, in another case, and with other usual names of columns.
    for rows in [
        "label;file\ncloud;boat/boat_00000\n;BOAT/boat_00001.JPG\n",
        "file\tclass\nboat/boat_00000.jpg\tcloud\n boat\\boat_00001.png \t\n",
        "{\"image\": \"boat_00000.jpg\", \"label\": \"cloud\"}\n{\"image\": \"boat_00001\", \"label\": \"\"}\n",
    ] {
        assert_eq!(corrected(&photos, rows).unwrap().counts(), [1, 5], "{rows}");
    }
    // What is not there is named with what is spelled nearly so.
    let misspelled = corrected(
        &photos,
        "file,label\nboat/boat_00000.jpg,cloud\nboat/boot_00001.jpg,\n",
    );
    let said = misspelled.unwrap().remarks().join("\n");
    assert!(
        said.contains("boat/boot_00001.jpg: did you mean boat/boat_00001.jpg?"),
        "{said}"
    );
    // No decision is a table, too.
    assert_eq!(corrected(&photos, "file,label\n").unwrap().counts(), [3, 4]);
}

#[test]
fn parts_keep_their_images() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    for (part, seed) in [("train", 1), ("test", 2)] {
        sample::write(photos.join(part), 2, seed).unwrap();
    }
    let name = "boat/boat_00000.jpg";
    fs::remove_file(photos.join("test").join(name)).unwrap();
    // As the page of a part names it, and by its whole name.
    for rows in [
        format!("file,label\n{name},cloud\n"),
        format!("file,label\ntrain/{name},cloud\n"),
    ] {
        let folder = corrected(&photos, &rows).unwrap();
        let counts = |part| folder.part(part).counts();
        assert_eq!(counts(Subset::Training), [1, 3]);
        assert_eq!(counts(Subset::Testing), [1, 2]);
    }
    let said = refused(&photos, "file,label\nboat/boat_00001.jpg,cloud\n");
    assert!(said.contains("several images have this name"), "{said}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    sample::write(&photos, 2, 1).unwrap();
    for (rows, reason) in [
        (
            "who,what,when\na,boat,3\n",
            "expected the columns file and label, found who, what, when",
        ),
        (
            "file,label\nboat/boat_00000.jpg,bota\n",
            "label 'bota'; the classes are boat, cloud",
        ),
        (
            "file,label\nelsewhere/1.jpg,boat\n",
            "1 row and none with a file in the folder",
        ),
        (
            "file,label\nboat/boat_00000.jpg,boat\nboat/boat_00000.jpg,\n",
            "two rows have different labels",
        ),
    ] {
        let said = refused(&photos, rows);
        assert!(said.contains(reason), "{said}");
    }
}
