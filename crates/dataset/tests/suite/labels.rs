//! Labels in tables.

use dataset::labels::{LabelColumns, LabelTable};
use dataset::{Error, HashedSplit, ImageFolder, SkipReason, Split};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

/// A folder with images of these names, and a table of this text.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let png = encode(&gradient(3, 2), ImageFormat::Png);
        for name in names {
            put(dir.path().join("images").join(name), &png);
        }
        Self { dir }
    }

    fn open(
        &self,
        table: impl AsRef<[u8]>,
        columns: &LabelColumns,
    ) -> dataset::Result<ImageFolder> {
        let path = self.dir.path().join("train.csv");
        put(&path, table);
        ImageFolder::labeled(
            self.dir.path().join("images"),
            &LabelTable::open(path, columns)?,
        )
    }

    fn folder(&self, table: impl AsRef<[u8]>) -> ImageFolder {
        self.open(table, &LabelColumns::new()).unwrap()
    }

    fn refusal(&self, table: &str) -> String {
        let refused = self.open(table, &LabelColumns::new());
        refused.unwrap_err().to_string()
    }
}

fn labels(folder: &ImageFolder) -> Vec<String> {
    let label =
        |item: &dataset::ImageItem| format!("{}={}", item.name, folder.classes()[item.class]);
    folder.iter().map(label).collect()
}

#[test]
fn the_usual_tables_are_understood() {
    let place = Place::new(&["a.jpg", "b.jpg", "sub/c.png"]);
    let expected = ["a.jpg=cat", "sub/c.png=cat", "b.jpg=dog"];
    let utf16: Vec<u8> = "\u{feff}image;species\r\na;cat\r\nb;dog\r\nc;cat\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let tables: [&[u8]; 7] = [
        // Kaggle: ids without endings, and a label of its own name.
        b"id,breed\na,cat\nb,dog\nc,cat\n",
        // Keras' flow_from_dataframe.
        b"filename,class\na.jpg,cat\nb.jpg,dog\nsub/c.png,cat\n",
        // Hugging Face's metadata.jsonl.
        b"{\"file_name\": \"a.jpg\", \"label\": \"cat\"}\n{\"file_name\": \"b.jpg\", \"label\": [\"dog\"]}\n{\"file_name\": \"sub/c.png\", \"label\": \"cat\"}\n",
        // Paths from elsewhere, with a folder that all have.
        b"path\tcategory\n/kaggle/images/a.jpg\tcat\n/kaggle/images/b.jpg\tdog\n/kaggle/images/sub/c.png\tcat\n",
        b"image_id,label\nA.JPG,cat\nb.jpeg,dog\nsub\\c,cat\n",
        b"\xef\xbb\xbf\"Image ID\",\"Label\"\n\"a\",\"cat\"\n\"b\",\"dog\"\n\"c\",\"cat\"\n",
        &utf16,
    ];
    for table in tables {
        let folder = place.folder(table);
        assert_eq!(
            labels(&folder),
            expected,
            "{}",
            String::from_utf8_lossy(table)
        );
        assert!(folder.missing().is_empty() && folder.skipped().is_empty());
    }
}

#[test]
fn what_has_no_counterpart_is_counted_and_listed() {
    let place = Place::new(&["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
    put(place.dir.path().join("images/e.jpg"), b"no image");
    let folder = place.folder("id,label,age\na,cat,1\nb,dog,2\nx,dog,3\ne,eel,4\nf,,5\n");
    assert_eq!(labels(&folder), ["a.jpg=cat", "b.jpg=dog"]);
    assert_eq!(folder.missing(), ["x", "e"]);
    let unlisted = folder.skipped().iter();
    let unlisted = unlisted.filter(|skipped| matches!(skipped.reason, SkipReason::NoRow));
    assert_eq!(unlisted.count(), 2);
    let said = folder.remarks().join("\n");
    for words in [
        "files are in the column 'id', labels in 'label'; not used: 'age'",
        "rows without an image file: 2 (x, e)",
        "files without a row, which therefore have no label: 2 (c.jpg, d.jpg)",
        "rows without a label: 1",
        "labels without any file, which do not become classes: 1 (eel)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// Hugging Face's `metadata.jsonl` lies among the images, and is none of them that cannot be read.
#[test]
fn a_table_among_the_images_is_not_left_out() {
    let place = Place::new(&["a.jpg", "b.jpg"]);
    let images = place.dir.path().join("images");
    let table = images.join("metadata.jsonl");
    put(
        &table,
        "{\"file_name\": \"a.jpg\", \"label\": 0}\n{\"file_name\": \"b.jpg\", \"label\": 1}\n",
    );
    let table = LabelTable::open(table, &LabelColumns::new()).unwrap();
    let folder = ImageFolder::labeled(images, &table).unwrap();
    assert_eq!(labels(&folder), ["a.jpg=0", "b.jpg=1"]);
    assert!(folder.skipped().is_empty(), "{:?}", folder.skipped());
}

/// The table that a review page saves names the images that were decided about alone: given as the table of all labels, it
/// would leave out the others.
#[test]
fn a_table_of_a_review_page_is_no_table_of_labels() {
    let place = Place::new(&["cat/a.jpg", "cat/b.jpg", "dog/c.jpg", "dog/d.jpg"]);
    for rows in [
        "file,label\ncat/a.jpg,dog\n",
        "file,label\ncat/a.jpg,cat\ndog/c.jpg,\n",
        "file,label\ncat/a.jpg,\n",
    ] {
        let said = place.refusal(rows);
        assert!(said.contains("--corrections"), "{rows}: {said}");
    }
    // A list of some of the images, or of all of them, may be meant.
    for rows in [
        "file,label\ncat/a.jpg,cat\ndog/c.jpg,dog\n",
        "file,label\ncat/a.jpg,dog\ncat/b.jpg,cat\ndog/c.jpg,dog\ndog/d.jpg,dog\n",
        "file,label\ncat/a.jpg,tame\ndog/c.jpg,wild\n",
    ] {
        place.folder(rows);
    }
}

#[test]
fn weights_say_how_much_images_count() {
    let place = Place::new(&["a.jpg", "b.jpg", "c.jpg"]);
    let folder = place.folder("id,label,weight\nb,dog,2\na,cat,0.5\nc,cat,1e3\n");
    assert_eq!(labels(&folder), ["a.jpg=cat", "c.jpg=cat", "b.jpg=dog"]);
    assert_eq!(folder.weights(), Some(&[0.5, 1000.0, 2.0][..]));
    assert!(folder.remarks()[0].contains("weights in 'weight'"));
    assert_eq!(place.folder("id,label\na,cat\nb,dog\n").weights(), None);
    for wrong in ["0", "-1", "NaN", "inf", "", "heavy"] {
        let said = place.refusal(&format!("id,label,weight\na,cat,1\nb,dog,{wrong}\n"));
        assert!(said.contains("line 3") && said.contains("weight"), "{said}");
    }
}

#[test]
fn columns_may_be_named() {
    let place = Place::new(&["a.jpg", "b.jpg"]);
    let columns = LabelColumns::new()
        .with_file("photo".to_string())
        .with_label("kind of animal".to_string());
    let text = "id,photo,kind of animal\n1,a,cat\n2,b,dog\n";
    let folder = place.open(text, &columns).unwrap();
    assert_eq!(labels(&folder), ["a.jpg=cat", "b.jpg=dog"]);
    let columns = columns.with_split("part".to_string());
    let said = place.open(text, &columns).unwrap_err().to_string();
    assert!(
        said.contains("no column 'part'") && said.contains("'photo'"),
        "{said}"
    );
}

#[test]
fn numbers_are_sorted_as_numbers() {
    let place = Place::new(&["a.jpg", "b.jpg", "c.jpg"]);
    let folder = place.folder("id,target\na,10\nb,2\nc,1\n");
    assert_eq!(folder.classes(), ["1", "2", "10"]);
    assert_eq!(labels(&folder)[0], "c.jpg=1");
}

#[test]
fn a_table_may_have_the_split_and_groups() {
    let names: Vec<String> = (0..60).map(|i| format!("{i}.jpg")).collect();
    let place = Place::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let rows = |row: &dyn Fn(usize) -> String| (0..60).map(row).collect::<String>();
    let class = |i: usize| ["cat", "dog"][i % 2];
    let part = |i: usize| ["train", "train", "Val", "test"][i / 2 % 4];
    let folder = place.folder(format!(
        "id,label,split\n{}",
        rows(&|i| format!("{i},{},{}\n", class(i), part(i)))
    ));
    let split = Split::ready(&folder).unwrap().unwrap();
    let sizes = [&split.training, &split.validation, &split.testing].map(Vec::len);
    assert_eq!(sizes, [32, 14, 14]);

    // Four images of each patient, of which none is on two sides.
    let folder = place.folder(format!(
        "id,label,patient_id\n{}",
        rows(&|i| format!("{i},{},p{}\n", class(i), i / 4))
    ));
    let half = HashedSplit::default()
        .with_testing_percentage(30.0)
        .with_validation_percentage(0.0);
    let (split, words) = half.apply_unless_ready(&folder).unwrap();
    assert!(words.contains("groups"), "{words}");
    let patients = |items: &[dataset::ImageItem]| -> std::collections::BTreeSet<usize> {
        let number = |item: &dataset::ImageItem| {
            item.name.trim_end_matches(".jpg").parse::<usize>().unwrap() / 4
        };
        items.iter().map(number).collect()
    };
    let (training, testing) = (patients(&split.training), patients(&split.testing));
    assert!(!testing.is_empty() && training.is_disjoint(&testing));
    assert_eq!(split.testing.len(), 4 * testing.len());

    let folder = place.folder(format!(
        "id,label,split,group\n{}",
        rows(&|i| format!("{i},{},{},g{}\n", class(i), part(i), i / 5))
    ));
    let error = Split::ready(&folder).unwrap_err();
    assert!(
        matches!(&error, Error::DividedGroup { groups } if !groups.is_empty()),
        "{error}"
    );
    let said = place.refusal("id,label,split\n0,cat,train\n1,dog,holdout\n");
    assert!(
        said.contains("line 3") && said.contains("'holdout'"),
        "{said}"
    );
}

#[test]
fn tables_that_mean_something_else_are_refused() {
    let place = Place::new(&["a.jpg", "b.jpg"]);
    for (table, words) in [
        (
            "a,b,c\n1,2,3\n",
            "no column has one of the usual names for files",
        ),
        (
            "id,healthy,rust\na,1,0\n",
            "no column has one of the usual names for labels",
        ),
        (
            "id,label\na,cat|dog\nb,dog\n",
            "several labels in 1 row: 'cat|dog' (line 2)",
        ),
        ("id,label\na,\"['cat', 'dog']\"\nb,dog\n", "several labels"),
        ("id,label\na,cat dog\nb,dog\nc,cat\n", "several labels"),
        (
            "id,label\na,cat\na,dog\n",
            "'a' is 'cat' and 'dog' (line 3)",
        ),
        ("id,label\na,cat\na.jpg,dog\n", "two rows that differ"),
        ("id,label\nx,cat\ny,dog\n", "no row names a file in"),
        ("id,label\na,\nb,\n", "no row has a label"),
    ] {
        let said = place.refusal(table);
        assert!(
            said.contains(words) && said.contains("train.csv"),
            "{words}: {said}"
        );
    }
    // A name with commas and spaces is one label, as ImageNet's are.
    let folder = place.folder("id,label\na,\"tench, Tinca tinca\"\nb,red fox\n");
    assert_eq!(folder.classes(), ["red fox", "tench, Tinca tinca"]);
    let empty = Place::new(&[]);
    put(
        empty.dir.path().join("images/a.jpg"),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    );
    let said = empty.refusal("id,label\na,cat\n");
    assert!(said.contains("1 of 1 file: HEIC"), "{said}");
}
