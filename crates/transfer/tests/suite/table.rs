//! Tables of embeddings, as other programs read them.

use transfer::table::{EmbeddingTable, TableFormat};
use transfer::{Embeddings, Error};

/// Two parts: names that need quotes, and floats whose shortest decimal numbers are long.
fn parts() -> Vec<transfer::Result<Embeddings>> {
    let part = |values: Vec<f32>, targets: Vec<usize>, names: &[&str]| {
        let names = names.iter().map(ToString::to_string).collect();
        Embeddings::new(values, 2, targets)?.with_names(names)
    };
    vec![
        part(
            vec![0.1, -1e-30, 3.0, 0.3],
            vec![0, 1],
            &["boat/a, \"b\".jpg", "cloud/c.jpg"],
        ),
        part(vec![16_777_217.0, 1.0 / 3.0], vec![1], &["cloud/d\ne.jpg"]),
    ]
}

fn table() -> EmbeddingTable {
    EmbeddingTable::new(3, 2).with_classes(vec!["boat".into(), "cloud".into()])
}

#[test]
fn csv_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.csv");
    let written = table().write(TableFormat::Csv, &path, parts()).unwrap();
    assert_eq!(written, std::slice::from_ref(&path));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("file,class,e0,e1\n\"boat/a, \"\"b\"\".jpg\",boat,0.1,"));
    assert!(text.contains("\n\"cloud/d\ne.jpg\",cloud,"));
    let numbers: Vec<f32> = text
        .split([',', '\n'])
        .filter_map(|cell| cell.parse().ok())
        .collect();
    let expected: Vec<f32> = parts()
        .into_iter()
        .flat_map(|part| part.unwrap().values().to_vec())
        .collect();
    assert_eq!(numbers, expected);
}

#[test]
fn an_array_has_its_names_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.npy");
    let written = table().write(TableFormat::Npy, &path, parts()).unwrap();
    assert_eq!(written, [path.with_extension("csv"), path.clone()]);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes[..128], files::npy_header(&[3, 2]));
    assert_eq!(bytes.len(), 128 + 3 * 2 * 4);
    assert_eq!(bytes[128..132], 0.1f32.to_le_bytes());
    let names = std::fs::read_to_string(&written[0]).unwrap();
    let expected =
        "file,class\n\"boat/a, \"\"b\"\".jpg\",boat\ncloud/c.jpg,cloud\n\"cloud/d\ne.jpg\",cloud\n";
    assert_eq!(names, expected);
    let refused = table().write(TableFormat::Npy, &written[0], parts());
    assert!(matches!(refused, Err(Error::Setting { .. })));
}

#[test]
fn what_is_not_as_announced_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.npy");
    for (rows, dim) in [(4, 2), (2, 2), (3, 3)] {
        let wrong = EmbeddingTable::new(rows, dim);
        let refused = wrong.write(TableFormat::Npy, &path, parts());
        assert!(matches!(refused, Err(Error::Mismatch { .. })));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_names_there_are_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.csv");
    let set = || Embeddings::new(vec![1.0, 2.0], 1, vec![0, 7]);
    let parts = [set(), set()];
    let table = EmbeddingTable::new(4, 1);
    table.write(TableFormat::Csv, &path, parts).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "file,class,e0\n0,0,1\n1,7,2\n2,0,1\n3,7,2\n");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_begins_and_ends_as_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.parquet");
    table().write(TableFormat::Parquet, &path, parts()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let value = 0.1f32.to_le_bytes();
    assert!(bytes.windows(4).any(|window| window == value));
}
