//! The two files of `retrain.py` as a classifier, against TensorFlow (`fixtures/retrained_graph.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use transfer::{Classifier, Layer};

fn graph() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("SHARED_DIR").map_or(beside, PathBuf::from);
    let graph = shared.join("weights/mobilenet_v1_1.0_224/retrained_graph.pb");
    if graph.is_file() {
        return Some(graph);
    }
    eprintln!(
        "skipped: a retrained graph ({} is missing)",
        graph.display()
    );
    None
}

#[test]
fn an_old_classifier_answers_as_in_tensorflow() {
    let Some(graph) = graph() else { return };
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("retrained_labels.txt");
    std::fs::write(&labels, "apples and pears\nbread\n").unwrap();
    let old = Classifier::from_retrained_graph(&graph, &labels).unwrap();
    assert_eq!(old.classes(), ["apples and pears", "bread"]);
    assert_eq!(old.backbone().layer(), Layer::Logits);
    let saved = folder.path().join("saved.safetensors");
    old.save(&saved).unwrap();
    let new = Classifier::load(&saved).unwrap();

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let json = std::fs::read(root.join("tests/fixtures/retrained_graph.json")).unwrap();
    let expected: BTreeMap<String, Vec<f64>> = serde_json::from_slice(&json).unwrap();
    assert_eq!(expected.len(), 4);
    for (picture, expected) in expected {
        let path = root.join(format!("../../tests/fixtures/{picture}.png"));
        for classifier in [&old, &new] {
            for answer in classifier.classify(&path).unwrap() {
                let off = (answer.probability - expected[answer.index]).abs();
                assert!(off < 1e-4, "{picture}: {answer:?}, off by {off:e}");
            }
        }
    }
}

#[test]
fn files_that_do_not_fit_together_are_errors_that_name_them() {
    let Some(graph) = graph() else { return };
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    let open = |graph: &Path| {
        let result = Classifier::from_retrained_graph(graph, &labels);
        result.unwrap_err().to_string()
    };
    assert!(open(&graph).contains("labels.txt")); // It is not there.
    std::fs::write(&labels, "one\ntwo\nthree\n").unwrap();
    let error = open(&graph);
    assert!(
        error.contains("labels.txt: 3 labels") && error.contains("2 classes"),
        "{error}"
    );
    let plain = folder.path().join("net.safetensors");
    let weights = mobilenet::Weights::open("bundled").unwrap();
    weights.save(&plain, mobilenet::FloatType::F16).unwrap();
    let error = open(&plain);
    assert!(
        error.contains("net.safetensors") && error.contains("retrain.py"),
        "{error}"
    );
}
