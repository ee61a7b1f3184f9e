//! Sources and documentation are in American spelling, names included.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// What a British word contains, where the American one has other letters.
const BRITISH: [&str; 44] = [
    "artefact",
    "behaviour",
    "catalogue",
    "centre",
    "centring",
    "colour",
    "customis",
    "defence",
    "equalis",
    "favour",
    "finalis",
    "generalis",
    "grey",
    "honour",
    "initialis",
    "judgement",
    "labelled",
    "labelling",
    "learnt",
    "licence",
    "materialis",
    "minimise",
    "minimisa",
    "modelled",
    "modelling",
    "neighbour",
    "normalis",
    "optimisa",
    "optimise",
    "optimising",
    "organis",
    "penalis",
    "quantis",
    "randomis",
    "recognis",
    "regularis",
    "serialis",
    "specialis",
    "standardis",
    "summaris",
    "synchronis",
    "utilis",
    "vectoris",
    "visualis",
];

/// Where a British word must stay: it is in files that were written before, or the name of a file.
const KEPT: [(&str, &str); 13] = [
    ("crates/attribution/src/baseline.rs", "grey"),
    ("crates/attribution/tests/suite/reference.rs", "grey"),
    ("crates/dataset/src/audit/finding.rs", "colour"),
    ("crates/dataset/src/augment/transform.rs", "colour"),
    ("crates/dataset/src/download/list.rs", "licence"),
    ("crates/dataset/src/download/manifest.rs", "licence"),
    ("crates/dataset/tests/suite/augment.rs", "colour"),
    ("crates/dataset/tests/suite/decode.rs", "grey"),
    ("crates/dataset/tests/suite/download.rs", "licence"),
    ("crates/metrics/tests/suite/reference.rs", "normalis"),
    (
        "crates/transfer/src/head/gradient_descent/config.rs",
        "optimise",
    ),
    (
        "crates/transfer/src/head/logistic_regression/config.rs",
        "regularis",
    ),
    ("tests/suite/attribution.rs", "grey"),
];

/// The text files below a folder that people write, without what tests read as data.
fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "fixtures" | "target" | "shared") && !name.starts_with('.') {
                texts(&path, found);
            }
        } else if [".rs", ".md", ".toml"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            found.push(path.clone());
        }
    }
}

#[test]
fn words_are_american() {
    let mut files = Vec::new();
    texts(root(), &mut files);
    assert!(files.len() > 500, "only {} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.strip_prefix(root()).unwrap();
        let name = name.to_string_lossy().replace('\\', "/");
        if name == "tests/suite/spelling.rs" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        for (number, line) in text.lines().enumerate() {
            let british = BRITISH.iter().filter(|word| line.contains(**word));
            let british = british.filter(|word| !KEPT.contains(&(&*name, **word)));
            wrong.extend(british.map(|word| format!("{name}:{}: {word}", number + 1)));
        }
    }
    assert!(wrong.is_empty(), "British spelling:\n{}", wrong.join("\n"));
}
